import multiprocessing
import os
import time

import numpy as np
import pytest
from PIL import Image

from benchmark import datasets
from benchmark.datasets.chest_xray import patient
from benchmark.errors import InputError
from benchmark.images import contents, decoding
from benchmark.images.contract import LoadOptions
from benchmark.images.files import ImageFiles
from tests.conftest import write_images

OPTIONS = LoadOptions(image_size=16)


@pytest.fixture
def kermany(tmp_path):
    folder = tmp_path / "data" / "chest_xray"
    write_images(folder, [f"train/NORMAL/IM-{i:04d}-0001.jpeg" for i in range(8)])
    write_images(folder, [f"train/PNEUMONIA/person{i}_virus_{i}.jpeg" for i in range(8)])
    write_images(folder, ["val/NORMAL/NORMAL2-IM-1427-0001.jpeg", "val/PNEUMONIA/person1946_bacteria_4874.jpeg"])
    write_images(folder, ["test/NORMAL/IM-0501-0001.jpeg", "test/PNEUMONIA/person1_bacteria_1.jpeg"])
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("person12_virus_34.jpeg", "virus 12"),
        ("person12_bacteria_34.jpeg", "bacteria 12"),
        ("person447_virus_921_1.jpeg", "virus 447"),
        ("IM-0115-0001.jpeg", "normal 115"),
        ("IM-0640-0001-0001.jpeg", "normal 640"),
        ("NORMAL2-IM-1427-0001.jpeg", "normal2 1427"),
        ("NORMAL2-IM-0587-0001-0002.jpeg", "normal2 587"),
    ],
)
def test_patients_of_kermany(tmp_path, name, expected):
    assert patient(tmp_path / name) == expected


def test_a_name_without_a_patient_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"scan7\.jpeg"):
        patient(tmp_path / "scan7.jpeg")


def test_official_test_is_the_holdout_and_val_joins_the_pool(kermany):
    images = datasets.load("chest-xray", kermany, OPTIONS)
    assert images.holdout.sum() == 2
    assert all(name.startswith("test/") for name in images.sample_ids[images.holdout])
    assert (np.sort(images.sample_ids) == images.sample_ids).all()
    half = datasets.load("chest-xray", kermany, LoadOptions(holdout="grouped"))
    assert half.holdout.sum() > 5


def test_the_real_kermany_has_its_published_counts_and_no_shared_patient(data_root):
    images = datasets.load("chest-xray", data_root, OPTIONS)
    assert images.labels[~images.holdout].sum(0).tolist() == [1349, 3883]
    assert images.labels[images.holdout].sum(0).tolist() == [234, 390]
    patients = [len(set(images.groups[images.holdout & (images.labels[:, k] > 0)])) for k in range(2)]
    assert patients == [225, 203]
    assert not set(images.groups[images.holdout]) & set(images.groups[~images.holdout])


