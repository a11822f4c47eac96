"""The data sets on this machine: what there is, how to get the rest, whether it is sound, what it looks like.

python -m benchmark.data list
python -m benchmark.data fetch chest-xray --data-root DATA
python -m benchmark.data check ham10000
python -m benchmark.data show phantom --out phantom.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.command_line import add_data_root, run_command
from benchmark.errors import InputError
from benchmark.results import path_name

if TYPE_CHECKING:
    from benchmark.images.contract import DatasetModule, LoadOptions


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 where `check` finds a fault or `fetch` fetched nothing."""
    flags = _parser().parse_args(argv)
    return run_command(lambda: {"list": _list, "fetch": _fetch, "check": _check, "show": _show}[flags.command](flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark.data", description="The data sets on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("list", "every data set: what it is, size, licence, where to get it, found or not"),
        ("fetch", "bring a data set where its licence lets a program do so, else say the steps"),
        ("check", "counts against the published ones, unreadable files, duplicates, leaks; exit code 1 if wrong"),
        ("show", "a sheet of samples of each class, before and after augmentation, as PNG"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        add_data_root(command)
        if name == "list":
            continue
        command.add_argument("name", help="data set, for example chest-xray or medmnist:dermamnist")
        command.add_argument("--image-size", type=int, default=64, metavar="PX", help="working size (default: 64)")
        if name in ("check", "show"):
            command.add_argument("--holdout", choices=("official", "grouped"), help="default: what fits the counts")
            command.add_argument("--seed", type=int, default=0, help="root seed (default: 0)")
            command.add_argument("--workers", type=int, default=2, help="processes that decode (default: 2)")
            command.add_argument("--cache", type=Path, default=Path("mlruns/cache"), help="default: %(default)s")
        if name == "show":
            command.add_argument("--out", type=Path, help="default: NAME.png")
            command.add_argument("--strength", type=float, default=0.5, help="of the augmentation (default: 0.5)")
    return parser


def _list(flags: argparse.Namespace) -> int:
    from benchmark import datasets

    data_root = datasets.data_root(flags.data_root)
    for module in datasets.modules():
        kind = "for pretraining" if module.CORPUS else "for the comparison"
        variant = f":{module.VARIANT}" if module.VARIANT else ""
        sys.stdout.write(
            f"{module.NAME}{variant}\n  {module.TITLE}\n  {kind}; {module.ORIGIN.size or 'any size'}; "
            f"{module.ORIGIN.licence}\n  {_where(module, data_root)}\n"
        )
        for step in module.ORIGIN.steps:
            sys.stdout.write(f"    {step}\n")
    return 0


def _where(module: DatasetModule, data_root: Path | None) -> str:
    from benchmark import datasets

    if module.FOLDER is None:
        return "needs nothing on disk" if not module.VARIANT else "where you say"
    if data_root is None:
        return f"not looked for: give --data-root, the folder that holds {module.FOLDER}/"
    folder = datasets.folder_of(module, data_root)
    return f"found: {folder}" if folder else f"not found: no {module.FOLDER}/ under {data_root}"


def _fetch(flags: argparse.Namespace) -> int:
    from benchmark import datasets
    from benchmark.images.contract import LoadOptions

    module = datasets.find(flags.name)
    data_root = flags.data_root or datasets.data_root(None)
    if module.FOLDER is None:
        sys.stdout.write(f"{flags.name} needs nothing to be fetched\n")
        return 0
    if data_root is None:
        raise InputError("where to? Give --data-root DIR, or set BENCHMARK_DATA.")
    fetch = getattr(module, "fetch", None)
    if fetch is None:
        sys.stdout.write(f"{flags.name} cannot be fetched by a program. By hand:\n")
        sys.stdout.writelines(f"  {step}\n" for step in module.ORIGIN.steps)
        return 1
    folder = datasets.folder_of(module, data_root) or data_root / module.FOLDER
    options = LoadOptions(image_size=flags.image_size, variant=flags.name.partition(":")[2])
    fetch(folder, options, lambda text: sys.stdout.write(f"{text}\n"))
    sys.stdout.write(f"next: python -m benchmark.data check {flags.name} --data-root {data_root}\n")
    return 0


def _check(flags: argparse.Namespace) -> int:
    from benchmark.audit.checking import check, table

    findings = check(flags.name, flags.data_root, _options(flags), flags.cache, flags.workers)
    sys.stdout.write(table(findings))
    wrong = sum(finding.wrong for finding in findings)
    sys.stdout.write(f"{flags.name}: {f'{wrong} things are wrong' if wrong else 'all is well'}\n")
    return 1 if wrong else 0


def _show(flags: argparse.Namespace) -> int:
    from benchmark.audit.contact_sheet import sheet

    path = flags.out or Path(f"{path_name(flags.name)}.png")
    image = sheet(flags.name, flags.data_root, _options(flags), flags.strength)
    try:
        image.save(path)
    except OSError as error:
        raise InputError(f"cannot write {path} ({error}). Choose another --out.") from error
    sys.stdout.write(f"{path}\n")
    return 0


def _options(flags: argparse.Namespace) -> LoadOptions:
    from benchmark import datasets
    from benchmark.images.contract import LoadOptions

    holdout = flags.holdout or datasets.find(flags.name).ORIGIN.counted
    return LoadOptions(image_size=flags.image_size, holdout=holdout, root_seed=flags.seed)


if __name__ == "__main__":
    sys.exit(main())
