"""The files of each owner, written small in their own layouts."""

import csv
import dataclasses

import numpy as np
import pytest
from PIL import Image

from benchmark import datasets
from benchmark.audit import counts, leaks
from benchmark.datasets import chest_xray, nih
from benchmark.datasets.chexpert import COMPETITION, FINDINGS
from benchmark.errors import InputError
from benchmark.external import read_all
from benchmark.images.contract import LoadOptions
from benchmark.images.files import ImageFiles, to_eight_bit
from benchmark.images.mapping import in_classes_of
from benchmark.images.subsample import draw
from tests.conftest import write_images

OFFICIAL, GROUPED = LoadOptions(image_size=16), LoadOptions(image_size=16, holdout="grouped")
DX = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def write_csv(path, rows, delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


# HAM10000


@pytest.fixture
def ham(tmp_path):
    names = [f"ISIC_{24306 + i:07d}" for i in range(84)]
    rows = [[f"HAM_{i // 2:07d}", name, DX[i // 2 % 7], "histo", "", "unknown", "back"] for i, name in enumerate(names)]
    folder = tmp_path / "HAM10000"
    header = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    write_csv(folder / "HAM10000_metadata.csv", [header, *rows])
    write_images(folder / "HAM10000_images_part_1", [f"{name}.jpg" for name in names[:40]])
    write_images(folder / "HAM10000_images_part_2", [f"{name}.jpg" for name in names[40:]])
    return tmp_path


def test_ham10000_is_grouped_by_lesion(ham):
    images = datasets.load("ham10000", ham, OFFICIAL)
    assert images.holdout_kind == images.facts["holdout"] == "grouped", "no official test set is there"
    assert counts.of(images)["groups"] == 42
    assert images.channels == 3
    assert not set(images.groups[images.holdout]) & set(images.groups[~images.holdout])
    assert images.read(0).shape == (20, 20, 3)


@pytest.mark.parametrize("form", ["dataverse", "isic"])
def test_the_test_set_of_isic_2018_is_the_official_holdout(ham, form):
    names = [f"ISIC_{34524 + i:07d}" for i in range(14)]
    if form == "dataverse":
        rows = [["lesion_id", "image_id", "dx", "dx_type"]]
        rows += [[f"HAMTEST_{i:07d}", name, DX[i % 7], "histo"] for i, name in enumerate(names)]
        folder = ham / "HAM10000"
        write_images(folder / "ISIC2018_Task3_Test_Images", [f"{name}.jpg" for name in names])
    else:
        upper = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
        rows = [["image", *upper]]
        rows += [[name, *(float(dx == DX[i % 7].upper()) for dx in upper)] for i, name in enumerate(names)]
        folder = ham / "ISIC2018_Task3_Test_GroundTruth"
        write_images(ham / "ISIC2018_Task3_Test_Input", [f"{name}.jpg" for name in names])
    write_csv(folder / "ISIC2018_Task3_Test_GroundTruth.csv", rows)
    images = datasets.load("ham10000", ham, OFFICIAL)
    assert images.facts["holdout"] == "official"
    assert images.sample_ids[images.holdout].tolist() == names
    assert [DX[k] for k in images.labels[images.holdout].argmax(1)] == [DX[i % 7] for i in range(14)]
    assert datasets.load("ham10000", ham, GROUPED).sample_ids.tolist() == images.sample_ids[~images.holdout].tolist()


def test_ham10000_reads_the_tab_separated_metadata_of_dataverse(ham):
    table = ham / "HAM10000" / "HAM10000_metadata.csv"
    (table.with_suffix("")).write_text(table.read_text().replace(",", "\t"))
    table.unlink()
    assert len(datasets.load("ham10000", ham, OFFICIAL).sample_ids) == 84


def test_missing_images_and_strange_diagnoses_of_ham10000_are_named(ham):
    (ham / "HAM10000/HAM10000_images_part_2/ISIC_0024389.jpg").unlink()
    with pytest.raises(InputError, match=r"1 of the 84 images.*ISIC_0024389"):
        datasets.load("ham10000", ham, OFFICIAL)
    table = ham / "HAM10000" / "HAM10000_metadata.csv"
    table.write_text(table.read_text().replace("melanoma", "x").replace(",bcc,", ",bbc,"))
    write_images(ham / "HAM10000/HAM10000_images_part_2", ["ISIC_0024389.jpg"])
    with pytest.raises(InputError, match="Did you mean 'bcc'"):
        datasets.load("ham10000", ham, OFFICIAL)


def test_the_real_ham10000_has_its_published_counts(data_root):
    if not (data_root / "HAM10000").is_dir():
        pytest.skip("no HAM10000 here")
    counted = counts.of(datasets.load("ham10000", data_root, GROUPED))
    published = datasets.find("ham10000").ORIGIN.counts
    assert {key: counted[key] for key in published} == dict(published)


# CheXpert

HEADER = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS]


def chexpert_row(split, patient, view, values, top="CheXpert-v1.0-small"):
    kind = "frontal" if view == 1 else "lateral"
    path = f"{top}/{split}/patient{patient:05d}/study1/view{view}_{kind}.jpg"
    cells = ["" if np.isnan(value) else f"{value:.1f}" for value in values]
    return [
        path,
        "Unknown" if patient == 3 else "Female",
        60,
        kind.title(),
        "LL" if view == 2 else "AP",
        *cells,
    ]


@pytest.fixture
def chexpert(tmp_path):
    """120 patients with a frontal image each, 20 with a lateral one, and 10 in valid.csv."""
    folder = tmp_path / "CheXpert-v1.0-small"
    rng = np.random.default_rng(0)
    rows = [
        chexpert_row("train", patient, view, rng.choice([1.0, 0.0, -1.0, np.nan], 14, p=[0.3, 0.1, 0.2, 0.4]))
        for patient in range(120)
        for view in ([1, 2] if patient % 6 == 0 else [1])
    ]
    valid = [chexpert_row("valid", 200 + i, 1, rng.integers(0, 2, 14).astype(float)) for i in range(10)]
    for name, some in (("train", rows), ("valid", valid)):
        write_csv(folder / f"{name}.csv", [HEADER, *some])
        write_images(folder, [row[0].partition("/")[2] for row in some])
    return tmp_path


def test_chexpert_keeps_the_five_labels_of_frontal_images_by_patient(chexpert):
    images = datasets.load("chexpert", chexpert, OFFICIAL)
    assert images.classes == COMPETITION
    assert images.task == "multilabel"
    assert counts.of(images)["pool images"] == 120
    assert images.facts["holdout"] == "official (valid.csv)"
    assert images.holdout_kind == "official"
    assert images.holdout.sum() == 10
    assert images.groups[0].startswith("patient")
    assert images.read(0).shape == (20, 20)


def test_labels_of_experts_go_before_valid(chexpert):
    folder = chexpert / "CheXpert-v1.0-small"
    rows = [[row[0], *row[5:]] for row in (chexpert_row("test", 300 + i, 1, np.eye(14)[i]) for i in range(14))]
    write_csv(folder / "test_labels.csv", [["Path", *FINDINGS], *rows])
    write_images(folder, [row[0].partition("/")[2] for row in rows])
    images = datasets.load("chexpert", chexpert, OFFICIAL)
    assert images.facts["holdout"] == "official (test_labels.csv)"
    assert images.holdout.sum() == 14


@pytest.mark.parametrize(
    ("variant", "uncertain", "blank"),
    [
        ("", np.nan, 0),
        (":uncertain=ones", 1, 0),
        (":uncertain=zeros:blank=ignore", 0, np.nan),
    ],
)
def test_uncertain_and_blank_labels_as_chosen_but_never_settled_in_the_holdout(chexpert, variant, uncertain, blank):
    table = chexpert / "CheXpert-v1.0-small" / "valid.csv"
    table.write_text(table.read_text().replace(",0.0", ",-1.0", 20))
    images = datasets.load(f"chexpert{variant}", chexpert, OFFICIAL)
    assert images.dataset == f"chexpert{variant}"
    with (chexpert / "CheXpert-v1.0-small" / "train.csv").open() as file:
        raw = {row["Path"].partition("/")[2]: row for row in csv.DictReader(file)}
    meaning = {"1.0": 1, "0.0": 0, "-1.0": uncertain, "": blank}
    for row in np.flatnonzero(~images.holdout):
        expected = [meaning[raw[images.sample_ids[row]][name]] for name in images.classes]
        np.testing.assert_array_equal(images.labels[row], np.array(expected, dtype=np.float32))
    assert np.isnan(images.labels[images.holdout]).any(), "uncertain ones of the holdout stay unknown"


def test_any_labels_and_lateral_views_on_request(chexpert):
    images = datasets.load("chexpert:labels=edema+pleural-effusion+Fracture:views=all", chexpert, GROUPED)
    assert images.classes == ("Edema", "Pleural Effusion", "Fracture")
    assert len(images.sample_ids) == 120 + 20 + 10
    assert images.facts["holdout"] == "grouped"
    assert not set(images.groups[images.holdout]) & set(images.groups[~images.holdout])


def test_one_label_of_chexpert_is_a_data_set(chexpert):
    images = datasets.load("chexpert:labels=Edema", chexpert, GROUPED)
    assert images.task == "multilabel" and images.classes == ("Edema",) and images.labels.shape == (130, 1)
    drawn = draw(images, 6, 0, seeds=2, largest_n=6, root_seed=0, min_per_class=4)
    assert np.nansum(images.labels[drawn.indices]) == 6 and len(drawn.indices) >= 12, "positives, and as many without"


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("uncertian=ones", "Did you mean 'uncertain'"),
        ("uncertain=one", "Did you mean 'ones'"),
        ("labels=oedema", "Did you mean 'edema'"),
    ],
)
def test_unknown_choices_of_chexpert_are_named(chexpert, variant, message):
    with pytest.raises(InputError, match=message):
        datasets.load(f"chexpert:{variant}", chexpert, OFFICIAL)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("CheXpert-v1.0-small/train/patient00001", "../../etc/patient00001", "leads out"),
        ("patient00001/", "somebody/", "no patient"),
        ("patient00001/study1", "patient00001/study9", "missing"),
        ("Edema", "Oedema", "lacks the column"),
    ],
)
def test_bad_tables_of_chexpert_are_named(chexpert, before, after, message):
    table = chexpert / "CheXpert-v1.0-small" / "train.csv"
    table.write_text(table.read_text().replace(before, after))
    with pytest.raises(InputError, match=message):
        datasets.load("chexpert", chexpert, OFFICIAL)


