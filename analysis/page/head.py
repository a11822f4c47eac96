"""What the page says first: the findings, what they rest on, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.page.answer import answer
from analysis.page.credit import credit
from analysis.page.elsewhere import sentences_on
from analysis.page.findings import findings
from analysis.page.looks import on_look

if TYPE_CHECKING:
    from analysis.study.scores import Scored
    from analysis.study.study import Study

#: key of spec.json -> what it is called.
OF_THE_RUN = {"git_commit": "commit", "hash": "specification", "hardware": "hardware", "versions": "versions"}
#: Of studies about new training samples, and of fixed models.
TITLES = ("Low-data imaging benchmark", "Trained models compared")
LIMITS = (
    "A pretrained arm stands for its checkpoint: one checkpoint is one draw of pretraining, and nothing here covers "
    "another pretraining run.",
    "An arm stands for its trained models as they are: nothing here covers training or pretraining them again.",
)


@dataclass(frozen=True, slots=True)
class Head:
    """The page's first part.

    Attributes:
        title: of the page.
        synthetic: names of the data sets that are not real.
        all_synthetic: whether none is.
        metric: label of the primary metric.
        margin: of equivalence, in its units.
        about: what intervals and p-values are about.
        tested: whether any comparison is.
        warnings: on a look that nobody planned, patients that are not known, training runs that collapsed and unfair
            budgets; they stand before the findings.
        looks: on the look of a locked plan that the report is; they stand there too.
        answers: (data set, n, the answer, a paragraph a line) of every block.
        arms: (name, what it is) of the arms that the run describes.
        sentences: (data set, n, one sentence a comparison, or a verdict where there are many) of every block.
        facts: (name, value) pairs.
        limit: what no claim covers.
        remarks: what was assumed or left out, after the warnings.
    """

    title: str
    synthetic: Sequence[str]
    all_synthetic: bool
    metric: str
    margin: float
    about: str
    tested: bool
    warnings: Sequence[str]
    looks: Sequence[str]
    answers: Sequence[tuple[str, int, str]]
    arms: Sequence[tuple[str, str]]
    sentences: Sequence[tuple[str, int, Sequence[str]]]
    facts: Sequence[tuple[str, str]]
    limit: str
    remarks: Sequence[str]


def head(study: Study, described: Mapping[str, Any], remarks: Sequence[str], cautions: Sequence[str] = ()) -> Head:
    """The head of a study's page.

    Args:
        study: what is reported.
        described: the run's spec.json; empty where only predictions are at hand.
        remarks: what was assumed or left out.
        cautions: what makes the report exploratory.
    """
    from analysis.study.about import intervals_about
    from analysis.study.collapse import collapse_sentences
    from analysis.study.flags import flag_sentences

    datasets = list(dict.fromkeys(member.block.dataset for member in study.blocks))
    warnings = [*cautions, *_unknown_patients(study, datasets), *collapse_sentences(study), *flag_sentences(study)]
    synthetic = [name for name in datasets if study.predictions.facts.get(name, {}).get("synthetic")]
    return Head(
        title=f"{TITLES[study.estimand == 'models']}: {', '.join(datasets)}",
        synthetic=synthetic,
        all_synthetic=len(synthetic) == len(datasets),
        metric=study.primary.label,
        margin=study.margin,
        about=intervals_about(study),
        tested=any(comparison.verdict != "not tested" for comparison in study.comparisons),
        warnings=warnings,
        looks=on_look(study),
        answers=[(scored.block.dataset, scored.block.n_per_class, _answer(study, scored)) for scored in study.scored],
        arms=_arms(study, described),
        sentences=_sentences(study),
        facts=[*_of_datasets(study, datasets), *_of_study(study), *_of_run(described)],
        limit=LIMITS[study.estimand == "models"],
        remarks=[*warnings, *remarks],
    )


def _answer(study: Study, scored: Scored) -> str:
    block = scored.block
    comparisons = study.comparisons_of(scored)
    parts = [
        answer(scored, comparisons),
        credit(block.arms, block.dataset, study.arms, comparisons),
        *sentences_on(study, block.dataset, block.n_per_class),
    ]
    return "\n".join(part for part in parts if part)


def _unknown_patients(study: Study, datasets: Sequence[str]) -> list[str]:
    """A sentence for every data set of which nobody says which images are of one patient."""
    from benchmark.enough_patients import unknown_patients

    reasons = {name: study.predictions.facts.get(name, {}).get("leaks") for name in datasets}
    return [unknown_patients(name, str(reason)) for name, reason in reasons.items() if reason]


def _sentences(study: Study) -> list[tuple[str, int, list[str]]]:
    return [
        (
            scored.block.dataset,
            scored.block.n_per_class,
            findings(study.comparisons_of(scored), study.rankings(scored)),
        )
        for scored in study.scored
    ]


def _arms(study: Study, described: Mapping[str, Any]) -> list[tuple[str, str]]:
    from analysis.study.arm_facts import title_of

    arms = dict.fromkeys(arm for member in study.blocks for arm in member.block.arms)
    return [(arm, title) for arm in arms if (title := title_of(described, arm))]


def _of_datasets(study: Study, datasets: Sequence[str]) -> list[tuple[str, str]]:
    facts = []
    for name in datasets:
        of_dataset = study.predictions.facts.get(name, {})
        known = [str(of_dataset[key]) for key in ("title", "source") if of_dataset.get(key)]
        if of_dataset.get("holdout"):
            known.append(f"holdout: {of_dataset['holdout']}")
        if known:
            facts.append((name, "; ".join(known)))
    return facts


def _of_study(study: Study) -> list[tuple[str, str]]:
    counts = sorted({len(member.block.seeds) for member in study.blocks})
    resamples = len(study.blocks[0].shares)
    return [
        ("training seeds", ", ".join(map(str, counts))),
        ("bootstrap", f"{resamples} resamples, seed {study.seed}"),
    ]


def _of_run(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    starts = described.get("starts")
    last = starts[-1] if isinstance(starts, list) and starts and isinstance(starts[-1], Mapping) else {}
    for key, name in OF_THE_RUN.items():
        value = last.get(key) or described.get(key)
        if value:
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
            facts.append((name, text))
    return facts
