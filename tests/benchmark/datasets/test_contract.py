"""Every data set that can be loaded here keeps the contract; a new file is tested by being there."""

import json

import numpy as np
import pytest

from benchmark import datasets
from benchmark.audit import counts, leaks
from benchmark.errors import InputError
from benchmark.images.contract import LoadOptions
from benchmark.results import TASKS
from tests.conftest import real_data

#: What stands for a data set that needs a variant.
VARIANTS = {"medmnist": "medmnist:pneumoniamnist"}


@pytest.mark.parametrize("module", datasets.modules(), ids=lambda module: module.NAME)
def test_modules_say_where_they_come_from(module):
    assert module.TITLE
    assert module.ORIGIN.source
    assert module.ORIGIN.licence
    if module.FOLDER is not None:
        assert module.ORIGIN.size
        assert module.ORIGIN.steps
    assert isinstance(module.REAL, bool)
    assert isinstance(module.CORPUS, bool)


@pytest.mark.parametrize("holdout", ["official", "grouped"])
@pytest.mark.parametrize("name", [VARIANTS.get(name, name) for name in datasets.names() if name != "folder"])
def test_contract(name, holdout):
    module = datasets.find(name)
    if module.FOLDER is not None:
        data_root = real_data()
        if data_root is None or datasets.folder_of(module, data_root) is None:
            pytest.skip(f"no {module.FOLDER} here")
    images = datasets.load(name, real_data(), LoadOptions(image_size=32, holdout=holdout))
    count, classes = images.labels.shape
    assert images.task in TASKS
    assert len(images.classes) == classes
    assert len(set(images.sample_ids)) == count == len(images.groups) == len(images.holdout)
    assert images.labels.dtype == np.float32
    if images.task != "multilabel":
        assert (images.labels.sum(1) == 1).all()
    assert set(np.unique(images.labels[~np.isnan(images.labels)])) <= {0.0, 1.0}
    assert {"title", "holdout", "source", "licence", "synthetic"} <= set(images.facts)
    assert images.facts["synthetic"] is images.synthetic is not module.REAL
    assert str(images.facts["holdout"]).startswith(images.holdout_kind)
    assert ("leaks" in images.facts) is not images.groups_known
    assert ("part" in images.facts) is not images.complete
    assert images.dataset == datasets.canonical(name)
    json.dumps(images.facts, sort_keys=True, allow_nan=False)
    leaks.refuse_shared_groups(images)
    if images.task != "multilabel":
        assert (images.labels[images.holdout].sum(0) > 0).all()
        assert (images.labels[~images.holdout].sum(0) > 0).all()
    for index in (0, count - 1):
        image = images.read(index)
        assert image.dtype == np.uint8
        assert image.ndim == (2 if images.channels == 1 else 3)
        np.testing.assert_array_equal(image, images.read(index))
    published = module.ORIGIN.counts
    assert set(published) <= set(counts.of(images)), "published counts are named as they are counted"


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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fantom", "Did you mean 'phantom'"),
        ("phantom:large", "one form only"),
        ("medmnist", "give medmnist:NAME"),
        ("folder", "give folder:PATH"),
    ],
)
def test_names_that_say_too_little_or_too_much(name, message):
    with pytest.raises(InputError, match=message):
        datasets.find(name)


def test_present_names_the_study_and_not_what_serves_otherwise(tmp_path):
    for folder in ("chest_xray", "HAM10000", "CheXpert-v1.0", "brain_mri", "nih_sample", "medmnist"):
        (tmp_path / folder).mkdir()
    assert datasets.present(tmp_path) == ("chest-xray", "chexpert", "ham10000")
    assert datasets.present(None) == ()
