"""What looking before the end does to the error, and what it saves: the rule of `analysis.statistics.sequential`.

Values are normal, as in `familywise`; the comparisons, their correction over the looks and their verdicts are the
public ones (`analysis.study.looks.compare_at_looks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.simulation import familywise
from analysis.simulation.familywise import ALPHA, ARMS, CHEAP, MOST, PAIRS, scored, values
from analysis.simulation.form import Gate
from analysis.statistics.critical import critical
from analysis.statistics.power import Components, detectable_with
from analysis.statistics.sequential import Looks, levels
from analysis.study.looks import compare_at_looks

Floats = npt.NDArray[np.float64]

NAME = "sequential"
TITLE = "Stopping early"
NOTE = (
    "Looks at 3, 5 and 10 seeds, or at 5 and 10; w is the seeds' share of a difference's variance at the last look. "
    "First blocks of three equal arms, as in the family-wise error: 'through the looks' is the share of studies that "
    "claim any difference at any look by the public functions, 'by critical value' the same of the first step of the "
    "correction on 20 studies for every one of the others, and 'unplanned' that of studies that look as often at .05 "
    "without a rule. At most .055, the last one excepted. 'repeated intervals' is the share of single comparisons "
    "whose interval holds the truth at every look: at least .95. Then a difference that one look at the last number "
    "of seeds claims with 80% power, at the level of the correction's first step: 'power' by the last look, 'power, "
    "one look' the fixed design's, 'stopped early' the share claimed before the last look, and 'seeds' the mean "
    "number of seeds until the difference is claimed, at most the last; 'larger' are the same of a difference one and "
    "a half times as large."
)
SIMULATIONS = 4000
BATCH = 50

LOOKS = ((3, 5, 10), (5, 10))
LARGER = 1.5  # times the difference that one look claims with 80% power


@dataclass(frozen=True, slots=True)
class Case(familywise.Case):
    """The looks, the number of pairs in the family, and the seeds' share of the variance at the last look."""

    looks: tuple[int, ...] = (3, 5, 10)

    @property
    def name(self) -> str:
        """For tables and random streams."""
        return f"looks at {','.join(map(str, self.looks))} {self.pairs} pairs w={self.share:g}"


def cases() -> list[Case]:
    """Looks by pairs by shares."""
    return [Case(at[-1], m, w, at) for at in LOOKS for m in (3, 6, 18) for w in (0.3, 0.5, 0.7, 0.9, 1.0)]


def gates(case: Case) -> tuple[Gate, ...]:
    """Of the false claims and the repeated intervals; power and seeds are shown."""
    return (
        Gate("through the looks", 0.0, MOST),
        Gate("by critical value", 0.0, MOST),
        Gate("repeated intervals", 0.945, 1.0),
    )


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) outcomes; those by critical value are means over `CHEAP` as many studies."""
    blocks = case.pairs // len(PAIRS)
    looks = Looks(case.looks, case.seeds)
    claimed = np.zeros(size)
    for i, study in enumerate(values(case, size, blocks, ARMS, rng)):
        *_, last = compare_at_looks(scored(case, study), 1e3, looks)
        claimed[i] = any(comparison.adjusted_p < ALPHA for comparison in last)
    null = _differences(values(case, size * CHEAP, blocks, ARMS, rng))
    of_looks = levels(case.looks)
    family = _beyond(case, null, of_looks / case.pairs).any(axis=(0, 2))
    unplanned = _beyond(case, null, np.full(len(of_looks), ALPHA / case.pairs)).any(axis=(0, 2))
    outside = _beyond(case, null, of_looks).any(axis=0).mean(axis=1)
    parts = Components(case.share * case.seeds, 1 - case.share, 0.0)
    true = detectable_with(parts, case.seeds, 1, alpha=ALPHA / case.pairs)
    noise = _differences(values(case, size * CHEAP, 1, 2, rng))
    steps, larger = (_claimed(case, noise + times * true, of_looks / case.pairs) for times in (1, LARGER))
    last_alone = _beyond(case, noise + true, np.full(len(of_looks), ALPHA / case.pairs))[-1, :, 0]
    cheap = {
        "by critical value": family,
        "unplanned": unplanned,
        "repeated intervals": 1 - outside,
        "power": steps[-1],
        "power, one look": last_alone,
        "stopped early": steps[-2],
        "seeds": _needed(case, steps),
        "larger, stopped early": larger[-2],
        "larger, seeds": _needed(case, larger),
    }
    means = {name: np.asarray(outcome, float).reshape(size, CHEAP).mean(axis=1) for name, outcome in cheap.items()}
    return {"through the looks": claimed} | means


def _differences(studies: Floats) -> Floats:
    """(studies, pairs, S) of all pairs of every block's arms, from (studies, blocks, arms, S) values."""
    first, second = np.array([pair for pair in PAIRS if pair[1] < studies.shape[2]]).T
    return (studies[:, :, second] - studies[:, :, first]).reshape(len(studies), -1, studies.shape[-1])


def _claimed(case: Case, differences: Floats, of_looks: Floats) -> npt.NDArray[np.bool_]:
    """(L, studies) whether the only pair's difference was claimed by each look."""
    return np.asarray(np.logical_or.accumulate(_beyond(case, differences, of_looks)[:, :, 0], axis=0))


def _needed(case: Case, claimed: npt.NDArray[np.bool_]) -> Floats:
    """(studies,) numbers of seeds at which one would have stopped."""
    return np.asarray(case.looks[0] + np.diff(case.looks) @ ~claimed[:-1])


def _beyond(case: Case, differences: Floats, of_looks: Floats) -> npt.NDArray[np.bool_]:
    """(L, studies, pairs) whether the statistic of every look is beyond the critical value at its level."""
    beyond = []
    for count, level in zip(case.looks, of_looks, strict=True):
        part = differences[..., :count]
        seed_part = part.var(axis=-1, ddof=1) / count
        total = seed_part + (1 - case.share)
        beyond.append(np.abs(part.mean(axis=-1)) / np.sqrt(total) > critical(seed_part / total, count, float(level)))
    return np.array(beyond)
