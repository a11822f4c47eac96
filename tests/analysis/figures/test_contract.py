"""Every figure keeps its contract; a new file is tried without being named here."""

import io

import pytest
from matplotlib.text import Text

from analysis import figures
from analysis.figures import _drawing
from analysis.study.study import study

KNOWN = [
    "forest",
    "seeds",
    "learning_curve",
    "best_so_far_trials",
    "best_so_far_seconds",
    "optimism",
    "roc",
    "precision_recall",
    "reliability",
    "net_benefit",
    "variance",
    "power_map",
]


@pytest.mark.parametrize("figure", figures.MODULES.all(), ids=lambda figure: figure.NAME)
def test_a_figure_says_how_it_is_read_and_draws(full_study, tmp_path, figure):
    for text in (figure.NAME, figure.TITLE, figure.CAPTION):
        assert text.strip() == text != ""
    assert figure.CAPTION.endswith(".")
    with _drawing.style():
        drawn = figure.draw(full_study)
        assert drawn is not None or figure.NAME not in KNOWN
        if drawn is None:
            return
        svg = _drawing.save(drawn, tmp_path, figure.NAME)
    assert svg.startswith("<svg") and (tmp_path / f"{figure.NAME}.png").stat().st_size > 1000


@pytest.mark.parametrize("figure", figures.MODULES.all(), ids=lambda figure: figure.NAME)
def test_no_text_of_a_figure_is_read_as_mathematics(full_study, figure):
    """A data set of the study is called ``... $x^$ $``."""
    with _drawing.style():
        drawn = figure.draw(full_study)
        if drawn is None:
            return
        drawn.savefig(io.BytesIO(), format="svg")
    texts = drawn.findobj(Text)
    assert texts and not any(text.get_parse_math() for text in texts)
    assert not any("mathdefault" in text.get_text() for text in texts)


def test_the_figures_are_found_in_order(full_study, tmp_path):
    assert [name for name in figures.MODULES.names() if name in KNOWN] == KNOWN
    pictures = figures.draw_all(full_study, tmp_path)
    assert [picture.name for picture in pictures if picture.name in KNOWN] == KNOWN


def test_the_curves_of_roc_and_precision_recall_are_computed_once(full_study, monkeypatch):
    from analysis.study import operating

    fresh = study(full_study.predictions, resamples=100)
    calls = []
    computed = operating.curves
    monkeypatch.setattr(operating, "curves", lambda *given: calls.append(1) or computed(*given))
    with _drawing.style():
        for name in ("roc", "precision_recall"):
            figures.MODULES.find(name).draw(fresh)
    assert len(calls) == len(fresh.blocks)


@pytest.mark.parametrize("figure", figures.MODULES.all(), ids=lambda figure: figure.NAME)
def test_a_figure_copes_with_one_arm_and_one_seed(tmp_path, figure):
    from analysis.predictions.block import Predictions
    from tests.analysis.conftest import make_block

    alone = study(Predictions((make_block(auroc=(0.8,), seeds=1, images=60),), {}, ()), resamples=100)
    with _drawing.style():
        drawn = figure.draw(alone)
    if figure.NAME in ("seeds", "roc", "precision_recall", "reliability", "net_benefit"):
        assert drawn is not None
    elif figure.NAME in KNOWN:
        assert drawn is None


@pytest.mark.parametrize("name", ["seeds", "best_so_far_trials", "best_so_far_seconds"])
def test_panels_of_one_data_set_have_one_y_axis(full_study, name):
    with _drawing.style():
        drawn = figures.MODULES.find(name).draw(full_study)
    limits = {}
    for axes in drawn.axes:
        limits.setdefault(axes.get_title(loc="left").rpartition(", n = ")[0], set()).add(axes.get_ylim())
    assert len(limits) == 2 and all(len(of_dataset) == 1 for of_dataset in limits.values())


def test_reliability_has_a_band_over_the_seeds(full_study):
    with _drawing.style():
        drawn = figures.MODULES.find("reliability").draw(full_study)
    assert all(len(axes.collections) == len(full_study.blocks[0].block.arms) for axes in drawn.axes)
