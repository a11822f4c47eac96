"""Folders of finished runs that no network made: cells with predictions and trials, and a specification."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.predictions.external import read_external
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.study import study
from analysis.study.trials import read_trials
from benchmark import metrics
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    DONE,
    SPEC,
    TRIAL_COLUMNS,
    TRIALS,
    VALIDATION,
    VALIDATION_COLUMNS,
    read_json,
    write_json,
    write_table,
)
from benchmark.spec import BenchmarkSpec, Cell
from tests.analysis.conftest import make_block

TABLES = {
    "protocol": [{"item": "budget", "value": "<script>x</script>"}],
    "arms": [{"a": 1}],
    "leaks": [],
}


def settings(**changes):
    """Two data sets, two n, two arms, three seeds, six trials; the names hold what pages and figures may misread."""
    standard = {
        "datasets": ("made up", "<b>other</b> $x^$ $"),
        "arms": ("scratch", "imagenet"),
        "n_per_class": (100, 200),
        "seeds": 3,
        "budget": 6,
    }
    return BenchmarkSpec(**(standard | changes))


def write_run(run, spec=None, aurocs=(0.7, 0.8), images=60, first_seed=0):
    """A finished run; the arms' AUROCs rise a little with n."""
    spec = settings() if spec is None else spec
    for d, dataset in enumerate(spec.datasets):
        for i, n in enumerate(spec.n_per_class):
            drawn = make_block(
                first_seed + d, auroc=tuple(auroc + 0.05 * i for auroc in aurocs), seeds=spec.seeds, images=images
            )
            for cell in (cell for cell in spec.cells() if (cell.dataset, cell.n_per_class) == (dataset, n)):
                a, folder = spec.arms.index(cell.arm), cell.folder(run)
                block = replace(
                    drawn,
                    dataset=dataset,
                    n_per_class=n,
                    arms=(cell.arm,),
                    seeds=(cell.seed,),
                    scores=drawn.scores[a : a + 1, cell.seed : cell.seed + 1],
                    rho=n / 1000,
                )
                facts = {"synthetic": d == 0, "title": "<i>T</i>", "holdout": spec.holdout}
                write_block(folder / "predictions.parquet", block, facts)
                key = {"dataset": dataset, "arm": cell.arm, "n_per_class": n, "seed": cell.seed}
                write_trials(folder, key, spec.budget)
                write_json(folder / DONE, {})
    write_json(run / SPEC, {"spec": spec.as_dict(), "hash": "0", "git_commit": "1", "tables": TABLES})
    return run


def write_external(run, spec, aurocs=(0.6, 0.7), images=60, **facts):
    """Predictions of a test set from elsewhere, "far", in every cell of a run that `write_run` wrote."""
    far = make_block(9, auroc=aurocs, seeds=spec.seeds, images=images)
    for cell in spec.cells():
        a, name = spec.arms.index(cell.arm), f"{cell.dataset} -> far"
        scores = far.scores[a : a + 1, cell.seed : cell.seed + 1]
        block = replace(far, dataset=name, n_per_class=cell.n_per_class, arms=(cell.arm,), seeds=(cell.seed,))
        path = cell.folder(run) / "external" / "far.parquet"
        write_block(
            path, replace(block, scores=scores), {"external_of": cell.dataset, "labels": "weak: guessed"} | facts
        )
    return run


def write_validation(run, block, images=40):
    """Validation scores for every cell of a block, drawn from its predictions, in a run's folder."""
    rng = np.random.default_rng(1)
    for a, s in np.ndindex(len(block.arms), len(block.seeds)):
        cell, rows = (
            Cell(block.dataset, block.n_per_class, block.seeds[s], block.arms[a]),
            rng.permutation(len(block.truth))[:images],
        )
        frame = pd.DataFrame(
            {
                "dataset": cell.dataset,
                "arm": cell.arm,
                "n_per_class": cell.n_per_class,
                "seed": cell.seed,
                "trial": 0,
                "fold": rows % 3,
                "sample_id": block.sample_ids[rows],
                "group_id": block.groups[rows].astype(str),
                "y_true": list(block.truth[rows]),
                "y_score": list(block.scores[a, s, 0, rows]),
            }
        )
        write_table(cell.folder(run) / VALIDATION, frame, VALIDATION_COLUMNS)


def write_trials(cell, key, trials):
    """The trials and costs of a cell; the third trial diverged."""
    rng = np.random.default_rng(key["seed"])
    rows = [
        {
            **key,
            "trial": t,
            "state": "COMPLETE",
            "value": 0.7 + 0.1 * rng.random(),
            "fold_values": [0.7, 0.8],
            "parameters": "{}",
            "epochs": 3,
            "images_seen": 100,
            "ended": "diverged: loss is nan" if t == 2 else "ok",
        }
        for t in range(trials)
    ]
    write_table(cell / TRIALS, pd.DataFrame(rows), TRIAL_COLUMNS)
    costs = [{**key, "trial": t, "seconds": 1.0 + t, "peak_memory_mb": 10.0} for t in range(trials)]
    write_table(cell / COSTS, pd.DataFrame(costs), COST_COLUMNS)


def study_of(run, metric="auroc", resamples=100, other=None):
    """The computed study of a run's folder."""
    trials = read_trials(run, read_json(run / SPEC), metrics.find(metric))
    another = None if other is None else read_predictions(other)
    there = read_external(run)
    return study(read_predictions(run), metric, resamples=resamples, trials=trials, other=another, external=there)
