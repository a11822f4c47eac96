"""Pretraining on several small sources: a checkpoint with its card, the same however often it was killed."""

import json

import pytest

from benchmark.errors import InputError
from benchmark.pretrain import main
from benchmark.pretraining import multitask
from benchmark.pretraining.pretrain import Places, PretrainSpec, pretrain
from benchmark.runs.records import pretraining_records
from benchmark.weights.checkpoint import card_path
from benchmark.weights.find import find
from tests.conftest import write_images


@pytest.fixture
def places(tmp_path):
    for name in ("one", "two"):
        write_images(tmp_path / name, [f"{label}/{i}.png" for label in ("a", "b") for i in range(30)], seed=len(name))
    return Places(data_root=None, weights=tmp_path / "weights", cache=tmp_path / "cache")


@pytest.fixture
def spec(tmp_path):
    return PretrainSpec(
        sources=(f"folder:{tmp_path / 'one'}", f"folder:{tmp_path / 'two'}"),
        backbone="resnet10t",
        start="scratch",
        image_size=16,
        epochs=2,
        batch_size=8,
    )


def test_a_checkpoint_with_a_card_that_the_medical_arm_finds(spec, places):
    path = pretrain(spec, places)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["trained_on"] == ["folder:one", "folder:two"] == card["settings"]["sources"]
    assert [set(epoch) for epoch in card["validation_auroc"]] == [{"folder:one", "folder:two"}] * 2
    assert card["settings"]["epochs"] == 2
    assert card["name"] == "medical-only (folder:one, folder:two)" and card["started_from"] is None
    assert find("resnet10t", "medical", folder=places.weights).sha256 == card["sha256"]
    assert not list(places.weights.glob(".*"))
    assert path.stat().st_mode == path.with_suffix(".json").stat().st_mode, "as readable as any other file"
    before = path.stat().st_mtime_ns
    assert pretrain(spec, places) == path
    assert path.stat().st_mtime_ns == before, "what is made is kept"


def test_the_card_goes_into_the_report(spec, places):
    pretrain(spec, places)
    file = find("resnet10t", "medical", folder=places.weights)
    records = pretraining_records(file)
    assert [record["source"] for record in records] == ["folder:one", "folder:two"]
    assert all(record["training_images"] + record["validation_images"] == 60 for record in records)
    assert all(0 <= record["validation_auroc"] <= 1 for record in records)
    assert {record["started_from"] for record in records} == {"random weights"}
    card = json.loads(card_path(file.path).read_text())
    for change in ({"sources": "mine"}, {"sources": ["mine"]}, {"settings": None}, {"validation_auroc": []}):
        card_path(file.path).write_text(json.dumps(card | change))
        assert pretraining_records(file) == [], "a card of another form says nothing to the table"


def test_a_killed_pretraining_continues_to_the_same_weights(spec, places, tmp_path, monkeypatch):
    uninterrupted = pretrain(spec, places).read_bytes()
    other = Places(None, tmp_path / "other", places.cache)
    save = multitask.save_progress

    def save_and_die(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(multitask, "save_progress", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        pretrain(spec, other)
    monkeypatch.setattr(multitask, "save_progress", save)
    assert pretrain(spec, other).read_bytes() == uninterrupted


def test_the_target_is_no_source(spec, places):
    with pytest.raises(InputError, match="holds images of the target"):
        pretrain(spec, places, target=spec.sources[0])


def test_an_unknown_source_is_said(capsys):
    assert main(["--sources", "brain-mir"]) == 2
    assert "Did you mean 'brain-mri'" in capsys.readouterr().err


def test_a_checkpoints_name_stays_and_differs_with_its_sources():
    """A name that changed would have every checkpoint made again."""
    names = [
        PretrainSpec(sources=sources).name for sources in (("brain-mri", "nih"), ("folder:/a/b",), ("folder:/a_b",))
    ]
    assert (
        PretrainSpec(("brain-mri", "nih"), "resnet50.a1_in1k").name == "resnet50.a1_in1k-brain-mri-nih-224px-347accca"
    )
    assert len(set(names)) == 3
    assert all("/" not in name for name in names)
