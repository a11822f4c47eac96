"""Every command in docs/clusters.md is one that the program takes."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from studies import engines

PAGE = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in re.findall(r"python -m ([^\"\n]*)", block)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_taken(command):
    module, *flags = shlex.split(command.replace("$SLURM_ARRAY_TASK_ID", "3"), comments=True)
    given = importlib.import_module(module)._parser().parse_args(flags)
    assert module != "benchmark.run" or given.engine in engines.ENGINES


def test_the_page_shows_every_engine_and_a_shard():
    text = "\n".join(COMMANDS)
    assert len(COMMANDS) >= 9 and "--shard" in text
    assert all(f"--engine {name}" in text for name in engines.ENGINES if name != "local")