def test_a_value_of_chexpert_that_is_no_label_is_named(chexpert):
    table = chexpert / "CheXpert-v1.0-small" / "train.csv"
    lines = table.read_text().splitlines()
    cells = lines[1].split(",")
    cells[HEADER.index("Edema")] = "2.0"
    table.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    with pytest.raises(InputError, match=r"'Edema' is '2.0' in row 2"):
        datasets.load("chexpert", chexpert, OFFICIAL)


# NIH


def test_the_official_lists_of_nih_divide_it(tmp_path):
    folder = tmp_path / "nih"
    names = [f"{i // 2 + 1:08d}_{i % 2:03d}.png" for i in range(12)]
    header = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "OriginalImage[Width", "Height]"]
    rows = [[name, "Mass|Edema" if i % 2 else "No Finding", 0, i // 2 + 1, 2500, 2048] for i, name in enumerate(names)]
    write_csv(folder / "Data_Entry_2017_v2020.csv", [header, *rows])
    write_images(folder / "images_001" / "images", names)
    (folder / "test_list.txt").write_text("\n".join(names[8:]))
    images = datasets.load("nih", tmp_path, OFFICIAL)
    assert images.sample_ids[images.holdout].tolist() == names[8:]
    assert images.facts["holdout"] == "official"
    assert "12 images" in images.facts["part"]
    assert not images.complete
    assert datasets.load("nih", tmp_path, GROUPED).facts["holdout"] == "grouped"


def test_the_own_split_of_the_nih_sample_leaks_patients(data_root):
    images = datasets.load("nih", data_root, GROUPED)
    if len(images.sample_ids) != 1000:
        pytest.skip("no sample of NIH here")
    assert list(counts.shared_between_splits(images).values()) == [15, 8, 9]
    leaks.refuse_shared_groups(images)


# MedMNIST


def write_medmnist(path, sizes=(40, 6, 14), side=28, classes=2, colour=False):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in zip(("train", "val", "test"), sizes, strict=True):
        shape = (count, side, side, 3) if colour else (count, side, side)
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **arrays)
    return arrays


def test_medmnist_takes_the_size_that_fits_and_says_that_leaks_cannot_be_ruled_out(tmp_path):
    write_medmnist(tmp_path / "medmnist" / "dermamnist.npz", classes=7, colour=True)
    large = write_medmnist(tmp_path / "medmnist" / "dermamnist_64.npz", side=64, classes=7, colour=True)
    small = datasets.load("medmnist:dermamnist", tmp_path, LoadOptions(image_size=28))
    images = datasets.load("medmnist:dermamnist", tmp_path, LoadOptions(image_size=48))
    assert small.read(0).shape == (28, 28, 3)
    assert datasets.load("medmnist:dermamnist", tmp_path, LoadOptions(image_size=128)).read(0).shape == (
        64,
        64,
        3,
    )
    np.testing.assert_array_equal(images.read(41), large["val_images"][1])
    np.testing.assert_array_equal(images.read(59), large["test_images"][13])
    assert images.holdout.sum() == 14
    assert "not verifiable" in images.facts["leaks"]
    assert datasets.images_of("medmnist:dermamnist") == {"medmnist:dermamnist", "ham10000"}


def test_bad_medmnist_files_are_named(tmp_path):
    path = tmp_path / "medmnist" / "breastmnist.npz"
    write_medmnist(path, classes=3)
    with pytest.raises(InputError, match="2 classes"):
        datasets.load("medmnist:breastmnist", tmp_path, OFFICIAL)
    with pytest.raises(InputError, match="fetch medmnist:octmnist"):
        datasets.load("medmnist:octmnist", tmp_path, OFFICIAL)
    with pytest.raises(InputError, match="Did you mean 'octmnist'"):
        datasets.load("medmnist:octomnist", tmp_path, OFFICIAL)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match="cannot be read"):
        datasets.load("medmnist:breastmnist", tmp_path, LoadOptions(image_size=29))


