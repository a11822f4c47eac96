"""CheXpert at its real size: 223,414 rows of 64,540 patients, on a generated tree."""

import os
import resource
import time

import numpy as np
import pytest

from benchmark import datasets
from benchmark.datasets.chexpert import FINDINGS
from benchmark.images.contract import LoadOptions
from benchmark.images.subsample import draw, measure_overlap
from tests.conftest import write_images

ROWS, PATIENTS, LATERAL = 223_414, 64_540, 32_387
LINKS = 50_000  # names of one file: file systems bound them


@pytest.fixture
def tree(tmp_path):
    """Every image is one of a few files by another name: as many files would take minutes to write."""
    rng = np.random.default_rng(0)
    patient = np.sort(np.concatenate([np.arange(PATIENTS), rng.integers(0, PATIENTS, ROWS - PATIENTS)]))
    lateral = np.zeros(ROWS, dtype=bool)
    lateral[rng.choice(ROWS, LATERAL, replace=False)] = True
    values = rng.choice(["1.0", "0.0", "-1.0", ""], (ROWS, len(FINDINGS)), p=[0.15, 0.1, 0.05, 0.7])
    write_images(tmp_path, [f"{i}.jpg" for i in range(1 + ROWS // LINKS)])
    top = tmp_path / "CheXpert-v1.0-small"
    lines = ["Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(FINDINGS)]
    made = -1
    for row in range(ROWS):
        folder = f"train/patient{patient[row]:05d}"
        if patient[row] != made:
            (top / folder).mkdir(parents=True)
            made = patient[row]
        kind = "lateral" if lateral[row] else "frontal"
        name = f"{folder}/view{row}_{kind}.jpg"
        os.link(tmp_path / f"{row // LINKS}.jpg", top / name)
        lines.append(f"{top.name}/{name},Female,60,{kind.title()},AP,{','.join(values[row])}")
    (top / "train.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.slow
def test_the_whole_index_takes_seconds_and_little_memory(tree):
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    images = datasets.load("chexpert", tree, LoadOptions(holdout="grouped"))
    indexed = time.process_time() - began
    assert len(images.sample_ids) == ROWS - LATERAL
    assert len(set(images.groups)) > 60_000
    draws = [draw(images, 100, s, seeds=10, largest_n=200, root_seed=0, min_per_class=20) for s in range(2)]
    drawn = draws[0]
    drew = time.process_time() - began - indexed
    assert (images.labels[drawn.indices] == 1).sum(0).min() >= 100
    assert measure_overlap(images, draws).rho == 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"indexed in {indexed:.1f} s, drawn in {drew:.1f} s, memory {before / 1e6:.2f} to {peak / 1e6:.2f} GB")
    assert indexed < 120, "8 s on an idle machine: something grows faster than the number of rows"
    assert peak - before < 2e6, "kilobytes"
