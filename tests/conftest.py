"""Small blocks and settings that many tests share."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.images.training_block import TrainingBlock
from benchmark.spec import BenchmarkSpec

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def tiny_spec():
    """Settings under which a cell takes a second."""
    return BenchmarkSpec(
        datasets=("toy",),
        arms=("scratch",),
        n_per_class=(12,),
        seeds=1,
        budget=3,
        folds=2,
        refits=2,
        image_size=16,
        backbone="resnet18",
        min_epochs=1,
        max_epochs=2,
        batch_size=8,
        min_per_class=4,
    )


@pytest.fixture
def toy_block(tmp_path):
    """Two classes, bright and dark images: 12 of each to learn from, and 20 to predict."""
    return make_block(tmp_path)


def make_block(folder: Path, classes: int = 2, task: str = "binary", channels: int = 1) -> TrainingBlock:
    rng = np.random.default_rng(0)
    n, m = 12 * classes, 20
    labels = np.eye(classes, dtype=np.float32)[np.arange(n + m) % classes]
    level = 60 + 130 * labels.argmax(1) / max(1, classes - 1)
    pixels = rng.normal(level[:, None, None, None], 25, (n + m, 16, 16, channels)).clip(0, 255).astype(np.uint8)
    path = folder / "pixels.npy"
    np.save(path, pixels)
    return TrainingBlock(
        dataset="toy",
        n_per_class=12,
        seed=0,
        task=task,
        classes=tuple(f"class {k}" for k in range(classes)),
        flip=True,
        pixels=path,
        subsample=np.arange(n),
        labels=labels[:n],
        folds=np.arange(n) // classes % 2,
        subsample_ids=np.array([f"training image {i}" for i in range(n)]),
        subsample_groups=np.array([f"training patient {i // 2}" for i in range(n)]),
        holdout=np.arange(n, n + m),
        holdout_labels=labels[n:],
        holdout_ids=np.array([f"image {i}" for i in range(m)]),
        holdout_groups=np.array([f"patient {i // 2}" for i in range(m)]),
        facts={"overlap": {"12": 0.0}},
    )


def real_data() -> Path | None:
    """The folder of real images: ``BENCHMARK_DATA``, or ``shared/data`` beside the project."""
    named = os.environ.get("BENCHMARK_DATA")
    beside = Path(__file__).parents[2] / "shared" / "data"
    found = Path(named) if named else beside
    return found if found.is_dir() else None


@pytest.fixture
def data_root():
    """The real images; without them the test is skipped."""
    root = real_data()
    if root is None:
        pytest.skip("no real images: set BENCHMARK_DATA")
    return root


def write_images(root: Path, names, size=20, seed=0):
    """Small grey PNG or JPEG files of noise under a folder."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (size, size), dtype=np.uint8)).save(path)
