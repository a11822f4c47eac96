import os
import time

import pytest
import torch

from benchmark.training import feature_store
from benchmark.training.feature_store import FeatureStore, Place

LONG = 60.0  # seconds that computing is said to have taken
LIMIT = 6 * 2**19  # bytes: six epochs of `trial`, or a little more


def place(epoch=0, group="cell", key="key"):
    return Place(group, epoch, key)


def noise(side=8, seed=0):
    """Of half a megabyte for 64 pixels a side; it hardly compresses."""
    return torch.randn(4, 8, side, side, generator=torch.Generator().manual_seed(seed))


def stored(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "features",
    [
        noise(),
        noise().contiguous(memory_format=torch.channels_last),
        noise().contiguous(memory_format=torch.channels_last).bfloat16().relu(),
        noise()[:, :, 0, 0].clone(),
        noise()[:1, :, :1, :1].contiguous(memory_format=torch.channels_last),
    ],
)
def test_features_come_back_to_the_bit_and_in_the_same_order_in_memory(tmp_path, features):
    FeatureStore(tmp_path).write(place(), features, LONG)
    back = FeatureStore(tmp_path).read(place())
    assert torch.equal(back, features)
    assert (back.dtype, back.stride()) == (features.dtype, features.stride())


@pytest.mark.parametrize("damage", ["cut", "turned", "emptied", "header", "strides"])
def test_a_damaged_file_is_none_and_makes_way_for_a_new_one(tmp_path, damage):
    store = FeatureStore(tmp_path)
    store.write(place(), noise(), LONG)
    path = place().path(tmp_path)
    content = path.read_bytes()
    turned = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    strides = content.replace(b"[512, 64, 8, 1]", b"[512, 1, 64, 8]")  # which hold as many values
    path.write_bytes(
        {"cut": content[:-9], "turned": turned, "emptied": b"", "header": content[5:], "strides": strides}[damage]
    )
    assert path.read_bytes() != content
    assert store.read(place()) is None
    store.write(place(), noise(), LONG)
    assert torch.equal(store.read(place()), noise())


def test_what_is_computed_faster_than_it_is_read_is_not_kept(tmp_path):
    FeatureStore(tmp_path).write(place(), noise(), 1e-4)
    assert FeatureStore(tmp_path).read(place()) is None


def test_a_disk_that_cannot_be_written_costs_time_alone(tmp_path):
    (tmp_path / "cell").write_text("a file where the folder should be")
    store = FeatureStore(tmp_path)
    store.write(place(), noise(), LONG)
    assert store.read(place()) is None


def trial(store, epochs, group="cell"):
    """A trial's way through the views: the epochs that had to be computed."""
    computed = []
    for epoch in range(epochs):
        at = place(epoch, group, f"key{epoch}")
        if store.read(at) is None:
            computed.append(epoch)
            store.write(at, noise(64, epoch), LONG)
    return computed


def test_a_store_too_small_for_all_epochs_keeps_the_early_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_store, "PAUSE", 0.0)
    store = FeatureStore(tmp_path, largest=LIMIT)
    trial(store, 3)
    assert stored(tmp_path) <= LIMIT
    trial(store, 12)
    assert trial(store, 4) == []
    assert len(trial(store, 12)) <= 12 - 5, "the views of the last epochs did not push out the others"
    assert stored(tmp_path) <= LIMIT
    for epoch in range(9, 6, -1):  # the views of another strength, which come in any order
        store.write(place(epoch, key=f"other{epoch}"), noise(64), LONG)
    assert trial(store, 4) == []
    assert stored(tmp_path) <= LIMIT


def test_a_finished_cell_makes_room_at_once_and_an_open_one_shares(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_store, "PAUSE", 0.0)
    first, second = FeatureStore(tmp_path, largest=LIMIT), FeatureStore(tmp_path, largest=LIMIT)
    trial(first, 6, "first")
    for _ in range(2):
        trial(second, 6, "second")
        trial(first, 6, "first")
    left = {group: len(trial(store, 6, group)) for group, store in (("first", first), ("second", second))}
    assert left == {"first": 3, "second": 3}, "each has half"
    first.release("first")
    trial(second, 5, "second")
    assert trial(second, 5, "second") == []
    assert stored(tmp_path) <= LIMIT


def test_a_group_that_was_left_behind_is_dropped_before_those_in_use(tmp_path):
    store = FeatureStore(tmp_path, largest=LIMIT)
    trial(store, 4, "killed")
    long_ago = time.time() - 2 * feature_store.IDLE
    os.utime(tmp_path / "killed" / feature_store.MARK, (long_ago, long_ago))
    trial(FeatureStore(tmp_path, largest=LIMIT), 5, "cell")
    assert trial(store, 5, "cell") == []


def test_a_store_takes_no_more_than_its_share_of_a_disk_that_fills_up(tmp_path, monkeypatch):
    usage = type(feature_store.shutil.disk_usage(tmp_path))
    monkeypatch.setattr(feature_store.shutil, "disk_usage", lambda path: usage(2**30, 2**30 - 2**21, 2**21))
    trial(FeatureStore(tmp_path), 20)
    assert stored(tmp_path) <= 2 * 2**21, "half of what is free and of what is its own"
