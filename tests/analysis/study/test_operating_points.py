"""Thresholds fixed on validation and applied to the holdout, against counting by hand; runs that keep no validation."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import tables
from analysis.figures import _drawing, roc
from analysis.page.remarks import remarks_on
from analysis.predictions.block import Predictions, part_of
from analysis.statistics.proportions import wilson
from analysis.statistics.thresholds import at_specificity, youden
from analysis.study.operating_points import RULES, operating_points
from analysis.study.reporting import answers, limitations
from analysis.study.run_facts import RunFacts
from analysis.study.study import study
from analysis.study.validation import Validated, validation_of
from analysis.tables import external_operating_points as elsewhere
from analysis.tables import operating_points as table
from analysis.tables import operating_points_pairwise as differences
from benchmark.errors import InputError
from benchmark.results import VALIDATION
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel, make_two_images_each
from tests.analysis.simulated_run import write_validation


def validation_like(block, images=40, seed=5):
    """Scores of validation for every cell of a block, drawn as those of its holdout."""
    rng = np.random.default_rng(seed)
    made = {}
    for a, s in np.ndindex(len(block.arms), len(block.seeds)):
        rows = rng.permutation(len(block.truth))[:images]
        made[a, s] = Validated(block.truth[rows], block.scores[a, s, 0, rows])
    return made


def cells_of(block, a, k):
    """(seed, refit, scores, truth) of the holdout's images with a known column k."""
    known = ~np.isnan(block.truth[:, k])
    for s, r in np.ndindex(block.scores.shape[1:3]):
        yield s, r, block.scores[a, s, r, known, k], block.truth[known, k] == 1


@pytest.mark.parametrize("block", [make_block(), make_multiclass(refits=2), make_multilabel()], ids=lambda b: b.task)
def test_rates_are_those_of_counting(block):
    validation = validation_like(block)
    points = operating_points(block, validation)
    assert [(point.name, point.rule) for point in points] == [
        (block.classes[k], rule) for k in block.columns for rule in RULES
    ]
    for point, (k, rule) in zip(points, [(k, rule) for k in block.columns for rule in RULES], strict=True):
        fix = {"Youden's J": youden, "90% specificity": lambda *cell: at_specificity(*cell, 0.9)}[rule]
        for a in range(len(block.arms)):
            thresholds = []
            for s in range(len(block.seeds)):
                cell = validation[a, s]
                known = ~np.isnan(cell.truth[:, k])
                thresholds.append(fix(cell.truth[known, k], cell.scores[known, k]))
            assert point.thresholds[a] == pytest.approx(thresholds)
            counted = {name: [] for name in point.rates}
            for s, _, score, true in cells_of(block, a, k):
                called = score.astype(float) >= thresholds[s]
                counted["sensitivity"].append(called[true].mean())
                counted["specificity"].append((~called)[~true].mean())
                counted["ppv"].append(true[called].mean())
                counted["npv"].append((~true)[~called].mean())
            for name, values in counted.items():
                share, low, high = point.rates[name][a]
                assert share == pytest.approx(np.mean(values)) and 0 <= low < share < high <= 1
            if rule == "90% specificity":
                assert (point.validated[a, :, 1] >= 0.9).all()
        assert point.prevalence == pytest.approx(np.nanmean(block.truth[:, k]))


def test_of_independent_patients_and_one_model_intervals_are_wilsons():
    """One seed: these models. 20 positives of which 15 are called, and 60 negatives of which 6 are."""
    truth = np.repeat([1.0, 0.0], [20, 60])
    score = np.concatenate([np.repeat([0.8, 0.2], [15, 5]), np.repeat([0.8, 0.2], [6, 54])])
    block = replace(
        make_block(auroc=(0.8,), seeds=1, images=80, images_per_patient=1),
        truth=np.stack([1 - truth, truth], axis=1),
        groups=np.arange(80),
        scores=np.stack([1 - score, score], axis=-1)[None, None, None],
    )
    fixed = Validated(np.array([[0.0, 1], [1, 0]]), np.array([[0.4, 0.6], [0.6, 0.4]]))
    point = operating_points(block, {(0, 0): fixed})[0]
    assert point.thresholds.item() == pytest.approx(0.5)
    expected = {"sensitivity": (15, 20), "specificity": (54, 60), "ppv": (15, 21), "npv": (54, 59)}
    for name, (count, total) in expected.items():
        share = count / total
        assert point.rates[name][0][0] == pytest.approx(share)
        by_hand = wilson(share, (share * (1 - share) / total) ** 0.5, total, 1.96)
        assert point.rates[name][0][1:] == pytest.approx(by_hand, abs=0.01)


