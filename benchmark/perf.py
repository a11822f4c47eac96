"""How much faster a trial is than the plain way, as ratios measured in one run.

    python -m benchmark.perf
    python -m benchmark.perf --epochs 5,15,30,60     # or: AUROC by epochs (benchmark.runs.epochs)

The plain way is a data loader that decodes every JPEG in every epoch, augments it alone with torchvision, and passes
it through the whole network. Ours decodes once, augments batches, and keeps the features of what is frozen. Both run
in one thread on the same images; they take turns, so that a noisy machine is noisy for both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.command_line import run_command

if TYPE_CHECKING:
    from torch import nn

IMAGES, NATIVE, SIZE, EPOCHS, BATCH, ROUNDS = 96, 224, 64, 3, 16, 3
BACKBONE = "tf_efficientnet_lite0"
CASES = (("scratch", 16), ("imagenet", "all"), ("imagenet", "last"), ("imagenet", "head"))


def measure(rounds: int) -> list[tuple[str, float, float, float]]:
    """(case, plain seconds, our seconds in the first trial, in later trials): medians over the rounds."""
    from benchmark.training.engine import configure

    configure(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = _write_images(Path(folder))
        for arm, own in CASES:
            plain, ours = _plain_trial(arm, own, paths), _our_trial(arm, own, paths)
            ours()  # warms up
            times = [(_seconds(plain), *_seconds_twice(_our_trial(arm, own, paths))) for _ in range(rounds)]
            rows.append((f"{arm}, {own}", *(statistics.median(column) for column in zip(*times, strict=True))))
    return rows


def _write_images(folder: Path) -> list[Path]:
    import numpy as np
    from PIL import Image

    from benchmark.seeds import rng_for

    rng = rng_for(0, "perf")
    paths = [folder / f"{number}.jpeg" for number in range(IMAGES)]
    for path in paths:
        coarse = rng.integers(0, 256, (14, 14), dtype=np.uint8)
        Image.fromarray(coarse).resize((NATIVE, NATIVE)).save(path, quality=90)
    return paths


def _our_trial(arm_name: str, own: Any, paths: Sequence[Path]) -> Callable[[], None]:
    """A trial as the studies run it; a second call shares what the first has cached."""
    import numpy as np
    import torch

    from benchmark import arms
    from benchmark.images.files import ImageFiles
    from benchmark.seeds import seed_for
    from benchmark.training.engine import Recipe, TrainingSet, fit, to_device
    from benchmark.training.features import FrozenFeatures

    arm = arms.find(arm_name)
    network_spec = arms.NetworkSpec(BACKBONE, 1, 2)
    prepared = arm.prepare(network_spec, None)
    targets = torch.eye(2)[torch.arange(IMAGES) % 2]
    recipe = Recipe(1e-3, 1e-3, EPOCHS, 0.5, 0.1, BATCH)
    decoded: list[TrainingSet] = []  # empty until the first trial

    def trial() -> None:
        from PIL import Image

        if not decoded:
            read = ImageFiles(tuple(paths), 1)
            small = [np.asarray(Image.fromarray(read(i)).resize((SIZE, SIZE))) for i in range(IMAGES)]
            images = to_device(np.stack(small)[..., None], torch.device("cpu"))
            decoded.append(TrainingSet(images, targets, "binary", False, FrozenFeatures(images, False, 0, "perf")))
        fit(
            lambda: arm.build(prepared, network_spec, {arm.OWN.name: own}),
            decoded[0],
            np.arange(IMAGES),
            recipe,
            seed_for(0, "perf"),
        )

    return trial


def _plain_trial(arm_name: str, own: Any, paths: Sequence[Path]) -> Callable[[], None]:
    """The same trial as a plain script has it."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader
    from torchvision import transforms

    from benchmark import arms

    arm = arms.find(arm_name)
    network_spec = arms.NetworkSpec(BACKBONE, 1, 2)
    augment = transforms.Compose(
        [
            transforms.Resize((SIZE, SIZE)),
            transforms.RandomAffine(15, (0.07, 0.07), (0.88, 1.12)),
            transforms.ColorJitter(0.15, 0.25),
            transforms.ToTensor(),
            transforms.RandomErasing(0.25),
        ]
    )

    def load(index: int) -> tuple[Any, int]:
        with Image.open(paths[index]) as image:
            return augment(image.convert("L")), index % 2

    def collate(batch: list[int]) -> tuple[Any, Any]:
        images, labels = zip(*(load(index) for index in batch), strict=True)
        return torch.stack(images), torch.tensor(labels)

    def trial() -> None:
        network = arm.build(arm.prepare(network_spec, None), network_spec, {arm.OWN.name: own})
        parts: list[nn.Module] = [part for part in (network.frozen, network.learned) if part is not None]
        optimiser = torch.optim.AdamW(network.learned.parameters())
        loader: Any = DataLoader(range(IMAGES), batch_size=BATCH, shuffle=True, collate_fn=collate)  # type: ignore[arg-type]
        for _ in range(EPOCHS):
            for images, labels in loader:
                for part in parts:
                    with torch.set_grad_enabled(part is network.learned):
                        images = part(images)
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(images, labels).backward()  # type: ignore[no-untyped-call]
                optimiser.step()

    return trial


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _seconds_twice(work: Callable[[], None]) -> tuple[float, float]:
    return _seconds(work), _seconds(work)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    from benchmark.runs import epochs

    parser = argparse.ArgumentParser(prog="python -m benchmark.perf", description="A trial's speed, as ratios.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    epochs.add_flags(parser)
    flags = parser.parse_args(argv)
    if flags.epochs:
        return run_command(lambda: epochs.print_table(flags))

    def work() -> int:
        sys.stdout.write(f"{'trial':<18}{'plain s':>9}{'first s':>9}{'later s':>9}   plain/first  plain/later\n")
        for case, plain, first, later in measure(flags.rounds):
            sys.stdout.write(
                f"{case:<18}{plain:>9.2f}{first:>9.2f}{later:>9.2f}   {plain / first:>11.1f}  {plain / later:>11.1f}\n"
            )
        return 0

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
