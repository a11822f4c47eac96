"""What makes a comparison of budgets worthless: an arm at chance, a range too narrow, a curve that still rises."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.study.edges import Edge, edges
from analysis.study.intervals import arm_interval
from analysis.study.rising import ERRORS, Rise, rises
from analysis.study.scores import AUROC
from analysis.study.study import Study

NO_BETTER_THAN_CHANCE = 0.55  # mean AUROC below which an arm has learnt nothing worth comparing


@dataclass(frozen=True, slots=True)
class Chance:
    """An arm's AUROC on the holdout, mean over seeds with its joint interval."""

    dataset: str
    n_per_class: int
    arm: str
    auroc: float
    low: float
    high: float

    @property
    def flagged(self) -> bool:
        """Whether the arm is at chance: the interval includes .5, or the mean is below .55."""
        return self.low <= 0.5 or self.auroc < NO_BETTER_THAN_CHANCE


def chances(study: Study) -> list[Chance]:
    """Every arm of every block."""
    return [
        Chance(
            scored.block.dataset,
            scored.block.n_per_class,
            arm,
            scored.arm(a).estimate,
            *arm_interval(scored, a),
        )
        for scored in study.of(AUROC)
        for a, arm in enumerate(scored.block.arms)
    ]


def flag_sentences(study: Study) -> list[str]:
    """One sentence a flag, and what it means; empty where none is raised."""
    raised = [_chance(chance) for chance in chances(study) if chance.flagged]
    if study.trials is not None:
        raised += [_edge(edge) for edge in edges(study.trials) if edge.flagged]
        raised += [_rise(rise, study.trials.metric.label) for rise in rises(study.trials) if rise.flagged]
    if raised:
        raised.append(
            "Budgets are fair only where every arm has learnt something, inside ranges that do not bind: differences "
            "with the arms named here may be those of the settings. The table 'flags' has the counts."
        )
    return raised


def _chance(chance: Chance) -> str:
    return (
        f"{_title(chance)}: '{chance.arm}' cannot be told from chance: its AUROC on the holdout is {chance.auroc:.3f} "
        f"(95% CI {chance.low:.3f} to {chance.high:.3f})."
    )


def _edge(edge: Edge) -> str:
    value = f"{edge.value:g}" if isinstance(edge.value, float | int) else edge.value
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
        f"{_title(rise)}: '{rise.arm}' still rises at the cap of epochs: validation {label} gains {rise.gain:.3f} "
        f"(more than {ERRORS:.0f} standard errors of {rise.se:.3f}) from half of the epochs to the last."
    )


def _title(flag: Chance | Edge | Rise) -> str:
    return f"{flag.dataset}, n = {flag.n_per_class}"