def test_differences_are_paired_by_seed_and_patient():
    block = make_block()
    validation = validation_like(block)
    same = replace(block, arms=("one", "two"), scores=np.repeat(block.scores[:1], 2, axis=0))
    points = operating_points(same, {(a, s): validation[0, s] for a in range(2) for s in range(len(block.seeds))})
    for point in points:
        for of_pair in point.differences.values():
            assert of_pair["sensitivity"] == of_pair["specificity"] == (0, 0, 0)
    point = operating_points(block, validation)[0]
    estimate, low, high = point.differences[0, 1]["sensitivity"]
    assert estimate == pytest.approx(point.rates["sensitivity"][1][0] - point.rates["sensitivity"][0][0])
    assert low < estimate < high


def test_thresholds_that_differ_between_training_samples_widen_the_interval():
    block = make_block(seeds=6, seed_sd=0.0)
    narrow = {key: replace_scores(cell, 0.5) for key, cell in validation_like(block).items()}
    wide = {(a, s): replace_scores(cell, 0.2 + 0.12 * s) for (a, s), cell in narrow.items()}
    widths = [
        np.ptp(operating_points(block, validation)[0].rates["sensitivity"][0][1:]) for validation in (narrow, wide)
    ]
    assert widths[1] > 1.5 * widths[0]


def replace_scores(cell, threshold):
    """The same cell with scores that a threshold separates perfectly."""
    positive = np.where(cell.truth[:, 1] == 1, threshold + 0.05, threshold - 0.05)
    return replace(cell, scores=np.stack([1 - positive, positive], axis=1))


def test_a_predictive_value_of_no_image_is_empty_and_says_why():
    block = make_block(seeds=3)
    never = {key: replace_scores(cell, 0.999) for key, cell in validation_like(block).items()}
    never = {key: replace(cell, scores=cell.scores.clip(0, 1)) for key, cell in never.items()}
    block = replace(block, scores=block.scores.clip(0.01, 0.9))
    computed = study_with(block, never)
    frame = table.build(computed)
    assert frame["ppv"].isna().all() and frame["npv"].notna().all() and (frame["sensitivity"] == 0).all()
    assert set(frame["note"]) == {"no image is called positive by 3 of 3 models"}


def study_with(block, validation):
    """A study with the validation scores of its one block."""
    computed = study(Predictions((block,), {}, ()), resamples=60)
    computed.__dict__["validation"] = (validation,)
    return computed


def test_arms_without_validation_in_some_seed_are_left_out():
    block = make_block()
    validation = validation_like(block)
    del validation[1, 2]
    points = operating_points(block, validation)
    assert {point.block.arms for point in points} == {("scratch", "medical")}
    assert points[0].rates["ppv"][1] == operating_points(block, validation_like(block))[0].rates["ppv"][2]
    assert operating_points(block, {}) == []


def test_a_label_that_validation_does_not_hold_is_left_out():
    block = make_multilabel()
    validation = validation_like(block)
    validation[0, 0].truth[:, 1] = np.nan
    assert [point.name for point in operating_points(block, validation)] == ["label 0"] * 2 + ["label 2"] * 2


# From a run's folder


@pytest.fixture
def run(tmp_path):
    """A run's folder with validation scores of all cells, as `RunFacts`."""
    write_validation(tmp_path, make_block())
    return RunFacts(tmp_path, {"spec": {}})


def read(run):
    return study(Predictions((make_block(),), {}, ()), resamples=60, run=run)


