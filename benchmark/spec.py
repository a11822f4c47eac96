"""What is run: the settings of one comparison, frozen and checked, and the cells of its grid."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.arm import Arm, read_arms, read_toml
from benchmark.errors import InputError, unknown_name
from benchmark.results import CELLS, path_name

PRESETS = Path(__file__).parents[1] / "studies" / "presets"
SAMPLERS = ("tpe", "random", "qmc", "gp")
HOLDOUTS = ("official", "grouped")
PRECISIONS = ("float32", "bfloat16")
LARGEST = 2**31 - 1  # whole number that the tables hold

#: Settings of older versions -> what to say now.
RENAMED = {"metric": "'tune_metric' for what the studies tune, 'report_metric' for what is concluded on"}

#: What a continued run may change: more trials a cell, more arms, data sets and test sets from elsewhere, what is
#: concluded on. Cells that exist stay valid.
EXTENSIBLE = ("budget", "arms", "definitions", "datasets", "external", "report_metric")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One Optuna study: `budget` trials of one arm on one subsample, then the refit and its predictions."""

    dataset: str
    n_per_class: int
    seed: int
    arm: str

    @property
    def key(self) -> str:
        """The cell's name in seeds, messages and paths: ``phantom/n100/seed03/scratch``."""
        return f"{path_name(self.dataset)}/n{self.n_per_class}/seed{self.seed:02d}/{path_name(self.arm)}"

    def folder(self, run: Path) -> Path:
        """Where the cell's tables are, inside a run's folder."""
        return run / CELLS / self.key


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """The settings that decide the results. Where and how fast they are computed is not part of it.

    Attributes:
        datasets, arms, n_per_class: the grid, together with `seeds`.
        seeds: number of training subsamples; they are numbered from 0.
        budget: finished trials in every cell.
        folds: inner validation folds of a trial.
        refits: fits of the best parameters on the whole subsample.
        image_size: working size in pixels.
        backbone: timm's name of the network of all arms that name none; ``NAME:K`` keeps its first K stages.
        min_epochs, max_epochs: range of a fit's epochs, searched on the log scale, the same for every arm.
        batch_size: largest batch.
        precision: what networks compute in: "float32", or "bfloat16" but for their heads, sums and weights.
        sampler: Optuna's sampler.
        tune_metric: what the studies tune.
        report_metric: what the report concludes on; it may be changed at any time.
        holdout: "official" test set where there is one, or "grouped".
        merge_duplicates: whether groups that share copies or near duplicates are made one before the split.
        min_per_class: smallest number of images a class must supply.
        root_seed: all randomness starts here.
        definitions: what the arms are, of those that are not built in.
        external: test sets from elsewhere that the refits predict, too (`benchmark.external`).
    """

    datasets: tuple[str, ...]
    arms: tuple[str, ...] = ("scratch", "imagenet", "medical", "scratch-same")
    n_per_class: tuple[int, ...] = (100,)
    seeds: int = 5
    budget: int = 50
    folds: int = 3
    refits: int = 3
    image_size: int = 224
    backbone: str = "resnet50"
    min_epochs: int = 15
    max_epochs: int = 60
    batch_size: int = 16
    precision: str = "float32"
    sampler: str = "tpe"
    tune_metric: str = "auroc"
    report_metric: str = "auroc"
    holdout: str = "official"
    merge_duplicates: bool = False
    min_per_class: int = 20
    root_seed: int = 0
    definitions: tuple[Arm, ...] = ()
    external: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("seeds", "budget", "refits", "min_epochs", "max_epochs"):
            _within(name, getattr(self, name), 1)
        for name in ("folds", "batch_size", "min_per_class"):
            _within(name, getattr(self, name), 2)
        _within("image_size", self.image_size, 16)
        _within("root_seed", self.root_seed, 0)
        if self.min_epochs > self.max_epochs:
            raise InputError(
                f"'min_epochs' is {self.min_epochs}, more than 'max_epochs', which is {self.max_epochs}: no number of "
                "epochs is left to search. Lower the one or raise the other."
            )
        for name in ("datasets", "arms", "n_per_class", "external"):
            values = getattr(self, name)
            if not values and name != "external":
                raise InputError(f"'{name}' is empty: give at least one.")
            if len(set(values)) < len(values):
                raise InputError(f"'{name}' names something twice: {', '.join(map(str, values))}.")
        for n in self.n_per_class:
            _within("n_per_class", n, self.folds)
        for name, known in (("sampler", SAMPLERS), ("holdout", HOLDOUTS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise unknown_name(name, str(getattr(self, name)), known)
        from benchmark import metrics  # imports NumPy, which --help can do without

        for name in (self.tune_metric, self.report_metric):
            metrics.find(name)

    def cells(self) -> Iterator[Cell]:
        """The grid, block by block."""
        for dataset in self.datasets:
            for n in self.n_per_class:
                for seed in range(self.seeds):
                    for arm in self.arms:
                        yield Cell(dataset, n, seed, arm)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in spec.json."""
        values = dataclasses.asdict(self) | {"definitions": [arm.as_dict() for arm in self.definitions]}
        if not self.definitions:
            del values["definitions"]
        return json.loads(json.dumps(values))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BenchmarkSpec:
        """The settings that `as_dict` gave.

        Raises:
            TypeError: a name that is no setting.
            InputError: a value that is none.
        """
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        definitions = tuple(Arm.from_dict(arm) for arm in values.get("definitions", ()))
        return cls(**settings | {"definitions": definitions})

    def identity(self, inputs: Mapping[str, str]) -> str:
        """SHA-256 over everything that may not change within one folder, the inputs' own hashes included."""
        fixed = {name: value for name, value in self.as_dict().items() if name not in EXTENSIBLE}
        if not self.merge_duplicates:  # runs from before there was this setting keep their names
            del fixed["merge_duplicates"]
        text = json.dumps([fixed, dict(inputs)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def tuned_metric(described: Mapping[str, Any] | None) -> tuple[str | None, bool]:
    """What a run's studies tuned, from its spec.json, and whether its values are negated.

    Runs from before there was a ``tune_metric`` call it ``metric``, and keep values of which higher is better: those of
    a metric of which lower is better have the wrong sign.
    """
    spec = (described or {}).get("spec", {})
    if "metric" in spec:
        from benchmark import metrics

        return str(spec["metric"]), not metrics.find(str(spec["metric"])).higher_is_better
    return spec.get("tune_metric"), False


def preset_path(preset: str) -> Path:
    """The file of a preset, which is given by its name or as a .toml file."""
    return Path(preset) if preset.endswith(".toml") else PRESETS / f"{preset}.toml"


def read_preset(path: Path) -> dict[str, Any]:
    """The settings in a preset file (TOML). Unknown keys and wrong types are refused, with the near miss.

    ``arms`` is a list of names, or ``[arms.NAME]`` tables that say what the arms are (`benchmark.arm`), whose names it
    then is.
    """
    try:
        values = read_toml(path, "preset")
    except FileNotFoundError:
        presets = (file.stem for file in path.parent.glob("*.toml"))
        raise unknown_name("preset", path.stem, presets) from None
    fields = {field.name: str(field.type) for field in dataclasses.fields(BenchmarkSpec)}
    del fields["definitions"]
    definitions: tuple[Arm, ...] = ()
    if isinstance(values.get("arms"), dict):
        arms = read_arms(values["arms"], path)
        values["arms"] = list(arms)
        definitions = tuple(arm for arm in arms.values() if arm is not None)
    for key, value in values.items():
        if key in RENAMED:
            raise InputError(f"'{key}' in the preset {path.name} was renamed: say {RENAMED[key]}.")
        if key not in fields:
            raise unknown_name(f"key in the preset {path.name}", key, fields)
        if not _fits(value, fields[key]):
            raise InputError(f"'{key}' in the preset {path.name} is {value!r}, which is not {_type_text(fields[key])}.")
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return settings | ({"definitions": definitions} if definitions else {})


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("tuple"):
        inner = "int" if "int" in kind else "str"
        return isinstance(value, list) and all(_fits(item, inner) for item in value)
    return type(value).__name__ == kind


def _type_text(kind: str) -> str:
    return {
        "bool": "true or false",
        "int": "a whole number",
        "str": "a text",
        "tuple[int, ...]": "a list of whole numbers",
        "tuple[str, ...]": "a list of texts",
    }[kind]


def _within(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"'{name}' is {value}: it must be at least {least}.")
    if value > LARGEST:
        raise InputError(f"'{name}' is {value}: it must be at most {LARGEST}.")
