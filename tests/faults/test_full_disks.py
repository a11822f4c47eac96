"""A full disk ends in one message: which disk, how much was needed, how to go on. Then the same command continues."""

import errno
import os
import shutil
import subprocess

import numpy as np
import pytest
import torch

from benchmark import disk
from benchmark.command_line import run_command
from benchmark.images import decoding
from benchmark.images.contract import LoadOptions
from benchmark.pretraining import multitask
from benchmark.results import cell_folders, write_json
from studies import workers
from tests.conftest import write_images
from tests.faults import runs
from tests.faults.conftest import give


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def images(tmp_path):
    from benchmark import datasets

    write_images(tmp_path / "mine", [f"{name}/{i}.png" for name in "ab" for i in range(40)])
    return datasets.load(f"folder:{tmp_path / 'mine'}", None, LoadOptions(image_size=16))


@pytest.mark.parametrize(("place", "fake"), [("free_bytes", lambda place: 100), ("os.posix_fallocate", no_space)])
def test_the_cache_is_allocated_before_anything_is_decoded(images, tmp_path, monkeypatch, place, fake):
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "_chunk", lambda *_: pytest.fail("decoded"))
        patch.setattr(f"benchmark.disk.{place}", fake)
        with pytest.raises(disk.DiskFull, match=r"is full: 20.6 kB needed, .* free .* the same command"):
            decoding.decoded(images, 16, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir()), "nothing is left"
    path = decoding.decoded(images, 16, tmp_path / "cache").path
    assert path.stat().st_blocks * 512 >= path.stat().st_size, "not sparse"


def test_a_command_says_what_is_full_instead_of_a_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(os, "fsync", no_space)
    assert run_command(lambda: write_json(tmp_path / "x.json", {}) or 0) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the disk of") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_pretraining_says_it_too(tmp_path, capsys, monkeypatch):
    model = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0)
    monkeypatch.setattr(os, "fsync", no_space)
    path = tmp_path / "resume.pt"
    assert run_command(lambda: multitask.save_progress(path, model, optimiser, schedule, [])) == 1
    assert "is full" in capsys.readouterr().err


def test_a_damaged_pretraining_is_begun_anew(tmp_path, capsys):
    model = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0)
    path = tmp_path / "resume.pt"
    multitask.save_progress(path, model, optimiser, schedule, [{"a": 0.5}])
    assert multitask.load_progress(path, model, optimiser, schedule) == [{"a": 0.5}]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert multitask.load_progress(path, model, optimiser, schedule) == []
    assert "begun anew" in capsys.readouterr().err
    assert path.with_name("resume.pt.damaged").read_bytes() == bytes(content)


def test_a_worker_that_meets_a_full_disk_ends_the_run_once(monkeypatch, tiny_spec, toy_block, tmp_path):
    from benchmark.spec import Cell
    from studies.costs import Costs
    from studies.trainer import CellJob

    jobs = [CellJob(Cell("toy", 12, seed, "scratch"), toy_block, None, tiny_spec, tmp_path, "cpu") for seed in range(3)]
    monkeypatch.setattr(workers, "_work", full)
    with pytest.raises(disk.DiskFull, match="the disk of"):
        workers.execute(jobs, ("cpu",), lambda message: None, Costs({job.cell: 3 for job in jobs}))


def full(pipe, device):
    """A worker whose every cell meets a full disk."""
    job, _ = pipe.recv()
    pipe.send(("full", str(disk.disk_full(job.cell.folder(job.run)))))
    pipe.recv()


@pytest.mark.faults
@pytest.mark.parametrize("megabytes", [1, 2, 3, 4])
def test_a_run_on_a_small_disk_ends_in_one_message_and_goes_on(finished, tmp_path, monkeypatch, capfd, megabytes):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(small)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        runs.prepare(tmp_path, seeds=3, budget=2, image_size=64)
        (tmp_path / "mlruns").symlink_to(small)
        monkeypatch.chdir(tmp_path)
        code = give()
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert code in (0, 1)
        if code:
            assert "is full" in said
        subprocess.run([*mount[:4], "remount,size=400m", *mount[5:]], check=True)
        assert give() == 0
        assert np.all([(cell / "done.json").is_file() for cell in cell_folders(tmp_path / "mlruns/run")])
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
