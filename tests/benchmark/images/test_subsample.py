from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.images.contract import Images
from benchmark.images.folds import assign
from benchmark.images.holdout import grouped
from benchmark.images.subsample import draw, measure_overlap


def images(labels, groups, holdout=None, task="binary"):
    labels = np.asarray(labels, dtype=np.float32)
    count = len(labels)
    return Images(
        dataset="toy",
        task=task,
        classes=tuple(f"c{k}" for k in range(labels.shape[1])),
        sample_ids=np.array([f"{i:05d}" for i in range(count)]),
        groups=np.asarray(groups).astype(str),
        groups_known=True,
        labels=labels,
        holdout=np.zeros(count, bool) if holdout is None else np.asarray(holdout),
        holdout_kind="grouped",
        channels=1,
        flip=False,
        synthetic=True,
        read=lambda index: np.zeros((8, 8), np.uint8),
        fingerprint="toy",
    )


def two_classes(groups_each=60, images_each=3):
    groups = np.repeat(np.arange(2 * groups_each), images_each)
    return images(np.eye(2)[groups % 2], groups)


def take(data, n, seed, *, seeds=3, largest=None, least=2):
    return draw(data, n, seed, seeds=seeds, largest_n=largest or n, root_seed=0, min_per_class=least)


def measured(data, n, *, seeds=3, largest=None, least=2):
    draws = [take(data, n, seed, seeds=seeds, largest=largest, least=least) for seed in range(seeds)]
    return measure_overlap(data, draws)


def test_n_of_each_class_one_a_group_while_groups_last():
    data = two_classes()
    drawn = take(data, 20, 0)
    assert data.labels[drawn.indices].sum(0).tolist() == [20, 20]
    assert len(set(data.groups[drawn.indices])) == 40
    assert measured(data, 20).rho == 0
    assert not drawn.shortfalls


