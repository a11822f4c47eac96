"""`python -m benchmark.weights`: list the known weight sources, fetch one, check files before a study."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import InputError

_DESCRIPTION = "Pretrained weights: what is known, what is here, fetching and checking."
_EPILOG = """examples:
  python -m benchmark.weights list
  python -m benchmark.weights fetch torchvision-resnet50-v1
  python -m benchmark.weights fetch resnet50.a1_in1k          (any timm backbone, with or without a tag)
  python -m benchmark.weights check                           (everything that is here)
  python -m benchmark.weights check ResNet50.pt --backbone resnet50 --role medical
  python -m benchmark.weights check radimagenet-imagenet-scaling@ResNet50.pt
  python -m benchmark.weights families > docs/backbones.md    (minutes)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 good, 1 a check failed, 2 bad input."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.weights",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="list | fetch | check | families")

    listing = commands.add_parser("list", help="every known source: licence, training data, found or not")
    listing.add_argument("--backbone", help="only this backbone's, with timm's own weights")
    listing.set_defaults(act=_list)

    fetching = commands.add_parser("fetch", help="download one source into the weights folder")
    fetching.add_argument("name", help="a source of the list, or a timm backbone")
    fetching.set_defaults(act=_fetch)

    checking = commands.add_parser("check", help="SHA-256, keys, shapes and a trial run")
    checking.add_argument("files", nargs="*", help="files, sources, or SOURCE@FILE; default: all that is here")
    checking.add_argument("--backbone", help="the timm backbone they should fit; default: the file's own")
    checking.add_argument("--role", choices=("imagenet", "medical"), help="default: the file's own")
    checking.set_defaults(act=_check)

    families = commands.add_parser("families", help="try every family of backbones, at 64 px and at its native size")
    families.set_defaults(act=_families)

    for command in (listing, fetching, checking):
        command.add_argument("--folder", type=Path, help="the weights folder (default: mlruns/weights)")
    return parser


def _folder(options: argparse.Namespace) -> Path:
    from benchmark.weights.find import DEFAULT_FOLDER

    return options.folder or DEFAULT_FOLDER


def _list(options: argparse.Namespace) -> int:
    from benchmark.weights.listing import listing

    sys.stdout.write(listing(_folder(options), options.backbone))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from benchmark.weights.caches import locate_source, offline
    from benchmark.weights.fetching import fetch
    from benchmark.weights.identify import weight_file
    from benchmark.weights.sources import source_for_fetching

    source = source_for_fetching(options.name)
    folder = _folder(options)
    path = locate_source(source, folder)
    if path is None:
        if offline() and (source.url or source.hub_id):
            raise InputError(f"HF_HUB_OFFLINE forbids the network: unset it to fetch {source.name}.")
        path = fetch(source, folder, _progress)
        sys.stderr.write("\n")
    file = weight_file(path, source.backbone or options.name, source.role, source)
    sys.stdout.write(f"{source.name}: {path}\nSHA-256 {file.sha256}\n")
    if source.note:
        sys.stdout.write(f"Note: {source.note}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    from benchmark.weights.listing import check_one, present

    names = options.files or present(_folder(options))
    if not names:
        raise InputError(
            f"nothing to check: no known weights in {_folder(options)}/ or the libraries' caches. Name a "
            "file, or see 'python -m benchmark.weights list'."
        )
    failed = 0
    for name in names:
        try:
            sys.stdout.write(check_one(name, options.backbone, options.role, _folder(options)))
        except InputError as error:
            failed += 1
            sys.stdout.write(f"FAILED  {name}\n  {error}\n")
    return 1 if failed else 0


def _families(options: argparse.Namespace) -> int:
    from benchmark.runs.families import page

    for line in page():
        sys.stdout.write(line)
        sys.stdout.flush()
    return 0


def _progress(done: int, total: int | None) -> None:
    of = f" of {total / 1e6:.0f}" if total else ""
    if sys.stderr.isatty() or done == total:
        sys.stderr.write(f"\r{done / 1e6:.0f}{of} MB")


if __name__ == "__main__":
    sys.exit(main())
