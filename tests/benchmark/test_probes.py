"""Classifiers on frozen features: against their definitions, and on the labels and ties that real data have."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from benchmark import methods, metrics
from benchmark.methods import NetworkSpec, knn, linear_probe
from benchmark.methods._frozen import prepare
from benchmark.seeds import rng_for, seed_for
from benchmark.training.features import frozen_features
from benchmark.training.streams import seeded
from benchmark.weights.find import WeightFile, find
from benchmark.weights.load import load_backbone
from benchmark.weights.stages import split

FITTED = [method.NAME for method in methods.all_methods() if not methods.is_trained(method)]


@pytest.fixture
def cloud():
    """40 rows of 6 features, three classes that overlap, and 15 more rows."""
    rng = rng_for(0, "probes")
    classes = np.arange(55) % 3
    rows = rng.normal(size=(55, 6)) * [1, 5, 0.2, 1, 1, 3] + classes[:, None] * 0.5 + 4
    return rows[:40], np.eye(3)[classes[:40]], rows[40:]


def test_the_probe_is_the_minimum_of_its_penalised_loss(cloud):
    rows, targets, others = cloud
    parameters = linear_probe.DEFAULTS | {"strength": 0.01}
    scores = linear_probe.fit(rows, targets, "multiclass", parameters)(others)
    z = (rows - rows.mean(0)) / rows.std(0)
    norm = np.sqrt((z**2).sum(1).mean())

    def softmax(x, w):
        logits = x @ w[:-1] + w[-1]
        return (
            np.exp(logits - logits.max(1, keepdims=True))
            / np.exp(logits - logits.max(1, keepdims=True)).sum(1)[:, None]
        )

    def loss(flat):
        w = flat.reshape(7, 3)
        return -np.log(softmax(z / norm, w)[targets == 1]).mean() + 0.005 * (w[:-1] ** 2).sum()

    w = minimize(loss, np.zeros(21), tol=1e-12).x.reshape(7, 3)
    expected = softmax((others - rows.mean(0)) / rows.std(0) / norm, w)
    np.testing.assert_allclose(scores, expected, atol=2e-3)


def test_the_probes_strength_means_the_same_whatever_the_features_scale(cloud):
    rows, targets, others = cloud
    parameters = linear_probe.DEFAULTS | {"standardise": "none", "strength": 1e-2}
    once = linear_probe.fit(rows, targets, "multiclass", parameters)(others)
    again = linear_probe.fit(100 * rows, targets, "multiclass", parameters)(100 * others)
    np.testing.assert_allclose(once, again, atol=1e-6)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_scores_are_probabilities_under_every_choice(name, task, cloud):
    method, (rows, targets, others) = methods.find(name), cloud
    targets = targets[:, :2] if task == "multilabel" else targets
    targets = np.stack([targets[:, 0], 1 - targets[:, 0]], 1) if task == "binary" else targets
    for dimension in method.DIMENSIONS:
        for value in dimension.choices or (dimension.low, dimension.high):
            scores = method.fit(rows, targets, task, method.DEFAULTS | {dimension.name: value})(others)
            assert scores.shape == (15, targets.shape[1])
            assert (scores >= 0).all() and (scores <= 1 + 1e-12).all()
            if task != "multilabel":
                np.testing.assert_allclose(scores.sum(1), 1)


@pytest.mark.parametrize("name", FITTED)
def test_every_value_of_every_dimension_matters_where_classes_are_balanced(name):
    rng, method = rng_for(0, "balanced"), methods.find(name)
    classes = np.arange(60) % 2
    rows = np.maximum(rng.normal(size=(60, 8)) * [1, 5, 0.2, 1, 1, 3, 1, 1] + classes[:, None] * 0.5 + 1, 0)
    names = {dimension.name for dimension in method.DIMENSIONS} - {"layer", "pooling", "views"}  # which features, else
    for dimension in (dimension for dimension in method.DIMENSIONS if dimension.name in names):
        for metric in ("cosine", "euclidean") if name == "knn" else ("",):
            some = [
                method.fit(rows[:40], np.eye(2)[classes[:40]], "binary", method.DEFAULTS | change)(rows[40:])
                for value in dimension.choices or (dimension.low, dimension.high)
                for change in [({"metric": metric} if metric else {}) | {dimension.name: value}]
            ]
            pairs = [(a, b) for i, a in enumerate(some) for b in some[:i]]
            assert all(np.abs(a - b).max() > 1e-3 for a, b in pairs), (dimension.name, metric)


def test_beyond_the_ends_of_the_probes_strength_there_is_nothing_to_search():
    rng = rng_for(0, "ends")
    classes = np.arange(450) % 2
    rows = rng.normal(size=(450, 300)) + 0.15 * (2 * classes[:, None] - 1)
    for end, further in ((1e-6, 1e-10), (1.0, 1e3)):
        one, other = (
            linear_probe.fit(rows[:50], np.eye(2)[classes[:50]], "binary", linear_probe.DEFAULTS | {"strength": s})(
                rows[50:]
            )[:, 1]
            for s in (end, further)
        )
        auroc = [metrics.find("auroc").value("binary", np.eye(2)[classes[50:]], np.stack([1 - p, p], 1))
                 for p in (one, other)]  # fmt: skip
        assert abs(auroc[0] - auroc[1]) < 2e-3


@pytest.mark.parametrize("name", FITTED)
def test_an_unknown_label_counts_for_nothing(name, cloud):
    method, (rows, targets, others) = methods.find(name), cloud
    holes = targets[:, :2].copy()
    holes[::3, 0] = np.nan
    there = ~np.isnan(holes[:, 0])
    parameters = method.DEFAULTS | {"k": 5, "votes": "uniform"} | {"standardise": "none"}
    scores = method.fit(rows, holes, "multilabel", parameters)(others)
    full = method.fit(rows, targets[:, :2], "multilabel", parameters)(others)
    np.testing.assert_allclose(scores[:, 1], full[:, 1])
    if name == "linear-probe":  # the neighbours are counted first, then those with a label vote
        alone = method.fit(rows[there], holes[there], "multilabel", parameters)(others)
        assert np.corrcoef(scores[:, 0], alone[:, 0])[0, 1] > 0.99
    assert np.isfinite(scores).all() and not np.allclose(scores[:, 0], full[:, 0])


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_label_of_one_value_is_given_its_share_and_nothing_breaks(name, value, cloud):
    method, (rows, targets, others) = methods.find(name), cloud
    labels = np.stack([targets[:, 0], np.full(40, value)], 1)
    scores = method.fit(rows, labels, "multilabel", method.DEFAULTS)(others)
    assert len(set(scores[:, 1].round(9))) == 1
    assert scores[0, 1] == pytest.approx(0.5 if np.isnan(value) else value, abs=0.02)


def test_neighbours_vote_and_one_vote_more_is_shared_by_nearness():
    rows, targets = np.array([[0.0], [1.0], [4.0]]), np.eye(2)[[0, 1, 1]]
    parameters = knn.DEFAULTS | {"k": 1, "metric": "euclidean", "votes": "uniform"}
    (scores,) = knn.fit(rows, targets, "binary", parameters)(np.array([[0.4]]))
    near = 1 / np.array([0.4, 0.6, 3.6])
    assert scores[0] == pytest.approx((1 + near[0] / near.sum()) / 2)
    parameters |= {"k": 2, "votes": "distance"}
    (scores,) = knn.fit(rows, targets, "binary", parameters)(np.array([[0.4]]))
    assert scores[0] == pytest.approx((2 * near[0] / near[:2].sum() + near[0] / near.sum()) / 3)


def test_equal_counts_of_neighbours_are_no_ties(cloud):
    rows, targets, others = cloud
    for votes in ("uniform", "distance"):
        scores = knn.fit(rows, targets, "multiclass", knn.DEFAULTS | {"k": 3, "votes": votes})(others)
        assert len(np.unique(scores[:, 0].round(12))) == 15


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """backbone -> a file of random weights."""
    folder = tmp_path_factory.mktemp("weights")

    def of(backbone, size) -> WeightFile:
        path = folder / f"{backbone}.pth"
        if not path.exists():
            with seeded(seed_for(0, "test")):
                torch.save(load_backbone(backbone, None, image_size=size).state_dict(), path)
        return find(backbone, None, path, image_size=size)

    return of


@pytest.mark.parametrize("backbone", ["resnet10t", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"])
def test_a_row_of_features_is_the_pooled_maps_of_both_depths(backbone, files):
    weights = files(backbone, 64)
    prepared = prepare(NetworkSpec(backbone, 3, 2, 64), weights)
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    rows = frozen_features(prepared.network, images)
    assert rows.shape == (3, sum(prepared.widths))
    model = load_backbone(backbone, weights, image_size=64).eval()
    inputs = prepared.network.frozen[0](images.float() / 255)
    with torch.no_grad():
        trunk, own, unpooled = split(model).trunk(inputs), model(inputs), model.forward_features(inputs)

    def pooled(maps, how):
        if maps.ndim == 3:
            return getattr(maps[:, 1:], how)(1)
        return getattr(maps, how)((1, 2) if backbone.startswith("swin") else (2, 3))

    def taken(layer, pooling):
        return rows[:, prepared.columns({"layer": layer, "pooling": pooling})]

    for layer, pooling, expected in (
        ("trunk", "avg", pooled(trunk, "mean")),
        ("trunk", "max", pooled(trunk, "amax")),
        ("last", "avg", own),
        ("last", "max", pooled(unpooled, "amax")),
    ):
        assert torch.allclose(taken(layer, pooling), expected, atol=1e-4), (layer, pooling)
    assert taken("both", "avg+max").shape == rows.shape