# Pixels


@pytest.mark.parametrize(("top", "brightest"), [(255, 255), (1023, 1023), (4095, 4095), (60000, 65535)])
def test_deep_pixels_span_the_depth_that_holds_them(top, brightest):
    values = np.linspace(0, top, 100).astype(np.uint16)
    np.testing.assert_allclose(to_eight_bit(values), values / brightest * 255, atol=0.51)


def test_float_pixels_up_to_one():
    np.testing.assert_array_equal(to_eight_bit(np.array([0.0, 0.5, 1.0])), [0, 128, 255])


def write_dicom(path, pixels, **tags):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored, data.HighBit = (8, 7) if pixels.dtype == np.uint8 else (12, 11)
    data.PixelRepresentation = 0
    for name, value in tags.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, data, enforce_file_format=True)


RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, RAMP / RAMP.max()),
        ({"PhotometricInterpretation": "MONOCHROME1"}, 1 - RAMP / RAMP.max()),
        ({"WindowCenter": 2048, "WindowWidth": 1024}, ((RAMP - 1536.0) / 1023).clip(0, 1)),
        (
            {
                "RescaleSlope": 2,
                "RescaleIntercept": -1024,
                "WindowCenter": [1000, 5],
                "WindowWidth": [2001, 5],
            },
            ((RAMP * 2.0 - 1024 + 0.5) / 2000).clip(0, 1),
        ),
    ],
    ids=["plain", "inverted", "window", "rescaled"],
)
def test_dicom_is_read_as_a_viewer_shows_it(tmp_path, tags, expected):
    write_dicom(tmp_path / "x.dcm", RAMP, **tags)
    read = ImageFiles((tmp_path / "x.dcm",), 1)(0)
    np.testing.assert_allclose(read, expected * 255, atol=1)


