"""A CheXpert tree with findings that can be seen, for runs from end to end.

python -m tests.chexpert_tree FOLDER --images 2000
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmark.datasets.chexpert import COMPETITION, FINDINGS


def write_chexpert(folder: Path, images: int, size: int = 48, seed: int = 0) -> Path:
    """Write ``CheXpert-v1.0-small`` under a folder: two frontal images a patient, and their CSV.

    A competition finding is a bright spot at a place of its own. A fifth of the labels is left blank where the
    finding is absent, and a tenth is uncertain whether it is there or not.
    """
    rng = np.random.default_rng(seed)
    top = folder / "CheXpert-v1.0-small"
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    places = [(0.2 + 0.15 * k, 0.25 + 0.5 * (k % 2)) for k in range(len(COMPETITION))]
    rows = []
    for number in range(images):
        present = rng.random(len(COMPETITION)) < 0.3
        picture = 90 + rng.normal(0, 25, (size, size)) + 30 * rng.random() * y
        for (down, right), here in zip(places, present, strict=True):
            spot = np.exp(-((y - down) ** 2 + (x - right) ** 2) / (2 * 0.07**2))
            picture += here * rng.uniform(25, 75) * spot
        stated = present.astype(float)
        stated[~present & (rng.random(len(present)) < 0.2)] = np.nan
        stated[rng.random(len(present)) < 0.1] = -1
        patient, study = divmod(number, 2)
        name = f"train/patient{patient:05d}/study{study + 1}/view1_frontal.jpg"
        (top / name).parent.mkdir(parents=True)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(top / name, quality=95)
        values = dict.fromkeys(FINDINGS, np.nan) | dict(zip(COMPETITION, stated, strict=True))
        rows.append({"Path": f"{top.name}/{name}", "Sex": "Female", "Age": 60, "Frontal/Lateral": "Frontal"} | values)
    pd.DataFrame(rows).to_csv(top / "train.csv", index=False)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.chexpert_tree")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=2000)
    flags = parser.parse_args()
    write_chexpert(flags.folder, flags.images)
