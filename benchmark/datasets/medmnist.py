"""MedMNIST (Yang et al. 2023): small copies of public data sets, ``medmnist:dermamnist`` and eleven more.

    medmnist/dermamnist.npz, dermamnist_64.npz, dermamnist_128.npz, dermamnist_224.npz

Of the sizes that are there, the smallest that is at least the working size is taken. It carries no patient or lesion
ids, so that leaks cannot be ruled out, and DermaMNIST is known to have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, unknown_name
from benchmark.images.contents import digests
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.results import Task

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "medmnist"
TITLE = "MedMNIST: twelve small data sets, without patient ids"
FOLDER = "medmnist"
FOLDERS = ("MedMNIST", ".medmnist")
REAL = True
CORPUS = False
VARIANT = "NAME"
ORIGIN = Origin(
    source="Yang et al. 2023, MedMNIST v2, doi 10.1038/s41597-022-01721-8; data: doi 10.5281/zenodo.10519652",
    licence="CC BY 4.0 (DermaMNIST: CC BY-NC 4.0)",
    size="4 MB to 9 GB each",
    steps=(
        "pip install 'low-data-imaging-benchmark[medmnist]', and python -m benchmark.data fetch medmnist:NAME",
        "or download NAME.npz, NAME_64.npz, ... from https://zenodo.org/records/10519652 into medmnist/",
    ),
    images_of={
        "pneumoniamnist": ("chest-xray",),
        "dermamnist": ("ham10000",),
        "chestmnist": ("nih",),
        "octmnist": ("kermany-oct",),  # no data set here, but weights were trained on it
    },
)

SIZES = (28, 64, 128, 224)
SPLITS = ("train", "val", "test")
_CHEST = (
    "atelectasis cardiomegaly effusion infiltration mass nodule pneumonia pneumothorax consolidation "
    "edema emphysema fibrosis pleural-thickening hernia"
)
_ORGANS = "bladder femur-left femur-right heart kidney-left kidney-right liver lung-left lung-right pancreas spleen"

#: name -> (task, colour, names of the classes or labels).
MEMBERS: dict[str, tuple[Task, bool, tuple[str, ...]]] = {
    "bloodmnist": (
        "multiclass",
        True,
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocyte",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
    ),
    "breastmnist": ("binary", False, ("malignant", "normal or benign")),
    "chestmnist": (
        "multilabel",
        False,
        tuple(_CHEST.split()),
    ),
    "dermamnist": ("multiclass", True, ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")),
    "octmnist": (
        "multiclass",
        False,
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    "organamnist": ("multiclass", False, tuple(_ORGANS.split())),
    "organcmnist": ("multiclass", False, tuple(_ORGANS.split())),
    "organsmnist": ("multiclass", False, tuple(_ORGANS.split())),
    "pathmnist": (
        "multiclass",
        True,
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "adenocarcinoma epithelium",
        ),
    ),
    "pneumoniamnist": ("binary", False, ("normal", "pneumonia")),
    "retinamnist": ("multiclass", True, tuple(f"grade {i}" for i in range(5))),
    "tissuemnist": (
        "multiclass",
        False,
        (
            "collecting duct, connecting tubule",
            "distal convoluted tubule",
            "glomerular endothelial cells",
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
    ),
}
FLIPPED = frozenset(MEMBERS) - {"pneumoniamnist", "chestmnist", "organamnist", "organcmnist", "organsmnist"}


@dataclass(frozen=True)
class Stacks:
    """Reads images from the arrays of one .npz, which are loaded at the first image."""

    path: Path
    counts: tuple[int, ...]

    def __call__(self, index: int) -> npt.NDArray[np.uint8]:
        """(size, size) or (size, size, 3)."""
        for split, count in zip(SPLITS, self.counts, strict=True):
            if index < count:
                return np.asarray(_arrays(self.path)[f"{split}_images"][index])
            index -= count
        raise IndexError(index)


def load(folder: Path, options: LoadOptions) -> Images:
    """MedMNIST's test part is the official holdout; "grouped" is half of all images, each its own group."""
    flag = options.variant
    if flag not in MEMBERS:
        raise unknown_name("MedMNIST data set", flag, MEMBERS)
    task, colour, classes = MEMBERS[flag]
    path = _file(folder, flag, options.image_size)
    channels = 3 if colour else 1
    arrays = _arrays(path)
    _require_form(path, flag, arrays, len(classes) if task == "multilabel" else 1, channels)
    raw = np.concatenate([arrays[f"{split}_labels"] for split in SPLITS])
    if task == "multilabel":
        labels = raw.astype(np.float32)
    else:
        if raw.max() >= len(classes) or raw.min() < 0:
            raise InputError(
                f"{path}: labels run from {raw.min()} to {raw.max()}, and {flag} has {len(classes)} classes."
            )
        labels = one_hot(raw[:, 0], len(classes))
    counts = tuple(len(arrays[f"{split}_images"]) for split in SPLITS)
    names = np.array([f"{i}-{split}/{k:06d}" for i, split in enumerate(SPLITS) for k in range(counts[i])])
    held, kind = choose(
        options.holdout,
        np.char.startswith(names, "2-"),
        lambda: grouped(f"{NAME}:{flag}", names, labels, task == "multilabel", options.root_seed),
    )
    return Images(
        dataset=f"{NAME}:{flag}",
        task=task,
        classes=classes,
        sample_ids=names,
        groups=names,
        groups_known=False,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=channels,
        flip=flag in FLIPPED,
        synthetic=False,
        read=Stacks(path, counts),
        fingerprint=digests([path], options.memory)[0],
        about=ORIGIN.about(f"MedMNIST {flag}, from {path.name}"),
    )


