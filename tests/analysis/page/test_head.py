"""What stands before the findings."""

import pytest

from analysis.page.head import head
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.study import study
from tests.analysis.conftest import make_block


@pytest.mark.parametrize(("facts", "warned"), [({"leaks": "not verifiable: no patient ids"}, True), ({}, False)])
def test_patients_that_nobody_knows_are_a_warning(tmp_path, facts, warned):
    write_block(tmp_path / "predictions.parquet", make_block(), facts)
    warnings = head(study(read_predictions(tmp_path / "predictions.parquet"), resamples=20), {}, []).warnings
    sentence = "toy: which images are of one patient is not known (not verifiable: no patient ids)"
    assert any(warning.startswith(sentence) for warning in warnings) is warned
