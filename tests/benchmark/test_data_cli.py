"""`python -m benchmark.data`: list, fetch, check, show."""

import hashlib
import io
import json
import sys
import threading
import types
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from benchmark import data
from benchmark.errors import InputError
from benchmark.images import fetching
from tests.benchmark.datasets.test_formats import write_medmnist
from tests.conftest import write_images


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kermany(tmp_path):
    folder = tmp_path / "data"
    names = [f"{s}/NORMAL/IM-{k + i:04d}-0001.jpeg" for s, k in (("train", 0), ("test", 50)) for i in range(6)]
    names += [f"{s}/PNEUMONIA/person{k + i}_virus_1.jpeg" for s, k in (("train", 0), ("test", 50)) for i in range(6)]
    for seed, name in enumerate(names):
        write_images(folder / "chest_xray", [name], seed=seed, size=64)
    return folder


def test_list_names_every_data_set_and_where_it_is(kermany, capsys):
    assert data.main(["list", "--data-root", str(kermany)]) == 0
    output = capsys.readouterr().out
    assert f"found: {kermany / 'chest_xray'}" in output
    assert "not found: no HAM10000/" in output
    assert "no redistribution" in output
    assert "medmnist:NAME" in output


def test_check_finds_what_is_wrong(kermany, capsys):
    train = kermany / "chest_xray/train/NORMAL"
    (kermany / "chest_xray/test/NORMAL/IM-0055-0001.jpeg").write_bytes((train / "IM-0001-0001.jpeg").read_bytes())
    (train / "IM-0002-0001.jpeg").write_bytes((train / "IM-0002-0001.jpeg").read_bytes()[:300])
    write_images(kermany / "chest_xray/test/PNEUMONIA", ["person3_virus_9.jpeg"], seed=99)
    assert data.main(["check", "chest-xray", "--data-root", str(kermany)]) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = [line for line in lines if line.startswith("WRONG")]
    for what in ("images ", "unreadable images", "groups in both train and test", "exact duplicates across"):
        assert any(what in line for line in wrong), what
    assert "IM-0002-0001" in "".join(wrong)


