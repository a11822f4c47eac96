"""Inputs damaged at random, from a seed: trees of each kind that a user can give, with one thing spoilt in each."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.conftest import write_images

ODD_TEXT = (
    "\0", "\ufeff", "\udcff".encode(errors="surrogateescape").decode("latin-1"), '"', "\r", "$\\alpha^^$", "=cmd()",
    "..", "/etc/passwd", "nan", "-1", "1e999", "\u202e", "\x1b[31m", "<b>", " ",
)  # fmt: skip


def bytes_of(rng, data):
    """Bytes cut, flipped, zeroed, doubled, or replaced."""
    data = bytearray(data)
    kind = rng.integers(7)
    if kind == 0:
        return bytes(data[: rng.integers(len(data) + 1)])
    if kind == 1:
        for place in rng.integers(0, max(1, len(data)), 20):
            data[place % max(1, len(data))] ^= int(rng.integers(1, 256))
    elif kind == 2:
        start = int(rng.integers(len(data) + 1))
        data[start:] = b"\0" * (len(data) - start)
    elif kind == 3:
        return bytes(data) * 2
    elif kind == 4:
        return rng.bytes(int(rng.integers(1, 4000)))
    elif kind == 5:
        start = int(rng.integers(len(data) + 1))
        del data[start : start + int(rng.integers(1, 200))]
    else:
        return b""
    return bytes(data)


def bomb(width=60_000, height=60_000):
    """A PNG that says that it is huge."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def table(rng, text):
    """A CSV, spoilt as text or as bytes."""
    kind = rng.integers(6)
    rows = text.splitlines()
    row = int(rng.integers(len(rows)))
    if kind == 0:  # one field of another content
        fields = rows[row].split(",")
        fields[int(rng.integers(len(fields)))] = str(rng.choice(ODD_TEXT))
        rows[row] = ",".join(fields)
    elif kind == 1:  # a huge field
        rows[row] += "x" * 300_000
    elif kind == 2:
        rows[row] = str(rng.choice(["", ",,,,,,,,,,,,", '"', "a\0b,c", rows[row] + ",more,and more"]))
    elif kind == 3:
        return "\n".join(rows).encode("utf-16")
    elif kind == 4:
        return bytes_of(rng, text.encode())
    else:
        rng.shuffle(rows)
    return "\n".join(rows).encode(errors="surrogateescape")


def folder_of_classes(rng, root):
    """``folder:PATH`` with a table, one image or the table spoilt."""
    folder = root / "mine"
    names = [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(16)]
    write_images(folder, names)
    text = "file,group,split\n" + "\n".join(
        f"{n},g{i // 2},{('pool', 'holdout')[i % 4 // 2]}" for i, n in enumerate(names)
    )
    target = folder / names[int(rng.integers(len(names)))]
    kind = rng.integers(5)
    if kind == 0:
        target.write_bytes(bytes_of(rng, target.read_bytes()))
    elif kind == 1:
        target.write_bytes(bomb(*map(int, rng.choice([20, 30_000, 2_000_000_000], 2))))
    elif kind == 2:
        other = io.BytesIO()
        form = str(rng.choice(["TIFF", "JPEG", "BMP", "WEBP", "GIF", "PNG"]))
        Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8)).save(other, form)
        target.write_bytes(bytes_of(rng, other.getvalue()))
    elif kind == 3:
        moved = target.with_suffix(str(rng.choice([".dcm", ".tiff", ".webp"])))
        moved.write_bytes(bytes_of(rng, target.read_bytes()))
        target.unlink()
        return f"folder:{folder}"
    if kind == 4 or rng.random() < 0.5:
        (folder / "groups.csv").write_bytes(table(rng, text) if kind == 4 else text.encode())
    return f"folder:{folder}"


def ham10000(rng, root):
    """HAM10000 with its metadata spoilt."""
    names = [f"ISIC_{24306 + i:07d}" for i in range(28)]
    dx = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    lines = [f"HAM_{i // 2},{name},{dx[i // 2 % 7]},histo,,unknown,back" for i, name in enumerate(names)]
    write_images(root / "HAM10000" / "HAM10000_images_part_1", [f"{name}.jpg" for name in names])
    text = "\n".join(["lesion_id,image_id,dx,dx_type,age,sex,localization", *lines])
    (root / "HAM10000" / "HAM10000_metadata.csv").write_bytes(table(rng, text))
    return "ham10000"


def chexpert(rng, root):
    """CheXpert with its table spoilt."""
    findings = "Atelectasis,Cardiomegaly,Consolidation,Edema,Pleural Effusion"
    names = [f"CheXpert-v1.0-small/train/patient{i // 2:05d}/study{i % 2 + 1}/view1_frontal.jpg" for i in range(24)]
    write_images(root, names)
    lines = [f"{name},{','.join(str(float(v)) for v in rng.integers(-1, 2, 5))}" for name in names]
    (root / "CheXpert-v1.0-small" / "train.csv").write_bytes(table(rng, "\n".join([f"Path,{findings}", *lines])))
    return "chexpert"


def nih(rng, root):
    """NIH's sample with its table spoilt."""
    names = [f"{i:08d}_000.png" for i in range(16)]
    write_images(root / "nih_sample", names)
    lines = [f"{name},{('No Finding', 'Mass|Nodule')[i % 2]},0,{i // 2},60,M,PA" for i, name in enumerate(names)]
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    (root / "nih_sample" / "Data_Entry_2017.csv").write_bytes(table(rng, "\n".join([header, *lines])))
    return "nih"


