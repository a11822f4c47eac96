"""What a report says of how it came to be: models, flow of the data, provenance, and the guidelines' checklists."""

from dataclasses import replace

import pytest

from analysis.figures import _drawing
from analysis.figures import flow as flow_figure
from analysis.predictions.block import Predictions
from analysis.study.arm_facts import ArmFacts
from analysis.study.flow import flow
from analysis.study.models import NOT_RECORDED, RANDOM, models_of
from analysis.study.reporting import OPEN, answers, limitations
from analysis.study.run_facts import RunFacts
from analysis.study.study import study
from analysis.tables import claim, models, provenance, reforms, tripod_ai
from analysis.tables import flow as flow_table
from benchmark.results import DONE, write_json
from tests.analysis.conftest import make_block

DIGEST = "f0" * 32
DESCRIBED = {
    "spec": {"image_size": 64, "backbone": "resnet50"},
    "arms": {"scratch": "simple CNN from scratch", "imagenet": {"title": "a record"}},
    "inputs": {"data toy": "1", "weights toy/imagenet": DIGEST},
    "starts": [
        {"time": "2026-01-01T10:00:00+00:00", "command": "python -m benchmark.run", "versions": {"torch": "2"}},
        {"time": "2026-01-01T11:00:00+00:00", "command": "python -m benchmark.run"},
    ],
    "tables": {
        "protocol": [{"item": "inner validation", "value": "3 folds"}, {"item": "budget", "value": "50 trials"}],
        "weights": [{"dataset": "toy", "arm": "imagenet", "source": "tv", "trained_on": "imagenet", "licence": "BSD"}],
        "leaks": [{"dataset": "toy", "verdict": "allowed"}],
        "data": [
            {"dataset": "toy", "part": "pool", "images": 90, "groups": 40},
            {"dataset": "toy", "part": "holdout (official)", "images": 160, "groups": 80},
        ],
        "subsamples": [
            {"dataset": "toy", "n_per_class": 20, "seed": 0, "images": 40, "groups": 33, "short": ""},
            {"dataset": "toy", "n_per_class": 20, "seed": 1, "images": 38, "groups": 30, "short": "rare 18"},
        ],
    },
}


#: Keys that this small run does not answer.
UNTOLD = {
    "hardware",
    "software",
    "code",
    "characteristics",
    "fairness",
    "heterogeneity",
    "sources",
    "preprocessing",
    "selection",
    "training",
}


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """A study whose run's folder tells all of this, and two cells with their models."""
    run = tmp_path_factory.mktemp("run")
    for seed, width in enumerate((1000, 4000)):
        model = {"layers": 5, "parameters": width, "learned": width, "mean": [0.5], "std": [0.25]}
        done = {
            "cell": {"dataset": "toy", "arm": "scratch", "n_per_class": 20, "seed": seed},
            "model": model | {"channels": 1, "image_size": 64},
            "finished": f"2026-01-01T1{2 + seed}:30:00+00:00",
        }
        write_json(run / f"cells/toy/n20/seed0{seed}/scratch" / DONE, done)
    predictions = Predictions((make_block(),), {"toy": {"skipped_images": 3, "licence": "CC0", "synthetic": True}}, ())
    return study(predictions, resamples=60, run=RunFacts(run, DESCRIBED))


def test_models_are_described_by_the_cells_and_the_weights(computed):
    scratch, imagenet, medical = models_of(computed)
    assert (scratch.layers, scratch.parameters) == ("5", "1,000 to 4,000")
    assert scratch.images == "64 x 64 x 1, minus 0.5, over 0.25 (pixels in [0, 1])" and scratch.weights == RANDOM
    assert (imagenet.weights, imagenet.corpus, imagenet.licence, imagenet.sha256) == ("tv", "imagenet", "BSD", DIGEST)
    assert imagenet.title == "a record" and medical.title == "" and imagenet.parameters == NOT_RECORDED
    assert len(models.build(computed)) == 3


def test_models_that_predict_a_test_set_from_elsewhere_are_those_of_their_own_data_set(computed):
    there = Predictions((replace(make_block(), dataset="toy -> far"),), {}, ())
    words = models_of(study(there, resamples=60, run=computed.run))
    assert [replace(model, dataset="toy") for model in words] == models_of(computed)


def test_nothing_is_said_of_the_weights_of_a_data_set_that_the_run_does_not_know(computed):
    another = Predictions((replace(make_block(), dataset="another"),), {}, ())
    words = models_of(study(another, resamples=60, run=computed.run))
    assert {model.weights for model in words} == {NOT_RECORDED} and {model.sha256 for model in words} == {""}


