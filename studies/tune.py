"""One study: ask, evaluate, tell, until exactly `budget` trials are finished. The only file that imports optuna.

A study is one journal file. It may be killed at any moment and continued: the sampler is built afresh for each
trial from the cell and the number of finished trials, so the continued study asks what an uninterrupted one would.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.intact import set_aside
from benchmark.methods import Dimension, Parameters
from benchmark.seeds import int_seed, seed_for
from studies.curves import Curve
from studies.journal import OUTCOME, JournalFile

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trial gave.

    Attributes:
        value: mean over the folds of the tuned metric, in its natural units; the worst value where it diverged.
        fold_values: the metric in each fold that was finished.
        epochs: epochs asked for, summed over the folds that were begun.
        images_seen: training images passed through, augmented views counted.
        ended: "ok", or "diverged: ..." with the reason.
        seconds: wall time.
        peak_memory_mb: largest memory of the process (or of the device) until then.
        curves: loss and validation value by epoch, of every fold that was begun.
        features_used: images whose features of frozen layers were taken, counted at every use.
        features_computed: those of them that passed through the frozen layers now, not at an earlier time.
    """

    value: float
    fold_values: tuple[float, ...]
    epochs: int
    images_seen: int
    ended: str
    seconds: float
    peak_memory_mb: float
    curves: tuple[Curve, ...] = ()
    features_used: int = 0
    features_computed: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished trial: its place among the finished ones, its parameters and what it gave."""

    number: int
    parameters: Parameters
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Search:
    """What a study is: its journal, its space, and the randomness it draws from.

    Attributes:
        journal: the study's file.
        cell: the cell's key.
        space: the dimensions.
        default: trial 0.
        sampler: "tpe", "random", "qmc" or "gp".
        higher_is_better: the tuned metric's direction.
        root_seed: the run's root seed.
    """

    journal: Path
    cell: str
    space: Sequence[Dimension]
    default: Parameters
    sampler: str
    higher_is_better: bool
    root_seed: int


def tune(
    search: Search,
    budget: int,
    evaluate: Callable[[int, Parameters], Outcome],
    finished: Callable[[Trial], None] = lambda trial: None,
    check: Callable[[], None] = lambda: None,
    improved: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Run the study until exactly `budget` trials are finished, and return them in order.

    One process at a time may: the one that holds the cell's lease (`studies.attempt`).

    Args:
        search: the study.
        budget: finished trials wanted. Those already in the journal count.
        evaluate: (trial number, parameters) -> outcome. An exception leaves the trial unfinished: it is asked
            again, with the same parameters, when the study is continued.
        finished: called after each newly finished trial.
        check: called before anything is written; its error ends the search.
        improved: called after each newly finished trial that is the best so far, before `finished`.

    Raises:
        InputError: the journal holds more than `budget` trials.
    """
    with _study(search, check) as (study, trials):
        if len(trials) > budget:
            raise InputError(
                f"{search.journal} holds {len(trials)} finished trials, more than the budget of {budget}. "
                f"A budget can grow, not shrink: ask for at least {len(trials)}, or use another --out folder."
            )
        distributions = {dimension.name: _distribution(dimension) for dimension in search.space}
        while len(trials) < budget:
            number = len(trials)
            study.sampler = _sampler(search, number)
            asked = study.ask(distributions)
            outcome = evaluate(number, asked.params)
            check()
            asked.set_user_attr(OUTCOME, asdict(outcome))
            study.tell(asked, outcome.value)
            trials.append(Trial(number, asked.params, outcome))
            if best(trials, search.higher_is_better) is trials[-1]:
                improved(trials[-1])
            finished(trials[-1])
        return trials


def best(trials: Sequence[Trial], higher_is_better: bool = True) -> Trial:
    """The trial of the best value, the earliest of equals."""
    sign = 1 if higher_is_better else -1
    return max(trials, key=lambda trial: (sign * trial.outcome.value, -trial.number))


@contextmanager
def _study(search: Search, check: Callable[[], None]) -> Iterator[tuple[optuna.Study, list[Trial]]]:
    """The study and its finished trials. A journal that cannot be read is set aside, and the study begun anew."""
    try:
        journal, study, trials = _opened(search, check)
    except _Unreadable as error:
        moved = set_aside(search.journal)
        name = search.journal if moved is None else moved.name
        sys.stderr.write(
            f"{search.cell}: its journal cannot be read ({error}); set aside as {name}; computed again from the start\n"
        )
        journal, study, trials = _opened(search, check)
    with closing(journal):
        yield study, trials


class _Unreadable(Exception):
    """A journal that is no study's."""


#: What damaged lines make Optuna raise, and a folder in the journal's place. Other errors are not the journal's.
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError, IsADirectoryError)


def _opened(search: Search, check: Callable[[], None]) -> tuple[JournalFile, optuna.Study, list[Trial]]:
    journal = None
    search.journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        journal = JournalFile(search.journal, check)
        study = _open(search, journal)
        return journal, study, _finished(study)
    except Exception as error:
        if journal is not None:
            journal.close()
        if not isinstance(error, DAMAGE):
            raise
        raise _Unreadable(f"{type(error).__name__}: {error}".splitlines()[0][:200]) from error


def _open(search: Search, journal: JournalFile) -> optuna.Study:
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    storage = optuna.storages.JournalStorage(journal)  # type: ignore[arg-type]
    study = optuna.create_study(
        study_name=search.cell,
        storage=storage,
        direction="maximize" if search.higher_is_better else "minimize",
        load_if_exists=True,
    )
    for trial in study.get_trials(deepcopy=False):
        if trial.state == TrialState.RUNNING:  # its process died: the same parameters are asked again
            study.tell(trial.number, state=TrialState.FAIL)
            if len(trial.params) == len(search.space):
                study.enqueue_trial(trial.params)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.WAITING)):
        study.enqueue_trial(dict(search.default))
    return study


def _finished(study: optuna.Study) -> list[Trial]:
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    finished = []
    for number, trial in enumerate(sorted(trials, key=lambda trial: trial.number)):
        stored = dict(trial.user_attrs[OUTCOME])
        stored["fold_values"] = tuple(stored["fold_values"])
        stored["curves"] = tuple(
            Curve(**{name: tuple(values) for name, values in curve.items()}) for curve in stored.get("curves", ())
        )
        finished.append(Trial(number, trial.params, Outcome(**stored)))
    return finished


def _sampler(search: Search, number: int) -> optuna.samplers.BaseSampler:
    import optuna

    seed = int_seed(seed_for(search.root_seed, "search", cell=search.cell, trial=number)) % 2**32
    if search.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if search.sampler == "gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
    # One low-discrepancy sequence serves the whole study: its scrambling may not change with the trial.
    fixed = int_seed(seed_for(search.root_seed, "search", cell=search.cell)) % 2**32
    return optuna.samplers.QMCSampler(scramble=True, seed=fixed)


def _distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.kind == "choice":
        return CategoricalDistribution(dimension.choices)
    if dimension.kind == "int":
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)
