"""PAD-UFES-20: Pacheco et al. 2020 (doi 10.17632/zr7vgbcyr2.1), skin lesions photographed with telephones in Brazil.

    PAD-UFES-20/metadata.csv                     patient_id,lesion_id,...,diagnostic,...,img_id,biopsed
    PAD-UFES-20/images/imgs_part_{1,2,3}/PAT_1516_1765_530.png ...

The group is the patient, who may have several lesions. The pictures are no dermatoscopic ones, and cancers alone are
all proven by biopsy.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.labelled_table import load_table

NAME = "pad-ufes-20"
TITLE = "PAD-UFES-20: six kinds of skin lesion, photographs by telephone, grouped by patient"
FOLDER = "PAD-UFES-20"
FOLDERS = ("pad-ufes-20", "PAD_UFES_20")
REAL = True
CORPUS = False
VARIANT = ""
ORIGIN = Origin(
    source="Pacheco et al. 2020, doi 10.1016/j.dib.2020.106221; data: doi 10.17632/zr7vgbcyr2.1",
    licence="CC BY 4.0",
    size="2,298 images, 3.4 GB",
    steps=(
        "download all of https://data.mendeley.com/datasets/zr7vgbcyr2/1",
        "unpack it and the three archives in it, so that PAD-UFES-20/metadata.csv and the folders imgs_part_1 to",
        "imgs_part_3 are under the data root; they may lie in PAD-UFES-20/images/",
    ),
    counts={
        "images": 2298,
        "groups": 1373,
        "images of ACK": 730,
        "images of BCC": 845,
        "images of MEL": 52,
        "images of NEV": 244,
        "images of SCC": 192,
        "images of SEK": 235,
    },
    counted="grouped",
)
#: As a test set from elsewhere, by the data set that was learned from (`benchmark.external`). Bowen's disease, which
#: HAM10000 counts as akiec, is among SCC here and cannot be told apart: SCC is left out.
EXTERNAL = {"ham10000": "pad-ufes-20::akiec=ACK,bcc=BCC,bkl=SEK,df=,mel=MEL,nv=NEV,vasc="}

CLASSES = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")


def load(folder: Path, options: LoadOptions) -> Images:
    """Patients are never split; there is no official test, so half of them are held out."""
    columns = ("img_id", "diagnostic", "patient_id")
    return load_table(folder / "metadata.csv", columns, "patient", CLASSES, options, NAME, ORIGIN, TITLE)
