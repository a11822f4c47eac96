"""Drawing synthetic radiographs: a chest of soft shapes, in which findings can be put.

Not anatomy, but the same difficulty: a small finding among ribs, vessels, exposure and noise, several images of
each patient, and differences between patients that are larger than the finding. All lengths are in units of the
image's side, all intensities in units of the full range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.seeds import rng_for

SIDE = 64  # pixels, before the working size is made of it
PLAIN, FAINT = 0.55, 0.2  # shares of the images with nodules that show them plainly, and faintly; the rest hides them

Field = npt.NDArray[np.float64]

_Y, _X = np.mgrid[0:SIDE, 0:SIDE] / SIDE + 0.5 / SIDE


@dataclass(frozen=True, slots=True)
class Chest:
    """One patient's build: what stays the same in all of the patient's images."""

    lung_width: float
    lung_height: float
    lung_gap: float
    lung_top: float
    heart_size: float
    heart_shift: float
    ribs: float
    rib_slope: float
    rib_phase: float
    rib_contrast: float
    density: float
    vessels: int


@dataclass(frozen=True)
class Drawn:
    """Reads a synthetic data set by drawing it: image `index` is always the same.

    Attributes:
        dataset, root_seed: key the draws.
        patients: (N,) whose image each is.
        findings: what each shows, any of `FINDINGS`.
    """

    dataset: str
    root_seed: int
    patients: npt.NDArray[np.str_]
    findings: tuple[frozenset[str], ...]

    def __call__(self, index: int) -> npt.NDArray[np.uint8]:
        """(SIDE, SIDE) uint8."""
        build = chest(rng_for(self.root_seed, "patient", dataset=self.dataset, patient=str(self.patients[index])))
        rng = rng_for(self.root_seed, "image", dataset=self.dataset, index=index)
        return radiograph(build, self.findings[index], rng)


def chest(rng: np.random.Generator) -> Chest:
    """Draw a patient."""
    return Chest(
        lung_width=rng.uniform(0.145, 0.185),
        lung_height=rng.uniform(0.27, 0.34),
        lung_gap=rng.uniform(0.17, 0.21),
        lung_top=rng.uniform(0.42, 0.50),
        heart_size=rng.uniform(0.10, 0.135),
        heart_shift=rng.uniform(0.03, 0.07),
        ribs=rng.uniform(7.0, 10.0),
        rib_slope=rng.uniform(0.5, 1.1),
        rib_phase=rng.uniform(0, 2 * np.pi),
        rib_contrast=rng.uniform(0.03, 0.08),
        density=rng.uniform(0.30, 0.42),
        vessels=int(rng.integers(10, 22)),
    )


def radiograph(build: Chest, findings: frozenset[str], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One image of a patient, (SIDE, SIDE) uint8, bright where the body is dense.

    Args:
        build: the patient.
        findings: any of `FINDINGS`.
        rng: pose, exposure, noise, and where the findings lie.
    """
    angle = rng.normal(0, 0.06)
    dx, dy = rng.normal(0, 0.02, 2)
    zoom = np.exp(rng.normal(0, 0.05))
    x0, y0 = (_X - 0.5 - dx) / zoom, (_Y - 0.5 - dy) / zoom
    x = np.cos(angle) * x0 - np.sin(angle) * y0 + 0.5
    y = np.sin(angle) * x0 + np.cos(angle) * y0 + 0.5

    body = _soft(1 - ((x - 0.5) / 0.44) ** 4 - ((y - 0.62) / 0.62) ** 4, 0.15)
    lungs = [_lung(x, y, build, side, findings) for side in (-1, 1)]
    air = np.maximum(*lungs)
    image = body * (0.78 - build.density * air)
    image += 0.10 * _bump(x, y, 0.5, 0.5, 0.045, 0.6)  # spine and mediastinum
    heart = build.heart_size * (1.35 if "cardiomegaly" in findings else 1.0)
    shift = 0.5 + build.heart_shift + 0.4 * (heart - build.heart_size)
    image += 0.15 * _soft(1 - ((x - shift) / heart) ** 2 - ((y - 0.66) / (0.9 * heart)) ** 2, 0.25)
    ribs = np.sin(2 * np.pi * build.ribs * (y + build.rib_slope * (x - 0.5) ** 2) + build.rib_phase)
    image += build.rib_contrast * np.clip(ribs, 0, 1) * (0.35 + 0.65 * air) * body
    for _ in range(build.vessels):  # short bright strokes, more of them near the middle
        cx, cy = _in_lung(build, rng, spread=0.6)
        image += rng.uniform(0.02, 0.07) * air * _stroke(x, y, cx, cy, rng.uniform(0, np.pi), rng.uniform(0.02, 0.06))
    for name in sorted(findings & DRAWN.keys()):
        image += DRAWN[name](x, y, build, air, rng)

    if rng.random() < 0.3:  # a cable
        image += 0.12 * np.exp(-(((y - rng.uniform(0.1, 0.9) - rng.normal(0, 0.5) * (x - 0.5)) / 0.008) ** 2))
    image = np.clip(image, 0, None) ** np.exp(rng.normal(0, 0.12))
    image = (image - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.05)
    image += rng.normal(0, rng.uniform(0.015, 0.04), image.shape)
    return np.asarray(np.clip(image * 235, 0, 255).astype(np.uint8))