def test_a_runs_folder_gives_the_tables_with_every_column_explained(run):
    computed = read(run)
    for of, rows in ((table, 2 * 3), (differences, 2 * 3)):
        frame = of.build(computed)
        assert len(frame) == rows
        assert [column for column in frame if tables.meaning(of, column) is None] == []
    frame = table.build(computed)
    assert (frame.loc[frame["rule"] == "90% specificity", "validation_specificity"] >= 0.9).all()
    assert frame["threshold_sd"].between(0, 0.5).all() and frame["note"].isna().all()
    assert not [text for text in remarks_on(computed) if VALIDATION in text]
    assert "operating_points" in answers(computed)["threshold"]
    assert not [line for line in limitations(computed) if "none is tuned" in line]


def test_a_run_of_an_older_version_says_what_is_missing(run):
    for path in run.folder.rglob(VALIDATION):
        path.unlink()
    computed = read(run)
    assert table.build(computed) is None and differences.build(computed) is None
    (sentence,) = [text for text in remarks_on(computed) if VALIDATION in text]
    assert sentence.startswith("12 of 12 cells keep no scores of validation")
    assert "operating_points" not in answers(computed)["threshold"]
    assert [line for line in limitations(computed) if "none is tuned" in line]


def test_cells_that_lack_it_are_named_and_the_others_are_shown(run):
    next(run.folder.rglob(f"imagenet/{VALIDATION}")).unlink()
    computed = read(run)
    assert set(table.build(computed)["arm"]) == {"scratch", "medical"}
    (sentence,) = [text for text in remarks_on(computed) if VALIDATION in text]
    assert "1 of 12 cells" in sentence and "imagenet, seed" in sentence


def test_predictions_alone_have_no_validation_and_nothing_is_said():
    computed = read(None)
    assert table.build(computed) is None
    assert not [text for text in remarks_on(computed) if VALIDATION in text]


def test_a_test_set_from_elsewhere_is_not_said_to_lack_validation(run):
    there = Predictions((replace(make_block(), dataset="toy -> far"),), {}, ())
    computed = study(there, resamples=60, run=run)
    assert not [text for text in remarks_on(computed) if VALIDATION in text]


def read_with(run, there, own=None):
    """The run's study with a block on a test set from elsewhere."""
    external = Predictions((replace(there, dataset="toy -> far"),), {"toy -> far": {"external_of": "toy"}}, ())
    return study(Predictions((own or make_block(),), {}, ()), resamples=60, run=run, external=external)


def test_thresholds_are_applied_to_a_test_set_from_elsewhere_as_they_are(run):
    there = make_block(seed=1, images=90)
    there = replace(there, scores=there.scores ** np.array([1.0, 0.5]))  # positives are called more readily there
    frame, own = elsewhere.build(read_with(run, there)), table.build(read(run))
    assert set(frame["dataset"]) == {"toy -> far"} and len(frame) == len(own)
    same = ["rule", "arm", "threshold", "threshold_sd", "validation_sensitivity", "validation_specificity"]
    pd.testing.assert_frame_equal(frame[same], own[same])
    assert (frame["specificity"] < own["specificity"]).all() and (frame["sensitivity"] > own["sensitivity"]).all()
    validation = validation_of(run, make_block())
    for arm, rule, reached in zip(frame["arm"], frame["rule"], frame["specificity"], strict=True):
        a = there.arms.index(arm)
        called = []
        for s, _, score, true in cells_of(there, a, 1):
            cell = validation[a, s]
            called.append(score[~true] >= RULES[rule](cell.truth[:, 1], cell.scores[:, 1]))
        assert reached == pytest.approx(1 - np.mean(called))
    assert [column for column in frame if tables.meaning(elsewhere, column) is None] == []


def test_arms_and_seeds_that_are_not_everywhere_keep_their_own_thresholds(run):
    there = part_of(make_block(seed=1), ["imagenet", "medical"], [2, 3], make_block().classes)
    frame, own = elsewhere.build(read_with(run, there)), read(run).operating_points[0]
    for rule, point in zip(RULES, own, strict=True):
        rows = frame[frame["rule"] == rule].set_index("arm")
        assert list(rows.index) == ["imagenet", "medical"]
        for arm in rows.index:
            a = point.block.arms.index(arm)
            assert rows.loc[arm, "threshold"] == pytest.approx(point.thresholds[a, 2:4].mean())