def test_check_of_what_is_sound_or_missing(capsys, tmp_path):
    write_medmnist(tmp_path / "medmnist" / "breastmnist.npz", sizes=(60, 6, 14))
    assert data.main(["check", "medmnist:breastmnist", "--data-root", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "all is well" in output
    assert "not verifiable" in output
    assert data.main(["check", "ham10000", "--data-root", str(tmp_path)]) == 2
    assert "HAM10000" in capsys.readouterr().err


def test_check_reaches_the_published_counts(data_root, capsys, tmp_path):
    assert data.main(["check", "chest-xray", "--data-root", str(data_root), "--image-size", "32"]) == 0
    assert "5,856" in capsys.readouterr().out
    assert data.main(["check", "nih", "--data-root", str(data_root), "--image-size", "32"]) == 1
    wrong = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG")]
    assert [row[-2:] for row in wrong] == [["15", "0"], ["8", "0"], ["9", "0"]]


def test_show_draws_each_class_and_its_augmentation(tmp_path, capsys):
    assert data.main(["show", "phantom", "--image-size", "32", "--out", "sheet.png"]) == 0
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.size == (8 * 132 + 4, 2 * (2 * 132 + 16) + 4)
    assert np.asarray(sheet).std() > 20


def test_fetch_says_the_steps_where_no_program_may(tmp_path, capsys):
    assert data.main(["fetch", "chexpert", "--data-root", str(tmp_path)]) == 1
    assert "register" in capsys.readouterr().out
    assert data.main(["fetch", "chexpert"]) == 2


def zipped(names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return buffer.getvalue()


@pytest.fixture
def server():
    """Serves `files` (path -> bytes) on this machine."""
    files = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield types.SimpleNamespace(files=files, address=f"http://127.0.0.1:{httpd.server_port}")
    httpd.shutdown()
    httpd.server_close()


def test_fetch_kermany_unpacks_the_archive(server, tmp_path, monkeypatch, capsys):
    from benchmark.datasets import chest_xray

    names = [
        "chest_xray/train/NORMAL/IM-0001-0001.jpeg",
        "chest_xray/test/NORMAL/IM-0002-0001.jpeg",
        "__MACOSX/x",
    ]
    server.files["/zip"] = zipped(names)
    monkeypatch.setattr(chest_xray, "ARCHIVE", f"{server.address}/zip")
    assert data.main(["fetch", "chest-xray", "--data-root", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / names[0]).is_file()
    assert "benchmark.data check chest-xray" in capsys.readouterr().out
    assert data.main(["fetch", "chest-xray", "--data-root", str(tmp_path / "new")]) == 0, "a second time does nothing"


def test_fetch_ham10000_from_dataverse(server, tmp_path, monkeypatch):
    from benchmark.datasets import ham10000

    contents = {
        "HAM10000_images_part_1.zip": zipped(["ISIC_1.jpg"]),
        "HAM10000_images_part_2.zip": zipped(["HAM10000_images_part_2/ISIC_2.jpg"]),
        "HAM10000_metadata.tab": b"lesion_id,image_id,dx\n",
        "HAM10000_segmentations_lesion.zip": b"",
    }
    listing = []
    for number, (name, body) in enumerate(contents.items()):
        entry = {"id": number, "filename": name, "md5": hashlib.md5(body).hexdigest()}
        suffix = ""
        if name.endswith(".tab"):
            entry |= {"originalFileName": "HAM10000_metadata.csv", "originalFileFormat": "text/csv"}
            suffix = "?format=original"
        server.files[f"/api/access/datafile/{number}{suffix}"] = body
        listing.append({"dataFile": entry})
    address = "/api/datasets/:persistentId/?persistentId=doi:10.7910/DVN/DBW86T"
    server.files[address] = json.dumps({"data": {"latestVersion": {"files": listing}}}).encode()
    monkeypatch.setattr(ham10000, "DATAVERSE", server.address)
    assert data.main(["fetch", "ham10000", "--data-root", str(tmp_path)]) == 0
    folder = tmp_path / "HAM10000"
    assert (folder / "HAM10000_metadata.csv").is_file()
    assert (folder / "HAM10000_images_part_1" / "ISIC_1.jpg").is_file()
    assert (folder / "HAM10000_images_part_2" / "ISIC_2.jpg").is_file(), "the wrapping folder is dropped"
    assert not list(folder.glob("*segmentation*"))


def test_fetch_medmnist_by_the_packages_address_and_sum(server, tmp_path, monkeypatch, capsys):
    write_medmnist(tmp_path / "made" / "x.npz")
    body = (tmp_path / "made" / "x.npz").read_bytes()
    server.files["/x"] = body
    facts = {"url": f"{server.address}/x", "MD5": hashlib.md5(body).hexdigest()}
    package, info = types.ModuleType("medmnist"), types.ModuleType("medmnist.info")
    info.INFO = {"breastmnist": facts}
    monkeypatch.setitem(sys.modules, "medmnist", package)
    monkeypatch.setitem(sys.modules, "medmnist.info", info)
    command = ["fetch", "medmnist:breastmnist", "--data-root", str(tmp_path), "--image-size", "28"]
    assert data.main(command) == 0
    assert (tmp_path / "medmnist" / "breastmnist.npz").read_bytes() == body
    facts["MD5"] = "0" * 32
    assert data.main(command) == 2
    assert "MD5" in capsys.readouterr().err


def test_archives_that_lead_out_or_are_damaged_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(["../evil.txt"]))
    with pytest.raises(InputError, match="leads out"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "a", lambda text: None)
    (tmp_path / "b.zip").write_bytes(b"PK no")
    with pytest.raises(InputError, match="damaged"):
        fetching.unpack(tmp_path / "b.zip", tmp_path / "b", lambda text: None)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "evil.txt").exists()
