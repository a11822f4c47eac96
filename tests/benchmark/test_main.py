"""One name for all commands."""

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmark.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[2]


def test_the_script_is_installed_under_its_name():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"lowdata": "benchmark.__main__:main"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name, capsys):
    module, sentence = COMMANDS[name]
    assert sentence[0].islower() and not sentence.endswith(".")
    assert callable(importlib.import_module(module).main)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0 and "usage:" in capsys.readouterr().out


def test_every_command_that_python_runs_has_a_name():
    files = [path for room in ("benchmark", "analysis") for path in (ROOT / room).rglob("*.py")]
    commands = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in files
        if 'if __name__ == "__main__":' in path.read_text()
    }
    others = {"benchmark.__main__", "analysis.perf", "benchmark.tracking.server"}  # for developers, and of the ui
    assert commands - others == {module for module, _ in COMMANDS.values()}


def test_help_lists_the_commands_and_a_wrong_name_is_refused(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)
    assert main(["rnu"]) == 2
    assert "no command 'rnu'" in capsys.readouterr().err


def test_ones_own_files_shadow_nothing(tmp_path):
    (tmp_path / "benchmark.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").write_text("raise SystemExit('shadowed')")
    script = (
        "import sys; sys.path[:] = [path for path in sys.path if path]; from benchmark.__main__ import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0 and "lowdata COMMAND" in ended.stdout