def test_a_test_set_from_elsewhere_that_lacks_a_class_is_left_out(tmp_path):
    own = make_multiclass()
    write_validation(tmp_path, own)
    run = RunFacts(tmp_path, {"spec": {}})
    there = make_multiclass(seed=1)
    assert elsewhere.build(read_with(run, there, own)) is not None
    lacking = part_of(there, there.arms, there.seeds, there.classes[:2])
    assert elsewhere.build(read_with(run, lacking, own)) is None


def test_a_file_that_does_not_fit_is_named(run):
    path = next(run.folder.rglob(VALIDATION))
    frame = pd.read_parquet(path)
    frame.drop(columns="fold").to_parquet(path)
    with pytest.raises(InputError, match=r"lacks the columns fold.*own command"):
        validation_of(run, make_block())
    frame.assign(y_score=list(np.full((len(frame), 2), np.nan))).to_parquet(path)
    with pytest.raises(InputError, match="2 scores in"):
        validation_of(run, make_block())
    path.write_bytes(b"")
    with pytest.raises(InputError, match=VALIDATION):
        validation_of(run, make_block())


def test_intervals_cover_what_new_samples_and_new_patients_would_give():
    """New training samples, whose models and validation differ, and new patients with two images: 200 studies."""
    rng = np.random.default_rng(0)
    patients, seeds, inside = 60, 5, 0
    block = make_two_images_each(patients, seeds)
    truth = block.truth[:, 1]
    of_validation = np.repeat([1.0, 0.0], 50)

    def logistic(latent):
        score = 1 / (1 + np.exp(-latent))
        return np.stack([1 - score, score], axis=-1)

    def shift_and_validation():
        shift = 0.3 * rng.normal(size=(seeds, 1))
        latent = np.where(of_validation == 1, 1.0, -1.0) + shift + rng.normal(size=(seeds, len(of_validation)))
        classes = np.stack([1 - of_validation, of_validation], axis=1)
        return shift, {(0, s): Validated(classes, logistic(latent[s])) for s in range(seeds)}

    drawn = [shift_and_validation() for _ in range(400)]
    shifts = np.concatenate([shift[:, 0] for shift, _ in drawn])
    thresholds = np.array([youden(cell.truth[:, 1], cell.scores[:, 1]) for _, of in drawn for cell in of.values()])
    new = rng.normal(size=(len(shifts), 2000))
    expected = (1.0 + shifts[:, None] + new >= np.log(thresholds / (1 - thresholds))[:, None]).mean()
    for shift, validation in drawn[:200]:
        latent = np.where(truth == 1, 1.0, -1.0) + shift
        latent = latent + 0.8 * np.repeat(rng.normal(size=2 * patients), 2) + 0.6 * rng.normal(size=len(truth))
        point = operating_points(replace(block, scores=logistic(latent)[None, :, None]), validation)[0]
        _, low, high = point.rates["sensitivity"][0]
        inside += low <= expected <= high
    assert 0.91 <= inside / 200 <= 0.99


def test_the_roc_figure_marks_what_a_binary_task_reaches(run):
    computed = read(run)
    with _drawing.style():
        marked, without = (roc.draw(of).axes[0] for of in (computed, read(None)))
    marks = {(line.get_marker(), *line.get_xydata()[0]) for line in marked.lines if line.get_marker() in ("o", "^")}
    assert marks == {
        (roc.MARKS[point.rule], 1 - specificity[0], sensitivity[0])
        for point in computed.operating_points[0]
        for sensitivity, specificity in zip(point.rates["sensitivity"], point.rates["specificity"], strict=True)
    }
    assert len(without.lines) == len(marked.lines) - 6


def test_the_page_has_a_chapter_with_both_tables(run):
    from analysis.page.chapters import chapters

    shown = chapters(tables.build_all(read(run)))
    assert [section.name for section in shown["Operating points"]] == ["operating_points", "operating_points_pairwise"]
    assert "90% specificity" in json.dumps(shown["Operating points"][0].frame["rule"].tolist())
