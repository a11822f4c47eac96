"""Images to measure on: the built-in radiographs, drawn large and written as grey JPEG files of a camera's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark import datasets
from benchmark.images.contract import Images, LoadOptions
from benchmark.seeds import rng_for

#: name -> (width, height) in pixels. Kermany's originals have 1,300 x 1,000 on average, copies for networks have 224.
FILES = {"native": (1300, 1000), "224": (224, 224)}
GRAIN = 3.0  # SD of the noise: with it a file has the bytes that one of Kermany's has, and takes as long to decode
QUALITY = 90
HELD_OUT = 4  # images that nothing trains on, as a data set has to have some


def write_images(folder: Path, count: int, kind: str) -> Images:
    """Write a data set of JPEG files, half of them with nodules, a patient each, and index it.

    Args:
        folder: where to; `folder:PATH` is the data set.
        count: images to train on.
        kind: one of `FILES`.
    """
    from PIL import Image

    phantom = datasets.load("phantom", None, LoadOptions())
    rng = rng_for(0, "performance images", count=count)
    _, firsts = np.unique(phantom.groups, return_index=True)
    sick = phantom.labels[firsts].argmax(1)
    lines = ["file,group,split"]
    for k, name in enumerate(phantom.classes):
        (folder / name).mkdir(parents=True)
        for number, row in enumerate(firsts[sick == k][: (count + HELD_OUT) // 2]):
            large = Image.fromarray(phantom.read(int(row))).resize(FILES[kind], Image.Resampling.BICUBIC)
            pixels = np.asarray(large) + rng.normal(0, GRAIN, (large.height, large.width))
            file = f"{name}/{phantom.sample_ids[row]}.jpeg"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / file, quality=QUALITY)
            lines.append(f"{file},{phantom.groups[row]},{'pool' if number < count // 2 else 'holdout'}")
    (folder / "groups.csv").write_text("\n".join(lines) + "\n")
    return datasets.load(f"folder:{folder}", None, LoadOptions())