def medmnist(rng, root):
    """An .npz of another form, or damaged."""
    path = root / "medmnist" / "pneumoniamnist.npz"
    path.parent.mkdir(parents=True)
    arrays = {}
    for split, count in (("train", 24), ("val", 8), ("test", 12)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count)[:, None] % 2
    split = str(rng.choice(["train", "val", "test"]))
    labels, images = f"{split}_labels", f"{split}_images"
    kind = rng.integers(10)
    changes = {
        0: lambda: {labels: arrays[labels][:-3]},
        1: lambda: {labels: arrays[labels][:, 0]},
        2: lambda: {labels: np.where(arrays[labels] == 1, np.nan, 0.0)},
        3: lambda: {labels: arrays[labels].astype("U3")},
        4: lambda: {images: arrays[images][..., :0]},
        5: lambda: {images: arrays[images][0]},
        6: lambda: {images: arrays[images].astype(float) * 1e300, labels: arrays[labels] * 0.5},
        7: lambda: {labels: arrays[labels] - 5},
        8: lambda: {labels: np.array(7), images: np.array(3)},
    }
    np.savez(path, **{**arrays, **(changes[int(kind)]() if kind in changes else {})})
    if kind not in changes:
        path.write_bytes(bytes_of(rng, path.read_bytes()))
    return "medmnist:pneumoniamnist"


def weights(rng, root):
    """A file of weights, ResNet-18's names or none, of odd tensors or damaged."""
    import timm

    state = timm.create_model("resnet18", num_classes=0).state_dict()
    name = str(rng.choice(list(state)))
    kind, path = rng.integers(9), root / "mine.pth"
    if kind == 0:
        state[name] = torch.eye(4).to_sparse()
    elif kind == 1:
        state[name] = torch.empty(state[name].shape, device="meta")
    elif kind == 2:
        state[name] = state[name].to(torch.complex64)
    elif kind == 3:
        state[name] = torch.full_like(state[name].float(), float("nan"))
    elif kind == 4:
        state = {"state_dict": [state], 7: {"model": 3}}
    elif kind == 5:
        state = {key: torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8) for key, value in state.items()}
    if kind < 6:
        torch.save(state, path)
    elif kind == 6:
        torch.save(state, path)
        path.write_bytes(bytes_of(rng, path.read_bytes()))
    else:
        path = root / "mine.safetensors"
        save_file(state, path)
        content = path.read_bytes()
        if kind == 7:
            content = struct.pack("<Q", int(rng.choice([0, 5, 2**40, 2**63]))) + content[8:]
        path.write_bytes(content if kind == 7 else bytes_of(rng, content))
        card = {"backbone": "resnet18", "trained_on": ["nih"], "mean": [0.5] * 3, "std": [0.2] * 3, "role": "medical"}
        path.with_suffix(".json").write_bytes(bytes_of(rng, json.dumps(card).encode()))
    return path


def toml(rng, path, text):
    """A TOML file spoilt, or a folder in its place."""
    kind = rng.integers(6)
    lines = text.splitlines()
    if kind == 0:
        path.mkdir()
        return
    if kind == 1:
        key = lines[int(rng.integers(len(lines)))].partition("=")[0]
        text += f"\n{key.strip()}2 = 1"
    elif kind in (2, 3):
        place = int(rng.integers(len(lines)))
        odd = [
            "99999999999999999999999",
            "-1e400",
            "nan",
            "[[1]]",
            '"\\u0000"',
            "1979-05-27",
            "{a = 1}",
            "[9223372036854775808]",
        ]
        lines[place] = f"{lines[place].partition('=')[0]}= {rng.choice(odd)}"
        text = "\n".join(lines)
    path.write_bytes(text.encode() if kind < 4 else bytes_of(rng, text.encode()))


def parquet(rng, path):
    """A predictions table with damaged bytes, odd metadata, or odd columns."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "dataset": "toy", "arm": arm, "n_per_class": 8, "seed": seed, "refit": 0, "sample_id": f"i{i}",
            "group_id": f"p{i // 2}", "y_true": [1.0 - i // 2 % 2, float(i // 2 % 2)], "y_score": [0.5, 0.5],
        }
        for arm in ("a", "b") for seed in range(3) for i in range(16)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    described = {"toy": {"task": "binary", "classes": ["no", "yes"], "overlap": {"8": 0.1}}}
    kind = rng.integers(8)
    column = str(rng.choice(frame.columns))
    if kind == 0:
        frame[column] = frame[column].sample(frac=1, random_state=int(rng.integers(1000))).to_numpy()
    elif kind == 1:
        frame = frame.drop(columns=column)
    elif kind == 2:
        frame[column] = str(rng.choice(ODD_TEXT))
    elif kind == 3:
        described["toy"][str(rng.choice(["task", "classes", "overlap", "training_prior"]))] = [None, 3, {"8": "x"}][
            int(rng.integers(3))
        ]
    elif kind == 4:
        described = [described, {"toy": 3}, {"toy": None}, 7][int(rng.integers(4))]
    elif kind == 5:
        frame["y_score"] = [[float(rng.choice([0.5, np.nan, 2, -1, np.inf])), 0.5] for _ in range(len(frame))]
    metadata = {b"benchmark": json.dumps(described).encode() if rng.random() < 0.9 else b"\xff{"}
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(metadata), path)
    if kind >= 6:
        path.write_bytes(bytes_of(rng, path.read_bytes()))


def archive(rng, path):
    """An .npz whose zip directory lies about its sizes."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("train_images.npy", rng.bytes(100))


DATASETS = (folder_of_classes, folder_of_classes, ham10000, chexpert, nih, medmnist, medmnist)
