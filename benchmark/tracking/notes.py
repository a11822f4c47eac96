"""What MLflow's pages say in words, as Markdown: notes of experiments, arms and studies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.spec import Cell
from benchmark.tracking.answer import ArmAnswer

LONGEST = 5000  # characters that MLflow takes as an experiment's note
#: Facts of a data set that differ from n to n.
OF_SUBSAMPLES = ("overlap", "training_prior")
#: What a verdict begins with that says more than that a comparison is open; the worse arm's says the same again.
CLAIMS = ("better than", "equivalent to")
#: Settings of a run that its note gives, and what they are of.
SETTINGS = (
    ("budget", "trials a study"),
    ("seeds", "training samples"),
    ("folds", "inner folds"),
    ("image_size", "pixels"),
    ("backbone", "as the backbone"),
)


def answer_note(described: Mapping[str, Any], answers: Sequence[ArmAnswer], trials: str) -> str:
    """The note of a run's experiment: the answer as a table, and how to read the page.

    Args:
        described: the run's spec.json.
        answers: of its report; empty before it is written.
        trials: address of its trials, after the hash.
    """
    spec = described.get("spec", {})
    if answers:
        rows = [*map(_line, answers)]
        lines = [
            _shortened(_in_short(answers), LONGEST // 4),
            "",
            f"| data set | n per class | arm | {answers[0].metric} | 95% CI | verdict |",
            "|---|---|---|---|---|---|",
            *rows[: _fitting(rows, LONGEST // 2)],
            "",
            *([f"The report has all {len(rows)} rows.", ""] if _fitting(rows, LONGEST // 2) < len(rows) else []),
            "Verdicts are corrected over all comparisons; the report says what the intervals are about.",
        ]
    else:
        lines = ["The answer will stand here when all studies have finished and the report is written."]
    lines += [
        "",
        "Every row is an arm, with its studies folded beneath it, one a training sample. The report, its figures and "
        f"its tables are artifacts of every arm. The trials stand apart: [every trial](#{trials}).",
    ]
    settings = [f"{spec[name]} {text}" for name, text in SETTINGS if spec.get(name) is not None]
    return "\n".join([*lines, *(["", f"{', '.join(settings)}."] if settings else [])])


def _fitting(lines: Sequence[str], room: int) -> int:
    """How many of the lines, from the first on, hold no more than so many characters."""
    lengths = itertools.accumulate(len(line) + 1 for line in lines)
    return sum(length <= room for length in lengths)


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 5]}...**"


def _in_short(answers: Sequence[ArmAnswer]) -> str:
    """One line, which the page shows before it is unfolded: every block's arms, the best first, and what is decided."""
    blocks = []
    for best in (answer for answer in answers if answer.rank == 0):
        of_block = [of for of in answers if (of.dataset, of.n_per_class) == (best.dataset, best.n_per_class)]
        arms = ", ".join(" ".join([of.arm, numbers_of(of)[0]]) for of in of_block)
        decided = [f"{of.arm} {part}" for of in of_block for part in of.verdict.split("; ") if part.startswith(CLAIMS)]
        size = f", n = {best.n_per_class}" if best.n_per_class else ""
        synthetic = "SYNTHETIC data, " if best.synthetic else ""
        blocks.append(
            f"{synthetic}{best.dataset}{size}: {best.metric} of {arms}; {', '.join(decided) or 'all is open'}"
        )
    return f"**{'. '.join(blocks)}.**"


def _line(answer: ArmAnswer) -> str:
    size = str(answer.n_per_class) if answer.n_per_class else ""
    cells = [answer.dataset, size, answer.arm, *numbers_of(answer), answer.verdict or "nothing is compared"]
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"


def numbers_of(answer: ArmAnswer) -> tuple[str, str]:
    """Estimate and interval as text, three decimals; the interval is empty where there is none."""
    low, high = (answer.numbers.get(name) for name in ("ci_low", "ci_high"))
    interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    estimate = answer.numbers.get(f"holdout_{answer.metric}")
    return "not known" if estimate is None else f"{estimate:.3f}", interval


def arm_note(described: Mapping[str, Any], arm: str, answer: ArmAnswer | None = None, page: str = "") -> str:
    """The note of an arm: what it is and, with an answer, how it fared.

    Args:
        described: the run's spec.json.
        arm: its name.
        answer: of the report, once it is written.
        page: address of the report's page, after the hash.
    """
    record = described.get("arms", {}).get(arm)
    title = record.get("title") if isinstance(record, Mapping) else record  # of an older version's run
    lines = [f"**{arm}**: {title}" if title else f"**{arm}**"]
    if answer is None:
        return "\n".join([*lines, "", "Its numbers come with the report, when all studies have finished."])
    estimate, interval = numbers_of(answer)
    lines += ["", f"{answer.metric} {estimate}" + (f" (95% CI {interval})" if interval else "")]
    lines += ["", answer.verdict] if answer.verdict else []
    return "\n".join([*lines, "", f"[The report](#{page}), with its figures and tables among the artifacts"])


def study_note(cell: Cell, facts: Mapping[str, Any], trials: str, of_arm: str) -> str:
    """The note of a study: what it learns from, and where its trials are.

    Args:
        cell: which.
        facts: of its data.
        trials: address of its trials, after the hash.
        of_arm: address of all trials of its arm, with parallel coordinates.
    """
    lines = [f"**{cell.arm}** on {cell.dataset}, n = {cell.n_per_class}, seed {cell.seed}", ""]
    lines += [f"[Its trials](#{trials}), with curves by epoch", ""]
    lines += [f"[Parallel coordinates over the trials of {cell.arm}](#{of_arm})", ""]
    return "\n".join(lines + [f"- {name}: {short(value)}" for name, value in sorted(facts.items())])


def trials_note(run: str, results: str) -> str:
    """The note of the experiment that holds a run's trials.

    Args:
        run: its name.
        results: address of the arms and studies, after the hash.
    """
    return (
        f"Every trial of {run}, of all arms and training samples, apart from [the answer](#{results}).\n\n"
        '`params.arm = "scratch" and params.seed = "0"` in the search field leaves one arm on one training sample; the '
        "page of a study has links to its trials, and to parallel coordinates over the parameters of its arm.\n\n"
        "`epochs` is what the trial was asked for, in every fold; `epochs_all_folds` is what was run, over all folds."
    )


def short(value: Any) -> str:
    """A fact as text of at most 200 characters."""
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
