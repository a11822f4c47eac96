"""What README shows works as it stands."""

import re
from pathlib import Path

from benchmark import arms
from benchmark.spec import BenchmarkSpec, read_preset

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_arms_in_a_preset_are_arms(tmp_path):
    (example,) = re.findall(r"<!-- example: arms in a preset -->\n```toml\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    spec = arms.with_definitions(BenchmarkSpec(datasets=("phantom",), **read_preset(tmp_path / "mine.toml")))
    assert [arm.name for arm in spec.definitions] == ["lora", "dinov2"]
    for name in spec.arms:
        arms.check(arms.find(name, spec.definitions), spec.backbone, named=False)
