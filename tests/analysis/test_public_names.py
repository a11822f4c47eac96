"""The package's face: four names, imported when they are asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import analysis

ROOT = Path(__file__).parents[2]


def test_the_public_names_are_these_four():
    from analysis.predictions.reading import read_predictions
    from analysis.report import write_report
    from analysis.statistics.auc import macro_auc
    from analysis.study.comparison import compare

    assert sorted(analysis.__all__) == ["compare", "macro_auc", "read_predictions", "write_report"]
    assert analysis.read_predictions is read_predictions and analysis.write_report is write_report
    assert analysis.compare is compare and analysis.macro_auc is macro_auc
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        analysis.compere  # noqa: B018


def test_importing_the_package_takes_no_time():
    code = """
import sys, time
before = set(sys.modules)
start = time.perf_counter()
import analysis
took = time.perf_counter() - start
assert took < 0.05, took
assert not {"numpy", "pandas", "scipy", "matplotlib"} & (set(sys.modules) - before)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
