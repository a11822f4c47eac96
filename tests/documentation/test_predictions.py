"""What docs/predictions.md shows to users with predictions of their own works as it stands."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq

from analysis.report import write_report

PAGE = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text(encoding="utf-8")


def test_a_table_of_ones_own_is_read_with_its_metadata(tmp_path, monkeypatch):
    (example,) = re.findall(r"<!-- example: a table of one's own -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert set(json.loads(pq.read_schema("predictions.parquet").metadata[b"benchmark"])) == {"chest"}
    written = write_report(Path("predictions.parquet"), Path("out"), resamples=100)
    assert (written.pairwise["rho"] == 0.05).all() and written.pairwise["verdict"].iloc[0] != "not tested"
    assert written.frames["holdout"]["class"].tolist() == ["healthy", "sick"]
    assert not any("assumed" in remark or "taken from the rows" in remark for remark in written.remarks)
