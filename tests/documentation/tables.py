"""The tables of a report and their columns, as docs/tables.md shows them: from the tables' own files.

Columns are those of frames that were built, from made-up studies which between them have rows for every table.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from analysis import tables
from analysis.predictions.block import Predictions
from analysis.statistics.sequential import Looks
from analysis.study.arm_facts import ArmFacts
from analysis.study.run_facts import RunFacts
from analysis.study.study import study
from benchmark.results import ATTRIBUTE_COLUMNS, ATTRIBUTES, write_table
from tests.analysis.conftest import make_block, make_multiclass
from tests.analysis.simulated_run import settings, study_of, write_run, write_validation
from tests.analysis.study.test_hyperparameters import made
from tests.analysis.study.test_reporting import DESCRIBED


def studies(folder):
    """Studies that between them have rows for every table."""
    other = write_run(folder / "grouped", settings(sampler="random", holdout="grouped"), first_seed=7)
    yield study_of(write_run(folder / "official", settings(sampler="random")), other=other)
    yield made_up(make_multiclass())
    yield made_up(make_block(seeds=3, images=80), looks=Looks((3, 5), 3))
    sets = (make_block(d, auroc=(0.7, 0.8), seeds=2, images=60) for d in range(6))
    yield made_up(*(replace(block, dataset=f"set {d}") for d, block in enumerate(sets)))
    yield described(folder)


def made_up(*blocks, looks=None):
    """The study of some blocks."""
    return study(Predictions(blocks, {}, ()), resamples=100, looks=looks)


def described(folder):
    """The study of a run that says what it is and what its images are, and of a test set from elsewhere."""
    block, far = make_block(images=160), replace(make_block(9), dataset="toy -> far")
    rows = [(block.dataset, sample, "sex", "fm"[group % 2])
            for sample, group in zip(block.sample_ids, block.groups, strict=True)]  # fmt: skip
    write_validation(folder, block)
    write_table(folder / ATTRIBUTES, pd.DataFrame(rows, columns=list(ATTRIBUTE_COLUMNS)), ATTRIBUTE_COLUMNS)
    return study(
        Predictions((block,), {}, ()),
        resamples=100,
        external=Predictions((far,), {far.dataset: {"external_of": block.dataset}}, ()),
        run=RunFacts(folder, DESCRIBED),
        arms={arm: ArmFacts(arm, "scratch", "simple-cnn", {}) for arm in block.arms},
    )


def of_importance():
    """The table that only long searches have."""
    return tables.MODULES.find("importance").build(
        study(Predictions((make_block(),), {}, ()), resamples=100, trials=made())
    )


def columns(folder):
    """Table -> its columns, in their order; without those that no study has rows for."""
    listed = {"importance": list(of_importance().columns)}
    for computed in studies(folder):
        for name, frame in tables.build_all(computed).items():
            before = listed.setdefault(name, [])
            before += [column for column in frame.columns if column not in before]
    return listed


def page(folder):
    """The tables by chapter: file, title, caption, and what every column says."""
    lines, listed, chapter = [], columns(folder), None
    for table in sorted(tables.MODULES.all(), key=chapter_order()):
        if chapter != table.CHAPTER:
            chapter = table.CHAPTER
            lines += [f"## {chapter}", ""]
        lines += [f"### {table.TITLE}: `tables/{table.NAME}`", "", escaped(table.CAPTION), ""]
        said = [(column, tables.meaning(table, column) or "") for column in listed.get(table.NAME, ())]
        rows = [f"| `{column}` | {escaped(text)} |" for column, text in said]
        lines += ["| column | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(lines)


def chapter_order():
    """A sorting key: chapters in the order of their first tables."""
    chapters = list(dict.fromkeys(table.CHAPTER for table in tables.MODULES.all()))
    return lambda table: chapters.index(table.CHAPTER)


def escaped(text):
    """Text that Markdown's tables leave as it is."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
