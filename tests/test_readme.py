"""What README shows to foreign users works as it stands."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq

from analysis.report import write_report
from benchmark import arms
from benchmark.spec import BenchmarkSpec, read_preset

PAGE = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_a_table_of_ones_own_is_read_with_its_metadata(tmp_path, monkeypatch):
    (example,) = re.findall(r"<!-- example: a table of one's own -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert set(json.loads(pq.read_schema("predictions.parquet").metadata[b"benchmark"])) == {"chest"}
    written = write_report(Path("predictions.parquet"), Path("out"), resamples=100)
    assert (written.pairwise["rho"] == 0.05).all() and written.pairwise["verdict"].iloc[0] != "not tested"
    assert written.frames["holdout"]["class"].tolist() == ["healthy", "sick"]
    assert not any("assumed" in remark or "taken from the rows" in remark for remark in written.remarks)


def test_the_arms_in_a_preset_are_arms(tmp_path):
    (example,) = re.findall(r"<!-- example: arms in a preset -->\n```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    spec = arms.with_definitions(BenchmarkSpec(datasets=("phantom",), **read_preset(tmp_path / "mine.toml")))
    assert [arm.name for arm in spec.definitions] == ["lora", "dinov2"]
    for name in spec.arms:
        arms.check(arms.find(name, spec.definitions), spec.backbone, named=False)
