"""What the pages say of tables, columns, data sets, arms and presets is what the code says."""

from benchmark import datasets
from tests.documentation import generated


def test_generated_parts_are_up_to_date(tmp_path):
    pages = generated.pages(tmp_path)
    assert {page.stem for page in pages} == {"tables", "datasets", "own-arm", "quickstart", "results"}
    stale = [page.name for page, text in pages.items() if page.read_text(encoding="utf-8") != text]
    assert not stale, "python -m tests.documentation writes them anew"


def test_every_table_has_columns_and_every_column_a_meaning():
    sections = (generated.DOCS / "tables.md").read_text(encoding="utf-8").split("\n### ")[1:]
    assert [section.splitlines()[0] for section in sections if "\n| `" not in section] == []
    assert [line for section in sections for line in section.splitlines() if line.endswith("|  |")] == []


def test_the_readme_names_every_licence_of_the_comparison():
    text = " ".join((generated.DOCS.parent / "README.md").read_text(encoding="utf-8").split())
    for name in ("chest-xray", "ham10000"):
        assert datasets.find(name).ORIGIN.licence in text
