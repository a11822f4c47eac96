"""Every command that the pages show is one that the program takes, and the cheap ones run."""

import argparse
import importlib
import re

import pytest

from benchmark import arms, datasets
from benchmark.__main__ import COMMANDS
from benchmark.spec import BenchmarkSpec, preset_path, read_preset
from studies import engines
from tests.documentation.pages import PAGES, ROOT, blocks, inline, presets


def ours(calls):
    """Those of this project's commands, each once."""
    names = {call for call in calls if call[0] in COMMANDS or call[0].startswith(("benchmark.", "analysis.", "tests."))}
    return sorted(
        call for call in names if call[0] != "tests.documentation" and not call[0].endswith((".X", ".COMMAND"))
    )


SHOWN = ours(call for page in PAGES for call in blocks(page))
SAID = ours(call for page in PAGES for call in inline(page) if call not in SHOWN)
#: Beginnings of command lines that take seconds, and need neither data nor a run.
CHEAP = (
    ("benchmark.data", "show", "phantom"),
    ("benchmark.weights", "list"),
    ("analysis.plan", "--lock"),
)


class Parsed(Exception):
    """What a command would do comes after this."""


@pytest.fixture
def parse(monkeypatch):
    """A function that lets a command read its flags, and no more."""
    read = argparse.ArgumentParser.parse_args

    def stop(parser, arguments=None, namespace=None):
        raise Parsed(read(parser, arguments, namespace))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)

    def run(name, *flags):
        with pytest.raises(Parsed) as parsed:
            main_of(name)(list(flags))
        return parsed.value.args[0]

    return run


def main_of(name):
    """The function behind ``python -m NAME`` or ``lowdata NAME``."""
    module = COMMANDS[name][0] if name in COMMANDS else name
    front = ROOT / module.replace(".", "/") / "__main__.py"
    return importlib.import_module(f"{module}.__main__" if front.is_file() else module).main


@pytest.mark.parametrize("call", SHOWN, ids=" ".join)
def test_a_command_in_a_block_is_taken(call, parse):
    flags = parse(*call)
    if call[0] in ("benchmark.run", "run"):
        assert flags.engine in engines.ENGINES
        for name in flags.datasets or ():
            assert name == "stripes" or datasets.find(name)
        for name in flags.arms or ():
            assert name in ("lite0-probe", "linear") or arms.find(name)
        assert flags.preset in (None, "mine.toml") or preset_path(flags.preset).is_file()


@pytest.mark.parametrize("call", SAID, ids=" ".join)
def test_a_command_in_a_sentence_is_taken_or_lacks_an_argument(call, parse, capsys):
    try:
        parse(*call)
    except SystemExit:
        assert re.search("arguments are required|expected one argument", capsys.readouterr().err)


def test_the_pages_show_every_command_every_engine_and_a_shard():
    text = "\n".join(" ".join(call) for call in SHOWN + SAID)
    for name, (module, _) in COMMANDS.items():
        assert module.removesuffix(".__main__") in text, name
    assert "--shard" in text
    assert all(f"--engine {name}" in text for name in engines.ENGINES if name != "local")


def cheap():
    """The shown commands that are cheap, without those that name a run."""
    return [call for call in SHOWN if "RUN" not in call and any(call[: len(start)] == start for start in CHEAP)]


@pytest.mark.parametrize("call", cheap(), ids=" ".join)
def test_a_cheap_command_runs(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main_of(call[0])(list(call[1:])) == 0
    assert capsys.readouterr().out


def test_there_are_cheap_commands():
    assert {call[0] for call in cheap()} == {start[0] for start in CHEAP}


@pytest.mark.parametrize("text", [text for page in PAGES for text in presets(page)])
def test_a_preset_on_a_page_is_one(text, tmp_path):
    (tmp_path / "mine.toml").write_text(text)
    assert BenchmarkSpec(**{"datasets": ("folder:PATH",), **read_preset(tmp_path / "mine.toml")}).arms
