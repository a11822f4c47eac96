"""What `--help` of a run adds to its flags: their defaults by preset, presets, data sets, arms and examples."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from benchmark import arms, datasets
from benchmark.spec import PRESETS, BenchmarkSpec, read_preset

EXAMPLES = """\
examples:
  the built-in comparison, on synthetic images
    python -m benchmark.run --budget 50
  what would be done on real data, how long it takes here, and what is missing
    python -m benchmark.run --data-root DATA --dry-run
  images of your own, in PATH/<class>/
    python -m benchmark.run --datasets folder:PATH --arms scratch,imagenet
  the study, as the third of 16 jobs
    python -m benchmark.run --preset study --data-root DATA --out RUN --shard 3/16
"""


def complete(parser: argparse.ArgumentParser, flags: Collection[str]) -> None:
    """Write defaults and lists into a parser, right before its help is shown.

    Args:
        parser: of the command.
        flags: names of the settings that presets set.
    """
    presets = {path.stem: read_preset(path) for path in sorted(PRESETS.glob("*.toml"))}
    for action in parser._actions:
        if action.dest in flags and action.help not in (None, argparse.SUPPRESS):
            text = default_text(action.dest, presets).replace("%", "%%")
            action.help = f"{action.help} ({text})"
    width = shutil.get_terminal_size().columns - 2
    lines = [*_wrapped(parser.epilog or "", width, ""), "", "presets:"]
    lines += [line for name in presets for line in _wrapped(f"{name:<8}  {about(name)}", width, " " * 12, "  ")]
    lines += ["", "arms:"]
    column = max(map(len, arms.names()))
    for name in arms.names():
        lines += _wrapped(f"{name:<{column}}  {arms.title_of(arms.find(name))}", width, " " * (column + 4), "  ")
    usable = [module for module in datasets.modules() if not module.CORPUS]
    named = ", ".join(f"{m.NAME}:{m.VARIANT}" if m.VARIANT[:1] not in ("", "[") else m.NAME for m in usable)
    lines += ["", "data sets (python -m benchmark.data list says more):", *_wrapped(named, width, "  ", "  "), ""]
    parser.epilog = "\n".join(lines) + "\n" + EXAMPLES


def about(preset: str) -> str:
    """The first sentence of the comment that a preset's file begins with."""
    lines = (PRESETS / f"{preset}.toml").read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return " ".join(comment).partition(". ")[0].rstrip(".")


def default_text(name: str, presets: Mapping[str, Mapping[str, Any]]) -> str:
    """What a setting is where no flag says, by preset: ``builtin, real, study: 50; laptop: 10``."""
    standard = {field.name: field.default for field in dataclasses.fields(BenchmarkSpec)}
    by_value: dict[str, list[str]] = {}
    for preset, settings in presets.items():
        value = settings.get(name, standard[name])
        if value is dataclasses.MISSING:
            text = "those of the study that are found"
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        by_value.setdefault(text, []).append(preset)
    if len(by_value) == 1:
        return f"default: {next(iter(by_value))}"
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in by_value.items())


def _wrapped(text: str, width: int, later: str, first: str = "") -> list[str]:
    options = {"initial_indent": first, "subsequent_indent": later, "break_on_hyphens": False}
    return textwrap.wrap(text, max(40, width), **options)  # type: ignore[arg-type]
