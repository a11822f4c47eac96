"""The rules of the house, computed from the code: rooms, arrows between them, and homes of packages."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("benchmark", "studies", "analysis") for path in (ROOT / room).rglob("*.py"))

#: The rooms by floor, from the ground up. A file that stands in no folder of its own is named; a name that ends in a
#: slash is all that the folder holds. A room may import from lower floors, and from itself.
FLOORS = (
    # the ground: what everything may use
    ("benchmark/errors.py",),
    ("benchmark/seeds.py", "benchmark/results.py", "benchmark/intact.py", "benchmark/disk.py"),
    ("benchmark/enough_patients.py",),
    (
        *("benchmark/discovery.py", "benchmark/sums.py", "benchmark/download.py"),
        *("benchmark/processes.py", "benchmark/leases.py", "benchmark/memory.py"),
    ),
    ("benchmark/metrics/",),
    ("benchmark/arm.py", "benchmark/command_line.py"),
    ("benchmark/spec.py",),
    # the benchmark
    ("benchmark/images/", "benchmark/training/", "benchmark/weights/"),
    ("benchmark/datasets/", "benchmark/methods/"),
    ("benchmark/arms/",),
    ("benchmark/audit/", "benchmark/external.py"),
    ("benchmark/pretraining/",),
    ("studies/", "benchmark/tracking/"),
    ("benchmark/runs/",),
    ("benchmark/performance/",),
    # the analysis: of the benchmark it needs the ground alone
    ("analysis/statistics/", "analysis/predictions/"),
    ("analysis/study/",),
    ("analysis/tables/", "analysis/figures/"),
    ("analysis/page/",),
    ("analysis/simulation/",),
    # the commands
    ("analysis/report.py", "analysis/plan.py", "analysis/validate.py"),
    ("analysis/perf.py", "analysis/publish.py", "analysis/__init__.py"),
    ("benchmark/run.py", "benchmark/data.py", "benchmark/pretrain.py", "benchmark/ui.py", "benchmark/perf.py"),
    ("benchmark/doctor.py", "benchmark/status.py"),
)
GROUND = 7  # floors
COMMANDS = {
    "benchmark/__main__.py",
    "benchmark/weights/__main__.py",
    "benchmark/tracking/__main__.py",
}  # on top, wherever they stand

#: package -> where it may be imported.
HOMES = {
    "mlflow": ("benchmark/tracking/",),
    "optuna": (
        "studies/tune.py",
        "studies/dashboard.py",
        "benchmark/performance/plain_script.py",
    ),  # which is nothing of ours, by design
}
HEAVY = {"torch", "timm", "torchvision", "mlflow", "optuna"}


@cache
def imports(path):
    """All modules that a file imports, anywhere in it, names in packages included."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            ours = {module for module in inside if file_of(module)}
            modules |= ours or {node.module}  # `from package import module` asks nothing of the package itself
    return modules


def file_of(module):
    """The file of one of our modules; None for what is not ours, or is a name inside a module."""
    path = ROOT / module.replace(".", "/")
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate in FILES:
            return candidate
    return None


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def room_of(path):
    """(floor, room) of a file."""
    name = name_of(path)
    if name in COMMANDS:
        return len(FLOORS), name
    for floor, rooms in enumerate(FLOORS):
        for room in rooms:
            if name == room or (room.endswith("/") and name.startswith(room)):
                return floor, room
    return None


def arrows():
    """(importing file, imported file) between our files; a package's own front door is no arrow out of its room."""
    for path in FILES:
        for module in imports(path):
            target = file_of(module)
            if target is not None and target != path:
                yield path, target


def upward(pairs):
    """Arrows that run up, or sideways into another room of the same floor."""
    wrong = []
    for source, target in pairs:
        (floor, room), (other_floor, other_room) = room_of(source), room_of(target)
        if other_floor > floor or (other_floor == floor and other_room != room):
            wrong.append(f"{name_of(source)} -> {name_of(target)}")
    return sorted(set(wrong))


def circles(pairs):
    """Rooms that lead back to themselves through other rooms."""
    leads = {}
    for source, target in pairs:
        first, second = room_of(source)[1], room_of(target)[1]
        if first != second:
            leads.setdefault(first, set()).add(second)
    reached = {room: set(others) for room, others in leads.items()}
    grown = True
    while grown:
        grown = False
        for others in reached.values():
            more = set().union(*(reached.get(room, set()) for room in others)) - others
            grown = grown or bool(more)
            others |= more
    return sorted(room for room, others in reached.items() if room in others)


def test_every_file_has_a_room():
    doors = {"benchmark/__init__.py", "studies/__init__.py"}
    assert [name_of(path) for path in FILES if room_of(path) is None and name_of(path) not in doors] == []


def test_imports_run_down_and_rooms_have_no_circle():
    pairs = [pair for pair in arrows() if all(room_of(path) is not None for path in pair)]
    assert len(pairs) > 200, "the arrows were read"
    assert upward(pairs) == []
    assert circles(pairs) == []


def test_files_of_a_room_have_no_circle():
    leads = {}
    for source, target in arrows():
        if target.name != "__init__.py":
            leads.setdefault(source, set()).add(target)
    done, path = set(), []

    def visit(file):
        if file in path:
            pytest.fail(" -> ".join(name_of(step) for step in [*path[path.index(file) :], file]))
        if file not in done:
            path.append(file)
            for target in leads.get(file, ()):
                visit(target)
            path.pop()
            done.add(file)

    for file in FILES:
        visit(file)


def test_the_measure_sees_an_arrow_upward_and_a_circle():
    low, high = ROOT / "benchmark/images/files.py", ROOT / "benchmark/runs/planning.py"
    assert upward([(low, high)]) == ["benchmark/images/files.py -> benchmark/runs/planning.py"]
    assert circles([(low, high), (high, low)]) == ["benchmark/images/", "benchmark/runs/"]
    assert circles([(high, low)]) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_packages_stay_in_their_homes(path):
    name = name_of(path)
    packages = {module.split(".")[0] for module in imports(path)}
    for package, home in HOMES.items():
        assert package not in packages or name.startswith(home), f"{package} belongs in {home}"
    if name.startswith("analysis/"):
        assert not packages & HEAVY
        assert "studies" not in packages
        ours = {file_of(module) for module in imports(path) if module.startswith("benchmark.")} - {None}
        above = [name_of(file) for file in ours if room_of(file) is not None and room_of(file)[0] >= GROUND]
        assert above == [], "the analysis needs the ground alone"
    if name.startswith("analysis/statistics/"):
        assert not packages & {"pandas", "matplotlib"}, "arrays in, values out"


def test_no_drawers_for_everything_and_no_long_files():
    for path in FILES:
        assert path.stem not in ("utils", "helpers", "common", "misc")
        assert len(path.read_text().splitlines()) <= 350, path