def test_the_flow_adds_up_and_names_what_is_left_out(computed):
    steps = {step.step: step for step in flow(computed)}
    assert steps["indexed"].images == 253 and steps["left out: unreadable"].images == 3
    assert steps["analysed"].images == steps["pool"].images + steps["holdout (official)"].images == 250
    sample = steps["training sample, n = 20"]
    assert (sample.images, sample.groups) == (38, 30) and "rare 18" in sample.note
    frame = flow_table.build(computed)
    assert frame["groups"].tolist() == [None, None, 120, 40, 30, 80]
    with _drawing.style():
        (axes,) = flow_figure.draw(computed).axes
    assert any("253" in text.get_text() for text in axes.texts)


def test_provenance_has_command_time_licence_and_marks_the_rest_as_open(computed):
    values = provenance.build(computed).set_index("item")["value"]
    assert values["command"] == "python -m benchmark.run"
    assert values["time"] == "2026-01-01 10:00 to 2026-01-01 13:30 UTC, 3.5 hours, pauses included"
    assert values["licences of the data"] == "toy: CC0" and values["ethics approval, consent"].startswith("not needed")
    assert values["hardware"] == OPEN
    assert "a leak between pool and holdout was allowed" in values["limitations"]


def test_limitations_name_few_seeds_and_synthetic_images(computed):
    lines = " ".join(limitations(computed))
    assert "4 training samples" in lines and "synthetic images (toy)" in lines and "64 px" in lines


def test_limitations_name_every_network_of_the_arms_that_are_analysed(computed):
    facts = {arm: ArmFacts(arm, "x", network, {}) for arm, network in (("scratch", "cnn"), ("imagenet", "r50"))}
    of_several = replace(computed, arms=facts | {"left out": ArmFacts("left out", "x", "vit", {})})
    assert "64 px, these networks alone (cnn, r50)" in " ".join(limitations(of_several))


def test_answers_follow_the_estimand_and_say_whether_there_is_a_test_set_from_elsewhere(computed):
    assert "Rockette" in answers(computed)["uncertainty"] and answers(computed)["external"].startswith("none")
    fixed = study(computed.predictions, resamples=60, run=computed.run, estimand="models")
    assert "Rockette" not in answers(fixed)["uncertainty"]
    far = replace(make_block(9), dataset="toy -> far")
    facts = {far.dataset: {"external_of": "toy", "labels": "weak"}}
    there = Predictions((far,), facts, ())
    both = study(computed.predictions, resamples=60, run=computed.run, external=there)
    assert answers(both)["external"].startswith("toy -> far: chapter")
    assert "family of its own" in answers(both)["uncertainty"] and "labels of toy -> far: weak" in limitations(both)
    alone = study(there, resamples=60, run=computed.run)
    assert answers(alone)["external"] == "every figure is of toy -> far"
    assert "labels of toy -> far: weak" in limitations(alone)


@pytest.mark.parametrize(("guideline", "count", "mains"), [(claim, 44, 44), (tripod_ai, 52, 27), (reforms, 32, 8)])
def test_a_checklist_has_every_item_of_its_guideline_once(computed, guideline, count, mains):
    frame = guideline.build(computed)
    numbers = list(frame["item"])
    assert len(numbers) == len(set(numbers)) == count
    assert sorted({int(number.rstrip("abcdefg")) for number in numbers}) == list(range(1, mains + 1))
    assert ((frame["status"] == "open") == (frame["answer"] == OPEN)).all()
    assert {"open", "from the run", "in part"} == set(frame["status"])


@pytest.mark.parametrize("guideline", [claim, tripod_ai, reforms])
def test_a_checklist_asks_for_answers_that_can_be_given(computed, guideline):
    """A key that no answer ever has would stay open for ever: here all are known but for these."""
    unknown = {item.key for item in guideline.ITEMS if item.key} - set(answers(computed))
    assert unknown <= UNTOLD


def test_predictions_alone_have_no_checklists(computed):
    alone = replace(computed, run=None)
    assert all(table.build(alone) is None for table in (claim, tripod_ai, reforms, models, provenance, flow_table))
    with _drawing.style():
        assert flow_figure.draw(alone) is None


def test_a_folder_that_tells_nothing_is_no_reason_to_stop(tmp_path):
    computed = study(Predictions((make_block(images=60),), {}, ()), resamples=60, run=RunFacts(tmp_path, {"tables": 3}))
    assert flow_table.build(computed) is None and len(models.build(computed)) == 3
    assert (claim.build(computed)["status"] == "open").sum() > 20