def fetch(folder: Path, options: LoadOptions, say: Callable[[str], None]) -> None:
    """Download the file for the working size, at the address and with the MD5 that the package names.

    Raises:
        InputError: no such data set, the package is missing, or the file is not the published one.
    """
    from benchmark.images.fetching import download

    variant = options.variant
    if variant not in MEMBERS:
        raise unknown_name("MedMNIST data set", variant, MEMBERS)
    size = next((size for size in SIZES if size >= options.image_size), SIZES[-1])
    suffix = _suffix(size)
    try:
        from medmnist.info import INFO
    except ImportError as error:
        raise InputError(
            "the package medmnist knows the addresses and MD5 sums: pip install 'low-data-imaging-benchmark[medmnist]'."
        ) from error
    published = INFO[variant]
    path = folder / f"{variant}{suffix}.npz"
    download(published[f"url{suffix}"], path, say, md5=published[f"MD5{suffix}"])


def _file(folder: Path, flag: str, wanted: int) -> Path:
    """The file of the smallest size that is at least the wanted one, or of the largest that is there."""
    files = [(size, folder / f"{flag}{_suffix(size)}.npz") for size in SIZES]
    present = [(size, path) for size, path in files if path.is_file()]
    if not present:
        raise InputError(f"no {flag}.npz in {folder}: python -m benchmark.data fetch {NAME}:{flag}.")
    return next((path for size, path in present if size >= wanted), present[-1][1])


def _require_form(path: Path, flag: str, arrays: dict[str, npt.NDArray[np.uint8]], width: int, channels: int) -> None:
    """Refuse arrays that are not (N, side, side[, 3]) uint8 images with as many rows of `width` whole labels."""
    side = arrays["train_images"].shape[1:2]
    for split in SPLITS:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        wanted = (*side, *side, *((3,) if channels == 3 else ()))
        if images.dtype != np.uint8 or images.shape[1:] != wanted or not images.size:
            raise InputError(
                f"{path}: {split}_images of shape {images.shape} and type {images.dtype} are not {flag}'s: fetch it "
                "again."
            )
        if labels.dtype.kind not in "iu" or labels.shape != (len(images), width):
            raise InputError(
                f"{path}: {split}_labels of shape {labels.shape} and type {labels.dtype} do not go with {len(images)} "
                f"images of {flag}, which have {width} whole number(s) each: fetch it again."
            )


def _suffix(size: int) -> str:
    return "" if size == SIZES[0] else f"_{size}"


def _arrays(path: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """All arrays of the file, kept for the next image."""
    state = path.stat()
    key = (path, state.st_mtime_ns, state.st_size)
    if key not in _loaded:
        expected = [f"{split}_{what}" for split in SPLITS for what in ("images", "labels")]
        try:
            with np.load(path, allow_pickle=False) as file:
                lacking = [name for name in expected if name not in file]
                if lacking:
                    raise InputError(f"{path} lacks {', '.join(lacking)}: it is not a MedMNIST file.")
                arrays = {name: file[name] for name in expected}
        except InputError:
            raise
        except Exception as error:  # what damaged archives make zipfile, zlib and NumPy raise is of many kinds
            raise InputError(f"{path} cannot be read ({error}). It may be truncated: fetch it again.") from error
        _loaded.clear()
        _loaded[key] = arrays
    return _loaded[key]


_loaded: dict[tuple[Path, int, int], dict[str, npt.NDArray[np.uint8]]] = {}
