"""The report's page in a browser: wide and on a phone, its tables, its figures, and what a screen reader is told."""

from pathlib import Path

import pytest

from analysis.page import page as pages
from analysis.report import write_report
from tests.analysis.simulated_run import settings, write_run
from tests.chromium import browser, needs_chromium

pytestmark = needs_chromium
WIDTHS = (390, 1400)
ROWS = "[...document.querySelectorAll('#table-pairwise tbody tr')].filter((row) => !row.hidden)"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The page of two data sets, two n, and three arms."""
    root = tmp_path_factory.mktemp("browser")
    write_run(root / "run", settings(arms=("scratch", "imagenet", "medical")), aurocs=(0.7, 0.8, 0.85))
    return write_report(root / "run", root / "report", resamples=100).index


@pytest.fixture(scope="module")
def shown(index):
    with browser() as page:
        page.size(1400, 900)
        page.open(index.as_uri())
        yield page


def column(page, name):
    return page.ask(
        "(() => { const table = document.querySelector('#table-pairwise table');"
        f"const at = [...table.querySelectorAll('th')].findIndex((cell) => cell.textContent === '{name}');"
        f"return {ROWS}.map((row) => row.cells[at].textContent); }})()"
    )


def click(page, name):
    buttons = "[...document.querySelectorAll('#table-pairwise th button')]"
    page.ask(f"{buttons}.find((button) => button.textContent === '{name}').click()")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_complains_of_nothing(shown, width):
    shown.size(width, 900, phone=width < 600)
    shown.ask("document.querySelector('.pick option').textContent = 'a long name '.repeat(12)")
    shown.ask("document.querySelectorAll('details').forEach((table) => { table.open = true; })")
    assert shown.ask("document.documentElement.scrollWidth") <= width
    assert shown.ask("document.body.scrollWidth") <= width
    shown.size(1400, 900)
    assert shown.complaints == []


def test_every_figure_and_every_scrolled_table_has_a_name_and_is_reached_by_keyboard(shown):
    unnamed = "[...document.querySelectorAll('.picture, .scroll')].filter((e) => !e.getAttribute('aria-label'))"
    assert shown.ask(f"{unnamed}.length") == 0
    assert shown.ask("[...document.querySelectorAll('.picture, .scroll')].every((e) => e.tabIndex === 0)")
    assert shown.ask("document.querySelectorAll('.picture').length") > 5
    assert shown.ask("[...document.querySelectorAll('.picture')].every((e) => e.getAttribute('role') === 'img')")


def test_axe_finds_nothing_serious(index, shown):
    package = pytest.importorskip("axe_core_python")
    shown.open(index.as_uri())
    # Rows are alike, and the insides of a picture are hidden by its role: they are most of the page, and of the time.
    shown.ask("document.querySelectorAll('tbody tr:nth-child(n+3), .picture g').forEach((part) => part.remove())")
    shown.ask((Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8") + "; null")
    serious = []
    for width in WIDTHS:
        shown.size(width, 900, phone=width < 600)
        serious += shown.ask(
            "axe.run(document, {preload: false, resultTypes: ['violations']}).then((result) => result.violations"
            ".filter((one) => ['serious', 'critical'].includes(one.impact))"
            ".map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html).join(' ')))"
        )
    shown.size(1400, 900)
    shown.open(index.as_uri())
    assert serious == []


def test_tables_sort_by_any_column_and_say_so(shown):
    for name, order in (("difference", float), ("arm b", str)):
        before = column(shown, name)
        click(shown, name)
        assert column(shown, name) == sorted(before, key=order)
        click(shown, name)
        assert column(shown, name) == sorted(before, key=order, reverse=True)
    said = shown.ask(
        "[...document.querySelectorAll('#table-pairwise th[aria-sort]')].map((e) => e.textContent + e.ariaSort)"
    )
    assert said == ["arm bdescending"]


def test_rows_are_filtered_and_counted(shown):
    total = len(column(shown, "arm a"))
    shown.ask(
        "(() => { const field = document.querySelector('#table-pairwise .filter input');"
        "field.value = 'medical'; field.dispatchEvent(new Event('input')); })()"
    )
    left = column(shown, "arm b")
    assert 0 < len(left) < total and f"{len(left)} of {total} rows" in shown.text()
    shown.ask(
        "(() => { const field = document.querySelector('#table-pairwise .filter input');"
        "field.value = ''; field.dispatchEvent(new Event('input')); })()"
    )
    assert len(column(shown, "arm a")) == total


def test_a_data_set_an_n_and_arms_are_picked_for_all_tables_and_findings(shown):
    pick = "(() => { const [dataset, n] = document.querySelectorAll('.pick select');"
    change = ".dispatchEvent(new Event('change'));"
    shown.ask(f"{pick} dataset.value = 'made up'; dataset{change} n.value = '200'; n{change} }})()")
    assert set(column(shown, "dataset")) == {"made up"} and set(column(shown, "n per class")) == {"200"}
    blocks = "[...document.querySelectorAll('[data-dataset]')].filter((block) => !block.hidden)"
    assert set(shown.ask(f"{blocks}.map((block) => block.dataset.dataset)")) == {"made up"}
    shown.ask("document.querySelector('.pick input').click()")  # the first arm
    assert len(column(shown, "arm a")) == 1
    shown.ask(f"document.querySelector('.pick input').click(); {pick} dataset.value = ''; dataset{change} }})()")
    assert len(set(column(shown, "dataset"))) == 2
    shown.ask(f"{pick} n.value = ''; n{change} }})()")


def test_values_are_read_under_the_pointer(shown):
    shown.ask("document.querySelector('#figure-forest').scrollIntoView()")
    marks = "[...document.querySelectorAll('#figure-forest use')].map((mark) => mark.getBoundingClientRect())"
    x, y = shown.ask(
        f"(() => {{ const of = {marks}.find((box) => box.width > 5 && Math.abs(box.width - box.height) < 0.2);"
        "return [of.x + of.width / 2 + 2, of.y + of.height / 2 + 1]; })()"
    )
    shown.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    shown.wait("!document.querySelector('.tip').hidden")
    tip = shown.ask("document.querySelector('.tip').textContent")
    first = shown.ask("document.querySelector('#figure-forest svg').dataset.axes")
    assert "imagenet - scratch" in first and "difference in AUROC" in tip and " - " in tip, tip


def test_without_javascript_all_rows_are_there_and_nothing_is_offered_that_does_nothing(index):
    text = index.read_text(encoding="utf-8")
    body = text[: text.index("<script")]
    assert "<button" not in body and "<input" not in body and "<select" not in body
    assert " hidden" not in body[body.index("<body") :]


def test_the_script_is_small():
    assert len((pages.TEMPLATES / "page.js").read_bytes()) < 10_000
