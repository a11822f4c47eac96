"""Subgroups of the holdout, the most confident errors, and what a run's folder tells of both."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.figures import _drawing
from analysis.figures import errors as errors_figure
from analysis.figures import subgroups as subgroups_figure
from analysis.predictions.block import Predictions
from analysis.study.errors import anonymous, most_confident, pictured
from analysis.study.run_facts import RunFacts, read_run
from analysis.study.scores import score
from analysis.study.study import study
from analysis.study.subgroups import subgroups_of
from analysis.tables import errors, subgroups
from benchmark import metrics
from benchmark.errors import InputError
from benchmark.results import ATTRIBUTE_COLUMNS, ATTRIBUTES, PICTURE_COLUMNS, PICTURES, write_table
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel

AUROC = metrics.find("auroc")


def halves(block):
    """Sex by patient, unknown for one of them."""
    names = np.array(["female", "male", "unknown"])
    sex = np.where(block.groups == 0, 2, block.groups % 2)
    return {block.dataset: {"sex": dict(zip(map(str, block.sample_ids), names[sex], strict=True))}}


def test_a_subgroup_is_analysed_as_if_its_images_were_all(block):
    female, male, unknown = subgroups_of(block, halves(block))
    assert [part.value for part in (female, male, unknown)] == ["female", "male", "unknown"]
    assert female.images + male.images + unknown.images == len(block.sample_ids) and unknown.scored is None
    rows = np.flatnonzero((block.groups % 2 == 1) & (block.groups > 0))
    alone = replace(
        block,
        sample_ids=block.sample_ids[rows],
        groups=np.unique(block.groups[rows], return_inverse=True)[1],
        truth=block.truth[rows],
        scores=block.scores[..., rows, :],
    )
    expected = score(alone, AUROC)
    assert male.scored.values == pytest.approx(expected.values)
    assert male.scored.covariance == pytest.approx(expected.covariance)
    assert male.scored.pair(0, 1).interval() == pytest.approx(expected.pair(0, 1).interval())


def test_values_of_an_attribute_are_compared_on_the_same_classes():
    block = make_multiclass(images=240)
    lacking = (block.truth[:, 2] == 1) & (np.arange(240) % 2 == 0)
    value = np.where(np.arange(240) % 2 == 0, "even", "odd")
    value[lacking] = "odd"  # the third class is there alone
    known = {block.dataset: {"view": dict(zip(map(str, block.sample_ids), value, strict=True))}}
    for part in subgroups_of(block, known):
        assert part.classes == ("class 0", "class 1") and part.scored.block.classes == part.classes


def test_too_few_patients_are_counted_and_not_analysed(block):
    value = np.where(block.groups < 6, "few", "many")
    known = {block.dataset: {"site": dict(zip(map(str, block.sample_ids), value, strict=True))}}
    few, many = subgroups_of(block, known)
    assert few.scored is None and few.patients == 6 and many.scored is not None
    assert subgroups_of(block, {}) == [] == subgroups_of(block, {"another": known[block.dataset]})


def test_table_and_figures_read_the_folder_of_the_run(tmp_path, block):
    known = halves(block)[block.dataset]["sex"]
    rows = [(block.dataset, sample, "sex", value) for sample, value in known.items()]
    write_table(tmp_path / ATTRIBUTES, pd.DataFrame(rows, columns=list(ATTRIBUTE_COLUMNS)), ATTRIBUTE_COLUMNS)
    buffer = io.BytesIO()
    Image.new("L", (40, 30), 128).save(buffer, format="JPEG")
    wanted = pictured([most_confident(block)])[block.dataset]
    pictures = pd.DataFrame([(block.dataset, sample, buffer.getvalue()) for sample in wanted[1:]])
    write_table(tmp_path / PICTURES, pictures.set_axis(list(PICTURE_COLUMNS), axis=1), PICTURE_COLUMNS)
    computed = study(Predictions((block,), {}, ()), resamples=60, run=RunFacts(tmp_path, {"spec": {}}))
    frame = subgroups.build(computed)
    assert len(frame) == 3 * 3 and frame["auroc"].notna().sum() == 6
    later = frame[(frame["arm"] != "scratch") & frame["auroc"].notna()]
    assert (later["difference_low"] < later["difference"]).all()
    with _drawing.style():
        assert len(subgroups_figure.draw(computed).axes) == 1
        shown = errors_figure.draw(computed).axes
    assert len(shown) == sum(error.sample_id in wanted[1:] for error in computed.errors[0])


def test_a_difference_without_any_variance_has_no_interval(tmp_path, block):
    perfect = replace(block, scores=np.broadcast_to(block.truth, block.scores.shape).astype(np.float32))
    rows = [(block.dataset, sample, "sex", value) for sample, value in halves(block)[block.dataset]["sex"].items()]
    write_table(tmp_path / ATTRIBUTES, pd.DataFrame(rows, columns=list(ATTRIBUTE_COLUMNS)), ATTRIBUTE_COLUMNS)
    frame = subgroups.build(study(Predictions((perfect,), {}, ()), resamples=60, run=RunFacts(tmp_path, {"spec": {}})))
    known = frame[frame["auroc"].notna()]
    assert (known["auroc"] == 1).all() and (known["fewest_patients"] >= 5).all() and known["ci_low"].notna().all()
    assert known["difference_low"].isna().all()


def test_predictions_alone_have_no_subgroups_and_no_pictures(block, tmp_path):
    computed = study(Predictions((block,), {}, ()), resamples=60)
    assert subgroups.build(computed) is None and errors.build(computed) is not None
    with _drawing.style():
        assert subgroups_figure.draw(computed) is None and errors_figure.draw(computed) is None
    assert read_run(tmp_path / "p.parquet", {}) is None


def test_a_damaged_form_of_the_attributes_is_named(tmp_path):
    pd.DataFrame({"dataset": ["a"]}).to_parquet(tmp_path / ATTRIBUTES)
    with pytest.raises(InputError, match="lacks the columns sample_id, attribute, value"):
        _ = RunFacts(tmp_path, {}).attributes


def test_the_most_confident_errors_are_errors_in_order_and_of_different_patients(block):
    listed = most_confident(block, 5)
    place = {str(sample): row for row, sample in enumerate(block.sample_ids)}
    for arm in block.arms:
        of_arm = [error for error in listed if error.arm == arm]
        assert len({block.groups[place[error.sample_id]] for error in of_arm}) == len(of_arm) == 5
        assert [error.probability for error in of_arm] == sorted((e.probability for e in of_arm), reverse=True)
        mean = block.scores[block.arms.index(arm)].mean(axis=(0, 1))
        for error in of_arm:
            row = place[error.sample_id]
            assert error.truth == block.classes[block.truth[row].argmax()] != error.given
            assert error.given == block.classes[mean[row].argmax()]
            assert error.probability == pytest.approx(mean[row].max())
        wrong = mean.argmax(axis=1) != block.truth.argmax(axis=1)
        assert of_arm[0].probability == pytest.approx(mean[wrong].max())


def test_errors_on_labels_leave_out_what_is_unknown():
    block = make_multilabel(unknown=0.5)
    for error in most_confident(block):
        row = list(block.sample_ids).index(error.sample_id)
        name = error.given.removeprefix("no ")
        truth = block.truth[row, block.classes.index(name)]
        assert (error.truth, truth) in (((f"no {name}"), 0.0), (name, 1.0)) and error.truth != error.given
        assert error.probability >= 0.5 and 0 < error.share <= 1


def test_an_image_is_named_by_a_hash_that_depends_on_its_data_set():
    assert anonymous("a", "x") != anonymous("b", "x") and len(anonymous("a", "x")) == 8
    assert anonymous("phantom", "patient0001-0") == "8709b48b"


def test_perfect_models_have_no_errors():
    block = make_block(images=60)
    perfect = replace(block, scores=np.broadcast_to(block.truth, block.scores.shape).astype(np.float32))
    assert most_confident(perfect) == []
    assert errors.build(study(Predictions((perfect,), {}, ()), resamples=60)) is None
