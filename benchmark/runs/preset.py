"""What a run takes where no flag says: the data sets that are there, and a preset that this machine can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import arms, datasets
from benchmark.external import read_all
from benchmark.runs.request import places_of
from benchmark.spec import BenchmarkSpec, preset_path, read_preset

BUILT_IN, SMALL, LARGE = "builtin", "laptop", "real"

#: The data sets of the study: what a run without flags takes, as far as they are there.
DATASETS_OF_THE_STUDY = ("chest-xray", "ham10000", "chexpert")


@dataclass(frozen=True, slots=True)
class Choice:
    """A preset, and the data sets.

    Attributes:
        preset: its name, or its file.
        datasets: None for the preset's own.
        remark: what was chosen without being named, and why; "" where everything was named.
    """

    preset: str
    datasets: tuple[str, ...] | None
    remark: str = ""


def choose(
    preset: str | None,
    named: tuple[str, ...] | None,
    data_root: Path | None,
    is_begun: Callable[[Choice], bool],
    lacking: Callable[[], str],
) -> Choice:
    """The preset and the data sets of a run.

    Args:
        preset: as the user named it, or None.
        named: the data sets that the user named, or None.
        data_root: the folder of real data sets.
        is_begun: whether the run's folder holds a run of this choice already: the same command goes on with it, even
            where a card or weights have come or gone since.
        lacking: what this machine lacks for the large preset, in words; "" where nothing. Slow.
    """
    present = datasets.present(data_root) if named is None and data_root else ()
    of_study = tuple(name for name in DATASETS_OF_THE_STUDY if name in present) or None
    if preset is not None:
        if named or of_study is None or "datasets" in read_preset(preset_path(preset)):
            return Choice(preset, named)
        return Choice(preset, of_study, f"data sets: {', '.join(of_study)} (found under {data_root})")
    taken = named or of_study
    if taken is None:
        return Choice(
            BUILT_IN, None, "data sets: phantom (built in, as no data root names a real one); preset 'builtin'"
        )
    if not any(datasets.find(name).REAL for name in taken):
        return Choice(BUILT_IN, taken)
    where = "named" if named else f"found under {data_root}"
    for name, other in ((SMALL, LARGE), (LARGE, SMALL)):
        if is_begun(Choice(name, taken)):
            why = f"with which this run was begun; the other one: --preset {other}"
            return Choice(name, taken, _remark(name, taken, where, why))
    wanting = lacking()
    if wanting:
        why = f"as there is {wanting}; for the larger one ({_sizes(LARGE)}): --preset {LARGE}"
        return Choice(SMALL, taken, _remark(SMALL, taken, where, why))
    return Choice(LARGE, taken, _remark(LARGE, taken, where, f"the smaller one: --preset {SMALL}"))


def settings(choice: Choice, flags: Mapping[str, Any]) -> tuple[BenchmarkSpec, dict[str, str]]:
    """The settings of a choice, the preset's where the flags (name -> value) give none; and `request.places_of`.

    Test sets from elsewhere are those of the preset and those of the flags.
    """
    preset = read_preset(preset_path(choice.preset))
    chosen = preset | dict(flags)
    names = choice.datasets or chosen.get("datasets") or ("phantom",)
    chosen["datasets"] = tuple(map(datasets.shown, names))
    elsewhere = read_all((*preset.get("external", ()), *flags.get("external", ())), chosen["datasets"])
    chosen["external"] = tuple(external.shown.text for external in elsewhere)
    places = places_of([*names, *(external.source for external in elsewhere)])
    return arms.with_definitions(BenchmarkSpec(**chosen)), places


def lacking(devices: Sequence[str], folder: Path) -> str:
    """What this machine lacks for the large preset, in words; "" where nothing.

    Args:
        devices: that the run may compute on.
        folder: where weights are kept.
    """
    from benchmark.weights.find import locate

    backbone = str(read_preset(preset_path(LARGE))["backbone"])
    if tuple(devices) != ("cpu",) or locate(backbone, "imagenet", folder) is not None:
        return ""
    return f"no GPU and no ImageNet weights for {backbone}"


def _remark(preset: str, taken: Sequence[str], where: str, why: str) -> str:
    return f"data sets: {', '.join(taken)} ({where}); preset '{preset}' ({_sizes(preset)}), {why}"


def _sizes(preset: str) -> str:
    settings = read_preset(preset_path(preset))
    return f"{settings['backbone']} at {settings['image_size']} px, {settings['budget']} trials"
