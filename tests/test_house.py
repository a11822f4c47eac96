"""The rules of the house that imports show."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("benchmark", "studies", "analysis") for path in (ROOT / room).rglob("*.py"))

#: package -> where it may be imported.
HOMES = {"mlflow": ("benchmark/tracking.py",), "optuna": ("studies/tune.py",)}


def imports(path):
    """All modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    name = path.relative_to(ROOT).as_posix()
    found = set(imports(path))
    for package, homes in HOMES.items():
        if any(module.split(".")[0] == package for module in found):
            assert name in homes
    if name.startswith("analysis/"):
        assert not {module.split(".")[0] for module in found} & {"torch", "timm", "torchvision", "mlflow", "optuna"}
        ours = {module for module in found if module.split(".")[0] in ("benchmark", "studies")}
        assert ours <= {"benchmark.results", "benchmark.errors", "benchmark.seeds", "benchmark.command_line"}
    if name.startswith(("benchmark/datasets", "benchmark/weights", "benchmark/training", "benchmark/arms")):
        assert not any(module.startswith(("studies", "analysis", "benchmark.run")) for module in found)
    if name.startswith("benchmark/training"):
        assert not any(module.startswith(("benchmark.arms", "benchmark.weights")) for module in found)


def test_no_drawers_for_everything_and_no_long_files():
    for path in FILES:
        assert path.stem not in ("utils", "helpers", "common", "misc")
        assert len(path.read_text().splitlines()) <= 350, path