def test_seeds_share_no_group_where_the_pool_allows():
    data = two_classes()
    parts = [set(data.groups[take(data, 20, seed).indices]) for seed in range(3)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_smaller_n_is_a_part_of_larger_n():
    data = two_classes()
    for seed in range(3):
        small, large = take(data, 10, seed, largest=20), take(data, 20, seed, largest=20)
        assert set(small.indices) < set(large.indices)


def test_a_small_pool_overlaps_and_says_how_much():
    data = two_classes(groups_each=30, images_each=1)
    draws = [take(data, 20, seed) for seed in range(3)]
    assert all(data.labels[drawn.indices].sum(0).tolist() == [20, 20] for drawn in draws)
    shared = [len(set(a.indices) & set(b.indices)) / 40 for a, b in combinations(draws, 2)]
    assert measure_overlap(data, draws).rho == pytest.approx(np.mean(shared))
    assert 0.5 < measure_overlap(data, draws).rho < 20 / 30


def test_the_n_that_fit_stay_disjoint_beside_a_larger_n_that_does_not():
    data = two_classes(groups_each=66, images_each=1)
    small = [take(data, 20, seed, largest=40) for seed in range(3)]
    large = [take(data, 40, seed) for seed in range(3)]
    for seed in range(3):
        assert not set(small[seed].indices) & set(small[(seed + 1) % 3].indices)
        assert set(small[seed].indices) < set(large[seed].indices)
    assert measure_overlap(data, small).rho == 0
    assert 0.4 < measure_overlap(data, large).rho < 40 / 66


def test_the_overlap_weighs_the_classes_by_their_part_and_an_exhausted_class_counts_one():
    groups = np.arange(600)
    data = images(np.eye(3)[np.where(groups < 10, 0, 1 + groups % 2)], groups, task="multiclass")
    assert take(data, 100, 0, seeds=5).shortfalls == {"c0": 10}
    overlap = measured(data, 100, seeds=5)
    assert overlap.by_class["c0"] == 1
    assert 0.1 < overlap.by_class["c1"] < 100 / 295
    weighted = (10 + 100 * overlap.by_class["c1"] + 100 * overlap.by_class["c2"]) / 210
    assert overlap.rho == pytest.approx(weighted)


def test_seeds_that_all_take_the_same_images_are_refused_and_one_seed_is_not():
    data = two_classes(groups_each=20, images_each=1)
    with pytest.raises(InputError, match=r"all 3 seeds draw the same 40 images.*--seeds 1"):
        measured(data, 20)
    assert measured(data, 20, seeds=1).rho == 0


def lesions():
    """Like HAM10000's pool: 160 images of 115 lesions in the scarce class, and a class with plenty."""
    sizes = np.repeat([1, 2, 3, 1], [80, 25, 10, 1000])
    scarce = np.repeat(np.arange(len(sizes)) >= 115, sizes).astype(int)
    return images(np.eye(2)[scarce], np.repeat(np.arange(len(sizes)), sizes))


def test_the_first_image_of_a_lesion_is_drawn_for_every_seed():
    """Two seeds that both take one image of a lesion of m take the same one in one case of m."""
    data = lesions()
    same = {2: [], 3: []}
    sizes = np.bincount(data.group_numbers)
    for root in range(10):
        draws = [
            draw(data, 100, seed, seeds=4, largest_n=100, root_seed=root, min_per_class=2).indices for seed in range(4)
        ]
        taken = [{int(group): int(row) for row in rows if (group := data.group_numbers[row]) < 115} for rows in draws]
        for one, other in combinations(taken, 2):
            for group in set(one) & set(other):
                if sizes[group] > 1:
                    same[int(sizes[group])].append(one[group] == other[group])
    assert len(same[3]) > 300
    for size, matches in same.items():
        assert np.mean(matches) == pytest.approx(1 / size, abs=0.06)


def test_the_measured_overlap_is_that_of_independent_draws_less_what_the_dealing_saves():
    """Of lesions with equally many images 100 of 160 are .625; lesions of one image, always first, add to it."""
    data = lesions()
    rng = np.random.default_rng(0)
    groups = data.group_numbers[:160]
    independent = []
    for _ in range(200):
        held = []
        for _ in range(2):
            order = rng.permutation(160)
            first = order[np.unique(groups[order], return_index=True)[1]]  # one image a lesion
            held.append(set(rng.permutation(first)[:100]))
        independent.append(len(held[0] & held[1]) / 100)
    rho = measured(data, 100, seeds=10).by_class["c0"]
    assert np.mean(independent) == pytest.approx(0.72, abs=0.01)
    assert 0.625 < rho < np.mean(independent)
    alike = images(data.labels, np.arange(len(data.labels)))
    assert measured(alike, 100, seeds=20).by_class["c0"] == pytest.approx(0.625, abs=0.04)


def test_more_than_every_class_has_is_refused():
    with pytest.raises(InputError, match=r"no class has 500 images.*c0 180, c1 180"):
        take(two_classes(), 500, 0)


def test_a_class_that_is_short_gives_all_it_has_or_is_refused():
    groups = np.arange(100)
    data = images(np.eye(2)[(groups < 8).astype(int)], groups)
    drawn = take(data, 20, 0)
    assert drawn.shortfalls == {"c1": 8}
    assert data.labels[drawn.indices].sum(0).tolist() == [20, 8]
    with pytest.raises(InputError, match="8 images of 'c1'"):
        take(data, 20, 0, least=10)


def test_the_holdout_is_never_drawn():
    data = two_classes()
    held = grouped("toy", data.groups, data.labels, False, 0)
    data = images(data.labels, data.groups, held)
    for seed in range(3):
        assert not held[take(data, 20, seed).indices].any()


def test_labels_each_reach_n_and_stay_nested():
    rng = np.random.default_rng(0)
    labels = (rng.random((2000, 3)) < [0.1, 0.3, 0.5]).astype(float)
    data = images(labels, np.arange(2000) // 2, task="multilabel")
    small, large = take(data, 20, 0, largest=40), take(data, 40, 0, largest=40)
    assert (data.labels[small.indices].sum(0) >= 20).all()
    assert (data.labels[small.indices].sum(1) == 0).sum() >= 20, "images without any label belong to it"
    assert set(small.indices) < set(large.indices)


def test_few_images_without_a_label_do_not_stand_for_all():
    labels = np.eye(3)[np.arange(1000) % 3]
    labels[:24] = 0
    data = images(labels, np.arange(1000), task="multilabel")
    draws = [take(data, 20, seed) for seed in range(3)]
    overlap = measure_overlap(data, draws)
    assert overlap.rho == pytest.approx(20 * (20 / 24) / 80, abs=0.02)
    assert set(overlap.by_class.values()) == {0.0}, "the labels' own images are disjoint"


@settings(max_examples=25, deadline=None)
@given(
    groups_each=st.integers(12, 60),
    images_each=st.integers(1, 4),
    folds=st.integers(2, 4),
    seed=st.integers(0, 2),
)
def test_folds_split_no_group_and_hold_every_class(groups_each, images_each, folds, seed):
    data = two_classes(groups_each, images_each)
    rows = take(data, 10, seed).indices
    fold = assign(data, rows, folds, np.random.default_rng(seed))
    assert set(fold) == set(range(folds))
    for group in set(data.groups[rows]):
        assert len(set(fold[data.groups[rows] == group])) == 1
    for number in range(folds):
        assert (data.labels[rows][fold == number].sum(0) > 0).all()


def test_impossible_folds_are_refused_with_the_class():
    groups = np.array([0] * 10 + list(range(1, 21)))
    data = images(np.eye(2)[(groups > 0).astype(int)], groups)
    with pytest.raises(InputError, match="c0"):
        assign(data, np.arange(30), 3, np.random.default_rng(0))


def test_a_grouped_holdout_splits_no_group_and_keeps_the_shares():
    data = two_classes()
    held = grouped("toy", data.groups, data.labels, False, 0)
    assert not set(data.groups[held]) & set(data.groups[~held])
    np.testing.assert_allclose(data.labels[held].mean(0), data.labels.mean(0), atol=0.02)
    assert held.mean() == pytest.approx(0.5, abs=0.02)
