"""Predictions that no network made: latent-normal scores with effects of seed, patient and image."""

import numpy as np
import pandas as pd

from benchmark.results import PREDICTION_COLUMNS, TableInfo, write_table


def predictions(
    arms=("scratch", "imagenet"),
    seeds=4,
    patients=40,
    images=2,
    classes=2,
    refits=1,
    shift=(0.9, 1.3),
    task=None,
    seed=0,
):
    """A frame in the documented form: arm i separates the classes by about shift[i] standard deviations."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(patients), images)
    label = group % classes
    truth = np.eye(classes)[label]
    common = rng.normal(size=(patients, classes))[group] + 0.5 * rng.normal(size=(len(group), classes))
    frames = []
    for a, arm in enumerate(arms):
        for s in range(seeds):
            wobble = rng.normal(scale=0.1)
            for r in range(refits):
                logits = (shift[a % len(shift)] + wobble) * truth + common + 0.4 * rng.normal(size=truth.shape)
                if task == "multilabel":
                    score = 1 / (1 + np.exp(-logits))
                else:
                    score = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
                frames.append(
                    pd.DataFrame(
                        {
                            "dataset": "sim",
                            "arm": arm,
                            "n_per_class": 100,
                            "seed": s,
                            "refit": r,
                            "sample_id": [f"image{i:04d}" for i in range(len(group))],
                            "group_id": [f"patient{g}" for g in group],
                            "y_true": list(truth.astype(np.float32)),
                            "y_score": list(score.astype(np.float32)),
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def info(classes=2, task="binary", **facts):
    return TableInfo({"sim": tuple(f"c{k}" for k in range(classes))}, {"sim": task}, {"sim": facts})


def written(path, frame, info=None):
    write_table(path, frame, PREDICTION_COLUMNS, info)
    return path
