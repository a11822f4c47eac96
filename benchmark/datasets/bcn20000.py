"""BCN20000: Hernandez-Perez et al. 2024 (doi 10.1038/s41597-024-03387-w), dermatoscopic images from Barcelona.

    BCN20000/bcn_20k_train.csv
        bcn_filename,age_approx,anatom_site_general,diagnosis,lesion_id,capture_date,sex,split
    BCN20000/bcn_20k_train/BCN_0000000001.jpg ...

The group is the lesion; the owner tells no patients. Only the training part is read: the diagnoses of the test part are
not public. The ISIC Archive gives the same images other names and columns; that form is not read.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.labelled_table import load_table

NAME = "bcn20000"
TITLE = "BCN20000: eight kinds of skin lesion, uncropped and in hard places, grouped by lesion"
FOLDER = "BCN20000"
FOLDERS = ("bcn20000", "BCN_20000")
REAL = True
CORPUS = False
VARIANT = ""
ORIGIN = Origin(
    source="Hernandez-Perez et al. 2024, doi 10.1038/s41597-024-03387-w",
    licence="CC BY-NC 4.0",
    size="12,413 images with a diagnosis, of 18,946",
    steps=(
        "download bcn_20k_train.zip and bcn_20k_train.csv from https://figshare.com/articles/24140028",
        "unpack them, so that BCN20000/bcn_20k_train.csv and BCN20000/bcn_20k_train/ are under the data root",
    ),
    counts={
        "images": 12_413,
        "images of AK": 737,
        "images of BCC": 2809,
        "images of BKL": 1138,
        "images of DF": 124,
        "images of MEL": 2857,
        "images of NV": 4206,
        "images of SCC": 431,
        "images of VASC": 111,
    },
    counted="grouped",
)
#: As a test set from elsewhere, by the data set that was learned from (`benchmark.external`).
EXTERNAL = {"ham10000": "bcn20000::akiec=AK,bcc=BCC,bkl=BKL,df=DF,mel=MEL,nv=NV,vasc=VASC"}

CLASSES = ("AK", "BCC", "BKL", "DF", "MEL", "NV", "SCC", "VASC")
TABLE = "bcn_20k_train.csv"


def load(folder: Path, options: LoadOptions) -> Images:
    """Lesions are never split; there is no official test with public diagnoses, so half is held out."""
    columns = ("bcn_filename", "diagnosis", "lesion_id")
    return load_table(folder / TABLE, columns, "lesion", CLASSES, options, NAME, ORIGIN, TITLE)
