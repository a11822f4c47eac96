"""What a reader must keep in mind: few seeds, fixed models, redrawn resamples, unequal budgets, another holdout."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.predictions.block import Block
    from analysis.study.locked_plan import LockedPlan
    from analysis.study.other_holdout import OtherHoldout
    from analysis.study.study import BlockStudy, Study
    from analysis.study.trials import Trials

RECOMMENDED_SEEDS = 5
LEFT_OUT = (
    "The trained models are held fixed: nothing here says what training them again, or on another sample, would give. "
    "What is about new training samples is left out: label-equivalent gains, effect sizes over seeds, the probability "
    "of a failed training run, and what more seeds would find."
)
BEYOND_REACH = 6.0  # standard errors that no difference should be hoped to exceed


def remarks_on(study: Study) -> list[str]:
    """One sentence a reservation, in the order of the blocks."""
    sentences = [LEFT_OUT] if study.estimand == "models" else []
    sentences += [sentence for member in study.blocks for sentence in _of_block(member)]
    sentences += _not_all_drawn(study)
    sentences += out_of_reach(study)
    sentences += _no_validation(study)
    if study.trials is not None and (sentence := unequal_budgets(study.trials)):
        sentences.append(sentence)
    return sentences


def remark_on_plan(plan: LockedPlan, departures: Sequence[str]) -> str:
    """Whether the report keeps to the plan that was locked before the holdout was opened."""
    locked = f"The plan of {plan.locked} (SHA-256 {plan.hash[:12]})"
    if not departures:
        return f"{locked} was locked before the first predictions of the holdout existed, and is kept to."
    return f"{locked} is departed from: {'; '.join(departures)}."


def out_of_reach(study: Study) -> list[str]:
    """A sentence for each number of seeds, up to 4, with which the family's correction leaves hardly any verdict."""
    if study.estimand == "models":
        return []
    sentences = []
    tested = [comparison for comparison in study.comparisons if comparison.verdict != "not tested"]
    for seeds in sorted({comparison.seeds for comparison in tested if comparison.seeds < RECOMMENDED_SEEDS}):
        comparisons = [comparison for comparison in tested if comparison.seeds == seeds]
        bound = median(comparison.inference.critical(comparison.alpha) for comparison in comparisons)
        if bound > BEYOND_REACH:
            sentences.append(
                f"With {seeds} seeds and {comparisons[0].family} comparisons no verdict can be reached unless a "
                f"difference is more than about {bound:.0f} times its standard error (twice would do for one "
                "comparison and many seeds): train on more seeds, or name fewer comparisons before the holdout is "
                "opened."
            )
    return sentences


def remark_on_other(other: OtherHoldout, shown: bool) -> str:
    """What to say of the run on another holdout, whose table of the shift is shown or not."""
    if other.problem:
        return f"{other.name}, the same run on another holdout, is left out: {other.problem}"
    if shown:
        return f"The table 'shift' is against the run in the folder {other.name}."
    return f"{other.name} has no arm on another holdout of these data sets: there is no shift to show."


def unequal_budgets(trials: Trials) -> str | None:
    """A sentence on cells with different numbers of trials; None where all have the same."""
    from analysis.study.trials import CELL

    counts = trials.frame.groupby(CELL).size()
    if counts.min() == counts.max():
        return None
    return (
        f"The cells do not have the same number of trials ({counts.min()} to {counts.max()}): the comparison of the "
        "arms is not one of equal budgets."
    )


def _of_block(member: BlockStudy) -> list[str]:
    block = member.block
    name, count = block.title, len(block.seeds)
    sentences = [] if block.estimand == "models" else _on_seeds(block)
    if block.estimand == "models" and count > 1:
        sentences.append(f"{name}: an arm stands for its {count} trained models, and its value is their mean.")
    if member.redrawn:
        sentences.append(f"{name}: {member.redrawn} bootstrap resamples lacked a class and were drawn again.")
    return sentences


def _not_all_drawn(study: Study) -> list[str]:
    """What the forest plot leaves out, a sentence for all blocks of which it leaves out the same."""
    from analysis.figures._drawing import MOST_PAIRS

    blocks: dict[str, list[str]] = {}
    for member in study.blocks:
        block = member.block
        pairs = len(block.arms) * (len(block.arms) - 1) // 2
        if pairs > MOST_PAIRS:
            shown = "the best arm" if block.estimand == "models" else f"'{block.arms[0]}'"
            sentence = (
                f"{len(block.arms)} arms make {pairs} pairs. The forest plot shows those with {shown}, the figure "
                "'matrix' and the table 'pairwise' all of them."
            )
            blocks.setdefault(sentence, []).append(block.title)
    return [f"{'; '.join(titles)}: {sentence}" for sentence, titles in blocks.items()]


def _no_validation(study: Study) -> list[str]:
    """A sentence where cells of the run keep no scores of validation, so that no threshold can be fixed on them."""
    from benchmark.results import VALIDATION, own_and_other

    if study.run is None:
        return []
    lacking, count = [], 0
    for member, kept in zip(study.blocks, study.validation, strict=True):
        block = member.block
        if own_and_other(block.dataset)[1]:
            continue
        cells = [(a, s) for a in range(len(block.arms)) for s in range(len(block.seeds))]
        count += len(cells)
        lacking += [f"{block.title}, {block.arms[a]}, seed {block.seeds[s]}" for a, s in cells if (a, s) not in kept]
    if not lacking:
        return []
    listed = "" if len(lacking) == count else f" ({'; '.join(lacking[:3])}{'; ...' if len(lacking) > 3 else ''})"
    return [
        f"{len(lacking)} of {count} cells keep no scores of validation ({VALIDATION}){listed}: an older version ran "
        "them. So no thresholds are fixed on validation for their arms, which the chapter 'Operating points' would "
        "show. A larger --budget makes them, or the run's own command after done.json is removed from the cells: "
        "of each, one trial and the refits are computed again."
    ]


def _on_seeds(block: Block) -> list[str]:
    """What few training seeds and an unknown overlap mean for claims about new training samples."""
    from analysis.statistics.inference import FEWEST_SEEDS
    from analysis.study.sentences import INSTEAD

    count = len(block.seeds)
    if count == 1:
        return [
            f"{block.title}: one training seed. All intervals are about these trained models and new patients only; "
            f"p-values are refused, as the variance between training samples is unknown. {INSTEAD}."
        ]
    sentences = []
    if block.estimand == "population" and not block.rho_known:
        sentences.append(
            f"{block.title}: the overlap rho of the training subsamples is not recorded; rho = 0 is assumed."
        )
    if count < FEWEST_SEEDS:
        sentences.append(
            f"{block.title}: {count} training seeds. p-values are refused below {FEWEST_SEEDS}: the variance between "
            f"training samples cannot be judged from them. {INSTEAD}."
        )
    elif count < RECOMMENDED_SEEDS:
        sentences.append(
            f"{block.title}: {count} training seeds. Intervals are wide and approximate; {RECOMMENDED_SEEDS} or more "
            "are recommended."
        )
    return sentences
