"""Medical pretraining: one checkpoint from several source data sets, for the arm `medical`.

    python -m benchmark.pretrain --sources brain-mri,nih --target chest-xray --data-root DATA

Each source is a task of its own with its own head; a tenth of its patients is held out and scored after each epoch.
The backbone is saved as safetensors, with a card in it, and beside it as JSON, that names sources, settings and scores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import add_data_root, comma_list, device_name, run_command
from benchmark.memory import require_addresses
from benchmark.pretraining.pretrain import Places, PretrainSpec, pretrain
from benchmark.results import clear_temporary


def _parser() -> argparse.ArgumentParser:
    defaults = PretrainSpec(sources=())
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.pretrain",
        description="Pretrain the shared backbone on medical source data sets, for the arm 'medical'.",
    )
    parser.add_argument("--sources", type=comma_list, required=True, help="data sets, by name: brain-mri,nih")
    parser.add_argument("--target", help="the data set that the checkpoint is for: refused as a source")
    parser.add_argument("--backbone", default=defaults.backbone, help="timm's name (default: %(default)s)")
    parser.add_argument(
        "--start",
        choices=("imagenet", "scratch"),
        default=defaults.start,
        help="ImageNet's weights, or random ones: a medical-only checkpoint (default: %(default)s)",
    )
    parser.add_argument("--image-size", type=int, default=defaults.image_size, metavar="PX")
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--seed", type=int, default=defaults.root_seed)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("mlruns/weights"), help="folder (default: %(default)s)")
    add_data_root(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = _parser().parse_args(argv)

    def work() -> int:
        require_addresses()
        from benchmark import datasets

        spec = PretrainSpec(
            sources=tuple(datasets.canonical(name) for name in flags.sources),
            backbone=flags.backbone,
            start=flags.start,
            image_size=flags.image_size,
            epochs=flags.epochs,
            batch_size=flags.batch_size,
            root_seed=flags.seed,
        )
        places = Places(
            data_root=datasets.data_root(flags.data_root),
            weights=flags.out,
            cache=flags.out.parent / "cache",
            device=device_name(flags.device),
        )
        for folder in (places.weights, places.cache):
            clear_temporary(folder)
        path = pretrain(spec, places, flags.target and datasets.canonical(flags.target))
        sys.stdout.write(f"{path}\n{path.with_suffix('.json')}\n")
        return 0

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
