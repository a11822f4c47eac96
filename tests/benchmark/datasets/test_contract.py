"""Every data set that can be loaded here keeps the contract; a new file in the folder is tested by being there."""

import numpy as np
import pytest

from benchmark import datasets
from benchmark.datasets import leaks
from benchmark.datasets.contract import LoadOptions
from benchmark.errors import InputError
from benchmark.results import TASKS
from tests.conftest import real_data


@pytest.mark.parametrize("name", datasets.names())
def test_contract(name):
    module = datasets.find(name)
    if module.FOLDER is not None:
        root = real_data()
        if root is None or not (root / module.FOLDER).is_dir():
            pytest.skip(f"no {module.FOLDER} here")
    images = datasets.load(name, real_data(), LoadOptions(image_size=32))
    count, classes = images.labels.shape
    assert images.task in TASKS
    assert len(images.classes) == classes
    assert len(set(images.sample_ids)) == count == len(images.groups) == len(images.holdout)
    if images.task != "multilabel":
        assert (images.labels.sum(1) == 1).all()
    assert set(np.unique(images.labels[~np.isnan(images.labels)])) <= {0.0, 1.0}
    assert {"title", "holdout", "source", "licence", "synthetic"} <= set(images.facts)
    assert images.facts["synthetic"] is not module.REAL
    leaks.refuse_shared_groups(images)
    for index in (0, count - 1):
        image = images.read(index)
        assert image.dtype == np.uint8
        assert image.ndim == (2 if images.channels == 1 else 3)
        np.testing.assert_array_equal(image, images.read(index))


def test_shared_groups_are_refused_by_name():
    images = datasets.load("phantom", None, LoadOptions())
    images.holdout[0] = ~images.holdout[0]
    several = np.flatnonzero(images.groups == images.groups[0])
    if len(several) == 1:
        images.groups[0] = images.groups[-1]
    with pytest.raises(InputError, match="both pool and holdout"):
        leaks.refuse_shared_groups(images)


def test_the_phantom_is_the_same_for_a_seed_and_another_for_another():
    first, second = (datasets.load("phantom", None, LoadOptions(root_seed=seed)) for seed in (0, 1))
    again = datasets.load("phantom", None, LoadOptions())
    np.testing.assert_array_equal(first.read(7), again.read(7))
    assert not np.array_equal(first.read(7), second.read(7))