def test_colour_dicom_and_damaged_dicom(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    write_dicom(tmp_path / "x.dcm", colour)
    np.testing.assert_array_equal(ImageFiles((tmp_path / "x.dcm",), 3)(0), colour)
    (tmp_path / "y.dcm").write_bytes((tmp_path / "x.dcm").read_bytes()[:400])
    with pytest.raises(InputError, match=r"y\.dcm cannot be read as DICOM"):
        ImageFiles((tmp_path / "y.dcm",), 3)(0)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "RGBA", "P"])
def test_other_colour_spaces_read_as_rgb(tmp_path, mode):
    pixels = np.full((8, 8, 3), (200, 100, 50), dtype=np.uint8)
    suffix = "png" if mode in ("RGBA", "P") else "tif"
    image = Image.fromarray(pixels)
    image = image.quantize() if mode == "P" else image.convert(mode)
    image.save(tmp_path / f"x.{suffix}")
    np.testing.assert_allclose(ImageFiles((tmp_path / f"x.{suffix}",), 3)(0), pixels, atol=2)


# Skin lesions from elsewhere


@pytest.fixture
def bcn(tmp_path):
    folder = tmp_path / "BCN20000"
    names = [f"BCN_{i + 1:010d}.jpg" for i in range(32)]
    header = ["bcn_filename", "age_approx", "anatom_site_general", "diagnosis", "lesion_id", "capture_date", "sex"]
    header += ["split"]
    kinds = ("NV", "MEL", "SCC", "BKL", "BCC", "AK", "DF", "VASC")
    rows = [
        [name, "55.0", "anterior torso", kinds[i // 2 % 8], f"BCN_{i // 2:07d}", "2012-05-16", "male", "train"]
        for i, name in enumerate(names)
    ]
    write_csv(folder / "bcn_20k_train.csv", [header, *rows])
    write_images(folder / "bcn_20k_train", names)
    return tmp_path


def test_bcn20000_is_grouped_by_lesion(bcn):
    images = datasets.load("bcn20000", bcn, OFFICIAL)
    assert (images.holdout_kind, images.channels, len(images.sample_ids)) == ("grouped", 3, 32)
    assert counts.of(images)["groups"] == 16
    assert images.labels.sum(0).tolist() == [4] * 8
    assert not set(images.groups[images.holdout]) & set(images.groups[~images.holdout])
    table = bcn / "BCN20000" / "bcn_20k_train.csv"
    table.write_text(table.read_text().replace(",BCC,", ",BBC,"))
    with pytest.raises(InputError, match="Did you mean 'BCC'"):
        datasets.load("bcn20000", bcn, OFFICIAL)


PAD = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,skin_cancer_history,"
    "cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,grew,"
    "hurt,changed,bleed,elevation,img_id,biopsed"
)


@pytest.fixture
def pad(tmp_path):
    folder = tmp_path / "PAD-UFES-20"
    kinds = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")
    rows = []
    for i in range(24):
        patient, lesion = f"PAT_{i // 2}", 100 + i
        row = dict.fromkeys(PAD.split(","), "") | {"patient_id": patient, "lesion_id": lesion, "age": 8}
        rows.append(row | {"diagnostic": kinds[i // 2 % 6], "img_id": f"{patient}_{lesion}_{i}.png", "biopsed": False})
    write_csv(folder / "metadata.csv", [PAD.split(","), *(row.values() for row in rows)])
    for i, row in enumerate(rows):
        write_images(folder / "images" / f"imgs_part_{i % 3 + 1}", [row["img_id"]])
    return tmp_path


def test_pad_ufes_20_is_grouped_by_patient(pad):
    images = datasets.load("pad-ufes-20", pad, OFFICIAL)
    assert (images.holdout_kind, images.channels, counts.of(images)["groups"]) == ("grouped", 3, 12)
    assert images.labels.sum(0).tolist() == [4] * 6
    (pad / "PAD-UFES-20/images/imgs_part_1/PAT_0_100_0.png").unlink()
    with pytest.raises(InputError, match=r"1 of the 24 images.*PAT_0_100_0.png"):
        datasets.load("pad-ufes-20", pad, OFFICIAL)


@pytest.fixture
def isic(tmp_path):
    folder = tmp_path / "ISIC_2019"
    kinds = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    names = [f"ISIC_{i:07d}" for i in range(64)]
    truth = [[name, *(float(i // 2 % 8 == k) for k in range(9))] for i, name in enumerate(names)]
    lesions = [("BCN_{:07d}", "HAM_{:07d}", "MSK4_{:07d}", "")[i // 16].format(i // 2) for i in range(64)]
    rows = [[name, "55.0", "anterior torso", lesion, "female"] for name, lesion in zip(names, lesions, strict=True)]
    write_csv(folder / "ISIC_2019_Training_GroundTruth.csv", [["image", *kinds], *truth])
    header = ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]
    write_csv(folder / "ISIC_2019_Training_Metadata.csv", [header, *rows])
    write_images(folder / "ISIC_2019_Training_Input", [f"{name}.jpg" for name in names])
    return tmp_path


def test_isic_2019_is_grouped_by_lesion_and_divided_by_source(isic):
    images = datasets.load("isic2019", isic, OFFICIAL)
    assert images.labels.sum(0).tolist() == [8] * 8
    assert counts.of(images)["groups"] == 3 * 8 + 16, "an image without a lesion's id is one of its own"
    assert images.facts["lesions"].startswith("unknown for 16 images")
    part = datasets.load("isic2019:sources=none+msk+bcn", isic, OFFICIAL)
    assert part.dataset == "isic2019:sources=bcn+msk+none" and len(part.sample_ids) == 48
    assert not any(group.startswith("HAM") for group in part.groups)
    assert datasets.canonical("isic2019:sources=none+msk+bcn+ham") == "isic2019"
    with pytest.raises(InputError, match="Did you mean 'ham'"):
        datasets.load("isic2019:sources=hma", isic, OFFICIAL)


def test_isic_2019_says_whose_images_it_holds():
    assert leaks.share_images("ham10000", ["isic2019"])
    assert leaks.share_images("ham10000", ["isic2019:sources=bcn+ham"])
    assert not leaks.share_images("ham10000", ["isic2019:sources=bcn+msk+none"])
    assert leaks.share_images("bcn20000", ["isic2019:sources=bcn+msk+none"])


@pytest.mark.parametrize(
    ("name", "kept", "dropped"),
    [("bcn20000", 28, []), ("pad-ufes-20", 20, ["df", "vasc"]), ("isic2019", 42, [])],
)
def test_the_own_maps_of_skin_lesions_serve_ham10000(request, ham, name, kept, dropped):
    request.getfixturevalue({"bcn20000": "bcn", "pad-ufes-20": "pad", "isic2019": "isic"}[name])
    (external,) = read_all([name], ("ham10000",))
    target, source = (datasets.load(of, ham, OFFICIAL) for of in ("ham10000", external.source))
    images = in_classes_of(target, source, external.classes, external.label)
    assert len(images.sample_ids) == kept and images.facts["dropped"] == dropped
    assert images.facts["left_out"]["no class"] == len(source.sample_ids) - kept, "SCC has no class there"
    assert images.classes == tuple(kind for kind in DX if kind not in dropped)


def test_the_own_maps_of_radiographs_serve_kermany(chexpert):
    (external,) = read_all(["chexpert"], ("chest-xray",))
    source = datasets.load(external.source, chexpert, OFFICIAL)
    target = dataclasses.replace(source, task="binary", classes=chest_xray.CLASSES)
    images = in_classes_of(target, source, external.classes, external.label)
    normal, ill = (source.labels == 1)[:, 0], (source.labels == 1)[:, 1:].any(axis=1)
    assert images.labels.sum(0).tolist() == [(normal & ~ill).sum(), (ill & ~normal).sum()]
    assert images.facts["left_out"]["several classes"] == (normal & ill).sum() > 0
    for target_name, classes in (("chest-xray", chest_xray.CLASSES), ("chexpert", COMPETITION)):
        (external,) = read_all(["nih"], (target_name,))
        labels = {label for of in external.classes.values() for label in of}
        assert set(external.classes) == set(classes) and labels <= {*nih.FINDINGS, nih.NONE}


def test_a_class_of_isic_2019_that_nobody_knows_is_refused(isic):
    table = isic / "ISIC_2019" / "ISIC_2019_Training_GroundTruth.csv"
    text = table.read_text()
    table.write_text(
        text.replace("ISIC_0000000,1.0", "ISIC_0000000,0.0").replace("0.0\nISIC_0000001", "1.0\nISIC_0000001")
    )
    with pytest.raises(InputError, match="'ISIC_0000000' is UNK"):
        datasets.load("isic2019", isic, OFFICIAL)
    table.write_text(text.replace("ISIC_0000000,1.0", "ISIC_0000000,0.0"))
    with pytest.raises(InputError, match="every row should have one 1"):
        datasets.load("isic2019", isic, OFFICIAL)