def _nodule(x: Field, y: Field, build: Chest, air: Field, rng: np.random.Generator) -> Field:
    """One to three of them, wider than a rib: plain, faint, or known to be there and not to be seen.

    The plain ones are learnt in few epochs, even from images of 20 px; the faint ones tell networks apart; the hidden
    ones keep the AUROC below about .88 for any. So curves flatten within a budget that two cores can pay.
    """
    kind = rng.random()
    contrast = (0.55, 0.75) if kind < PLAIN else (0.12, 0.30) if kind < PLAIN + FAINT else (0.0, 0.02)
    nodules = np.zeros_like(x)
    for _ in range(rng.integers(1, 4)):
        cx, cy = _in_lung(build, rng, spread=0.75)
        radius = rng.uniform(0.075, 0.105)
        nodules += rng.uniform(*contrast) * _bump(x, y, cx, cy, radius, radius)
    return nodules


def _consolidation(x: Field, y: Field, build: Chest, air: Field, rng: np.random.Generator) -> Field:
    cx, cy = _in_lung(build, rng, spread=0.6)
    texture = 1 + 0.4 * np.sin(rng.uniform(60, 90) * x + rng.uniform(0, 6)) * np.sin(rng.uniform(60, 90) * y)
    return np.asarray(rng.uniform(0.15, 0.25) * air * texture * _bump(x, y, cx, cy, 0.11, 0.09))


def _effusion(x: Field, y: Field, build: Chest, air: Field, rng: np.random.Generator) -> Field:
    side = rng.choice((-1, 1))
    level = build.lung_top + build.lung_height * rng.uniform(0.55, 0.75)
    curve = level - 0.5 * (np.abs(x - 0.5) - build.lung_gap)
    return np.asarray(rng.uniform(0.2, 0.3) * air * _soft((y - curve) * 12, 0.5) * (np.sign(x - 0.5) == side))


def _pneumothorax(x: Field, y: Field, build: Chest, air: Field, rng: np.random.Generator) -> Field:
    side = rng.choice((-1, 1))
    apex = _soft((build.lung_top - 0.5 * build.lung_height - y) * 14, 0.5) * (np.sign(x - 0.5) == side)
    return np.asarray(-rng.uniform(0.12, 0.2) * air * apex)


def _interstitial(x: Field, y: Field, build: Chest, air: Field, rng: np.random.Generator) -> Field:
    waves = sum(
        np.sin(frequency * (np.cos(turn) * x + np.sin(turn) * y) + rng.uniform(0, 6))
        for frequency, turn in zip(rng.uniform(90, 140, 4), rng.uniform(0, np.pi, 4), strict=True)
    )
    return np.asarray(rng.uniform(0.03, 0.05) * air * waves)


#: finding -> what it adds to an image; cardiomegaly changes the heart instead.
DRAWN = {
    "nodule": _nodule,
    "consolidation": _consolidation,
    "effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "interstitial": _interstitial,
}
FINDINGS = (*DRAWN, "cardiomegaly")


def _lung(x: Field, y: Field, build: Chest, side: int, findings: frozenset[str]) -> Field:
    across = (x - 0.5 - side * build.lung_gap) / build.lung_width
    along = (y - build.lung_top) / build.lung_height
    return _soft(1 - np.abs(across) ** 2.4 * (1 + 0.25 * along) - np.abs(along) ** 2.6, 0.3)


def _in_lung(build: Chest, rng: np.random.Generator, spread: float) -> tuple[float, float]:
    """A point in one of the lungs, at most `spread` of the way to its border."""
    radius, turn = np.sqrt(rng.random()) * spread, rng.uniform(0, 2 * np.pi)
    side = rng.choice((-1, 1))
    across = 0.5 + side * build.lung_gap + radius * np.cos(turn) * build.lung_width
    return float(across), float(build.lung_top + radius * np.sin(turn) * build.lung_height)


def _soft(inside: Field, width: float) -> Field:
    """1 well inside (positive), 0 well outside, with a border of this width."""
    return np.asarray(1 / (1 + np.exp(-np.clip(inside / width * 4, -30, 30))))


def _bump(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    return np.asarray(np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2))


def _stroke(x: Field, y: Field, cx: float, cy: float, turn: float, length: float) -> Field:
    along = np.cos(turn) * (x - cx) + np.sin(turn) * (y - cy)
    across = -np.sin(turn) * (x - cx) + np.cos(turn) * (y - cy)
    return np.asarray(np.exp(-((along / length) ** 2) - (across / 0.010) ** 2))
