"""Two hundred damaged inputs from a seed: a clear error, a counted skip, or a good end; never a traceback."""

import numpy as np
import pytest

from analysis.predictions.reading import read_predictions
from analysis.study.locked_plan import read_plan
from benchmark import datasets
from benchmark.errors import InputError
from benchmark.images import decoding
from benchmark.images.contract import LoadOptions
from benchmark.runs.planning import draw_all, measure_overlaps, training_priors
from benchmark.spec import BenchmarkSpec, preset_path, read_preset
from benchmark.weights.find import find
from tests.faults import damage

PLAN = """metric = "auroc"
margin = 0.02
estimand = "population"
datasets = ["toy"]
arms = []
n_per_class = [8]
locked = "2026-01-01T00:00:00+00:00"
looks = [3, 5]
hash = "0"
"""


def load_and_decode(rng, root):
    name = rng.choice(damage.DATASETS)(rng, root)
    images = datasets.load(name, root, LoadOptions(image_size=16, memory=root))
    for skip in (False, True):
        try:
            decoded = decoding.decoded(images, 16, root / "cache", skip_bad=skip)
        except InputError:
            if skip:
                raise
            continue
        assert decoded.pixels.shape[0] == len(decoded.images.sample_ids) == len(decoded.hashes)
    spec = BenchmarkSpec(datasets=(images.dataset,), n_per_class=(4,), seeds=2, folds=2, min_per_class=2)
    draws = draw_all(spec, decoded.images)
    measure_overlaps(decoded.images, draws)
    training_priors(decoded.images, draws)


def start_from_weights(rng, root):
    find("resnet18", str(rng.choice(["medical", "imagenet"])), damage.weights(rng, root), root, False, 64)


def take_a_preset(rng, root):
    damage.toml(rng, root / "mine.toml", preset_path("study").read_text())
    BenchmarkSpec(**({"datasets": ("phantom",)} | read_preset(root / "mine.toml")))


def take_a_plan(rng, root):
    damage.toml(rng, root / "plan.toml", PLAN)
    read_plan(root / "plan.toml")


def analyse(rng, root):
    damage.parquet(rng, root / "predictions.parquet")
    read_predictions(root / "predictions.parquet")


WAYS = (load_and_decode,) * 5 + (start_from_weights, take_a_preset, take_a_plan, analyse, analyse)


def try_one(number, root):
    """Whether the input was refused; any other exception is the test's failure."""
    rng = np.random.default_rng([11, number])
    try:
        WAYS[number % len(WAYS)](rng, root)
    except InputError as error:
        assert str(error).strip(), "the error says something"
        return True
    return False


@pytest.mark.parametrize("part", range(4))
def test_damaged_inputs_end_in_clear_errors(tmp_path, part):
    refused = 0
    for number in range(part * 50, part * 50 + 50):
        root = tmp_path / f"{number}"
        root.mkdir()
        try:
            refused += try_one(number, root)
        except Exception as error:
            raise AssertionError(f"input {number}: {type(error).__name__}") from error
    assert refused >= 20, "most of them are damaged where it matters"