def test_unknown_class_folders_and_missing_data_are_named(kermany, tmp_path, monkeypatch):
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    write_images(kermany / "chest_xray", ["train/PNEUMONA/person1_virus_1.jpeg"])
    with pytest.raises(InputError, match="Did you mean 'PNEUMONIA'"):
        datasets.load("chest-xray", kermany, OPTIONS)
    with pytest.raises(InputError, match="--data-root"):
        datasets.load("chest-xray", None, OPTIONS)
    with pytest.raises(InputError, match="chest_xray"):
        datasets.load("chest-xray", tmp_path, OPTIONS)
    with pytest.raises(InputError, match="does not exist"):
        datasets.data_root(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        datasets.data_root(tmp_path / "empty")
    with pytest.raises(InputError, match="Did you mean 'phantom'"):
        datasets.find("fantom")


def test_decoding_happens_once_and_follows_the_content(kermany, tmp_path):
    images = datasets.load("chest-xray", kermany, OPTIONS)
    first = decoding.decoded(images, 16, tmp_path / "cache", workers=2)
    assert first.pixels.shape == (len(images.sample_ids), 16, 16, 1)
    written = first.path.stat().st_mtime_ns
    again = decoding.decoded(datasets.load("chest-xray", kermany, OPTIONS), 16, tmp_path / "cache")
    assert again.path.stat().st_mtime_ns == written
    write_images(kermany / "chest_xray", ["test/NORMAL/IM-0501-0001.jpeg"], seed=9)
    changed = decoding.decoded(datasets.load("chest-xray", kermany, OPTIONS), 16, tmp_path / "cache")
    assert changed.path != first.path


def test_a_changed_tail_is_noticed_though_length_head_and_time_are_the_same(kermany, tmp_path):
    memory = tmp_path / "memory"
    memory.mkdir()
    options = LoadOptions(image_size=16, memory=memory)
    file = kermany / "chest_xray/test/NORMAL/IM-0501-0001.jpeg"
    file.write_bytes(file.read_bytes() + b"\0" * 10_000)
    time.sleep(contents.SETTLED / 1e9 + 0.1)
    before = datasets.load("chest-xray", kermany, options).fingerprint
    state, content = file.stat(), bytearray(file.read_bytes())
    content[-1] = 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_size == state.st_size and file.stat().st_mtime_ns == state.st_mtime_ns
    assert datasets.load("chest-xray", kermany, options).fingerprint != before
    content[-1] = 0
    file.write_bytes(content)
    assert datasets.load("chest-xray", kermany, options).fingerprint == before


def test_hashes_are_remembered_and_a_damaged_memory_is_not_believed(tmp_path, monkeypatch):
    write_images(tmp_path / "images", ["a.png", "b.png"])
    files = sorted((tmp_path / "images").iterdir())
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(contents, "SETTLED", 0)
    hashed = []
    real = contents.hashlib.file_digest

    def counted(file, kind):
        hashed.append(file.name)
        return real(file, kind)

    monkeypatch.setattr(contents.hashlib, "file_digest", counted)
    before = contents.digests(files, tmp_path / "memory")
    assert contents.digests(files, tmp_path / "memory") == before and len(hashed) == 2
    assert contents.digests(files) == before and len(hashed) == 4
    write_images(tmp_path / "images", ["b.png"], seed=1)
    after = contents.digests(files, tmp_path / "memory")
    assert after[0] == before[0] and after[1] != before[1] and len(hashed) == 5
    (ledger,) = (tmp_path / "memory").iterdir()
    ledger.write_text(ledger.read_text().replace(after[0], "0" * 32))
    assert contents.digests(files, tmp_path / "memory") == after


def test_a_damaged_cache_is_decoded_anew_and_said(kermany, tmp_path):
    images = datasets.load("chest-xray", kermany, OPTIONS)
    path = decoding.decoded(images, 16, tmp_path / "cache").path
    right = path.read_bytes()
    said = []
    for spoil in (
        lambda: path.write_bytes(right[:-64] + b"\0" * 64),
        lambda: path.write_bytes(right[:-64]),
        lambda: path.with_suffix(".json").write_text("{}"),
        lambda: path.with_suffix(".hashes.npy").write_bytes(b""),
    ):
        spoil()
        decoded = decoding.decoded(images, 16, tmp_path / "cache", workers=2, report=said.append)
        assert path.read_bytes() == right and len(decoded.hashes) == len(decoded.pixels)
    assert len(said) == 4 and all("is damaged" in line and "decoded anew" in line for line in said)
    decoding.decoded(images, 16, tmp_path / "cache", report=said.append)
    assert len(said) == 4


def test_a_truncated_image_is_named_or_left_out_and_counted(kermany, tmp_path):
    bad = kermany / "chest_xray/train/NORMAL/IM-0003-0001.jpeg"
    bad.write_bytes(bad.read_bytes()[:200])
    images = datasets.load("chest-xray", kermany, OPTIONS)
    for _ in range(2):
        with pytest.raises(InputError, match="IM-0003-0001"):
            decoding.decoded(images, 16, tmp_path / "cache")
    decoded = decoding.decoded(images, 16, tmp_path / "cache", skip_bad=True)
    assert decoded.images.facts["skipped_images"] == 1
    assert len(decoded.images.sample_ids) == len(decoded.pixels) == len(images.sample_ids) - 1
    row = len(decoded.pixels) - 1
    np.testing.assert_array_equal(
        decoded.pixels[row, ..., 0],
        np.asarray(Image.fromarray(decoded.images.read(row)).resize((16, 16), Image.Resampling.BILINEAR)),
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "I;16", "1"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_reads_as_eight_bit(tmp_path, mode, channels):
    grey = np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint8)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "x.png")
    read = ImageFiles((tmp_path / "x.png",), channels)(0)
    assert read.shape == ((8, 8) if channels == 1 else (8, 8, 3))
    assert read.dtype == np.uint8
    tolerance = 255 if mode == "1" else 2
    assert np.abs(read.reshape(8, 8, -1)[..., 0].astype(int) - grey).max() <= tolerance


def test_exif_rotation_is_undone(tmp_path):
    image = Image.fromarray(np.arange(32, dtype=np.uint8).reshape(4, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    image.save(tmp_path / "x.png", exif=exif)
    assert ImageFiles((tmp_path / "x.png",), 1)(0).shape == (8, 4)


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "mine"
    write_images(folder, [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(6)])
    return folder


def test_a_folder_of_classes_is_a_data_set(mine):
    images = datasets.load(f"folder:{mine}", None, OPTIONS)
    assert images.task == "binary"
    assert images.classes == ("benign", "malign")
    assert images.holdout.sum() == 6
    assert not images.groups_known
    assert "not verifiable" in images.facts["leaks"]


def test_its_table_gives_groups_and_splits(mine):
    rows = [f"{n}/{i}.png,{n}{i // 2},{'holdout' if i < 2 else 'pool'}" for n in ("benign", "malign") for i in range(6)]
    (mine / "groups.csv").write_text("file,group,split\n" + "\n".join(rows))
    images = datasets.load(f"folder:{mine}", None, OPTIONS)
    assert images.holdout.sum() == 4
    assert len(set(images.groups)) == 6


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file\nbenign/0.png", "lacks the column"),
        ("file,group\n../secret.png,a", "leads out"),
        ("file,group\nbenign/0.png,a", "does not list 11"),
        ("file,group\nbenign/0.png,a\nbenign/0.png,b", "twice"),
    ],
)
def test_bad_tables_are_named(mine, table, message):
    (mine / "groups.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        datasets.load(f"folder:{mine}", None, OPTIONS)


def test_empty_or_single_class_folders_are_named(mine, tmp_path):
    (mine / "unsure").mkdir()
    with pytest.raises(InputError, match="unsure"):
        datasets.load(f"folder:{mine}", None, OPTIONS)
    with pytest.raises(InputError, match="at least two"):
        datasets.load(f"folder:{mine / 'benign'}", None, OPTIONS)
    with pytest.raises(InputError, match="does not exist"):
        datasets.load(f"folder:{tmp_path / 'nowhere'}", None, OPTIONS)


def _first_alone_is_quick(start):
    time.sleep(60 if start else 0)
    return {}, []


def test_decoding_that_is_given_up_waits_for_no_chunk():
    before = set(multiprocessing.active_children())
    chunks = decoding._spread(_first_alone_is_quick, range(6), 2, 10_000)
    next(chunks)
    began = time.monotonic()
    chunks.close()
    assert time.monotonic() - began < 20
    assert set(multiprocessing.active_children()) <= before
