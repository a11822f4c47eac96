"""What makes a comparison of budgets worthless: an arm at chance, a range too narrow, an arm that still rises."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.study.collapse import runs_of_arms
from analysis.study.edges import Edge
from analysis.study.intervals import arm_interval
from analysis.study.rising import Rise
from analysis.study.scores import AUROC
from analysis.study.study import Study

NO_BETTER_THAN_CHANCE = 0.55  # mean AUROC below which an arm has learnt nothing worth comparing


@dataclass(frozen=True, slots=True)
class Chance:
    """An arm's AUROC on the holdout, mean over seeds with its joint interval; how many of its runs are at chance."""

    dataset: str
    n_per_class: int
    arm: str
    auroc: float
    low: float
    high: float
    cells: int
    of: int

    @property
    def flagged(self) -> bool:
        """Whether the arm is at chance: its mean is below .55, or half of its training runs cannot be told from .5.

        The joint interval does not decide: one collapsed run among good ones, or three seeds, widen it beyond .5, and
        the table 'collapse' names those.
        """
        return self.auroc < NO_BETTER_THAN_CHANCE or 2 * self.cells >= self.of


def chances(study: Study) -> list[Chance]:
    """Every arm of every block."""
    rows = []
    for runs in runs_of_arms(study):
        block = runs.scored.block
        (scored,) = (scored for scored in study.of(AUROC) if scored.block is block)
        low, high = arm_interval(scored, runs.a)
        estimate, failed = scored.arm(runs.a).estimate, len(runs.at_chance)
        rows.append(Chance(block.dataset, block.n_per_class, runs.arm, estimate, low, high, failed, len(block.seeds)))
    return rows


def flag_sentences(study: Study) -> list[str]:
    """One sentence a flag, and what it means; empty where none is raised."""
    raised = [_chance(chance) for chance in chances(study) if chance.flagged]
    if study.trials is not None:
        raised += [_edge(edge) for edge in study.edges if edge.flagged]
        raised += [_rise(rise, study.trials.metric.label) for rise in study.rises if rise.flagged]
    if raised:
        raised.append(
            "Budgets are fair only where every arm has learnt something, inside ranges that do not bind: differences "
            "with the arms named here may be those of the settings. The table 'flags' has the counts."
        )
    return raised


def value_text(value: float | str) -> str:
    """An end of a range for people."""
    return value if isinstance(value, str) else f"{value:.3g}"


def _chance(chance: Chance) -> str:
    return (
        f"{_title(chance)}: '{chance.arm}' is at chance: its AUROC on the holdout is {chance.auroc:.3f} (95% CI "
        f"{chance.low:.3f} to {chance.high:.3f}), and of its {chance.of} training runs {chance.cells} cannot be told "
        "from .5."
    )


def _edge(edge: Edge) -> str:
    value = value_text(edge.value)
    if (edge.dimension, edge.end) == ("epochs", "high"):
        return (
            f"{_title(edge)}: the best trial of '{edge.arm}' is at the cap of {value} epochs in {edge.cells} of "
            f"{edge.of} cells: a higher cap may serve it better."
        )
    side = "lower" if edge.end == "low" else "upper"
    return (
        f"{_title(edge)}: the best trial of '{edge.arm}' is at the {side} end of {edge.dimension.replace('_', ' ')} "
        f"({value}) in {edge.cells} of {edge.of} cells: the range is too narrow."
    )


def _rise(rise: Rise, label: str) -> str:
    return (
        f"{_title(rise)}: '{rise.arm}' still rises at the cap of epochs: validation {label} is better by "
        f"{rise.gain:.3f} (standard error {rise.se:.3f}) in trials of the last fifth of their range than in the fifth "
        "before."
    )


def _title(flag: Chance | Edge | Rise) -> str:
    return f"{flag.dataset}, n = {flag.n_per_class}"
