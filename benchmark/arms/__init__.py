"""The arms that are known by name: those of the TOML files here, found by being there, and every method by itself.

A file holds ``[arms.NAME]`` tables (`benchmark.arm`), as a preset does. One that cannot be used is left out and named,
and the others go on working. A method's name is an arm too, unless a file here says what it is: the method and nothing
more, from ImageNet's weights where it needs any.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import methods
from benchmark.arm import Arm, is_file_name, read_arms, read_toml
from benchmark.errors import InputError, unknown_name
from benchmark.methods import Method
from benchmark.spec import BenchmarkSpec
from benchmark.weights.contract import ROLES, UNKNOWN_DATA

if TYPE_CHECKING:
    from benchmark.weights.find import WeightFile

#: The arms of the default study: what they are stands in the code, and not in the settings of a run.
BUILT_IN = ("scratch", "imagenet", "medical", "scratch-same")


def names() -> tuple[str, ...]:
    """Names of all arms that are known without a preset, by alphabet."""
    return tuple(sorted({*_discovered()[0], *methods.names()}))


def problems() -> tuple[str, ...]:
    """One message for each file that was left out."""
    return tuple(_discovered()[1].values())


def forget() -> None:
    """Look again at the next question: files were added."""
    _discovered.cache_clear()
    methods.MODULES.forget()


def find(name: str, defined: Sequence[Arm] = ()) -> Arm:
    """The arm of this name.

    Args:
        name: of the arm.
        defined: by a run's own settings.

    Raises:
        InputError: there is none, with the near miss; or its file is broken, with what is wrong.
    """
    here, broken = _discovered()
    known = {**_of_methods(), **here, **{arm.name: arm for arm in defined}}
    if name in known:
        return known[name]
    if name in broken:
        raise InputError(f"the arm '{name}' cannot be used: {broken[name]}")
    methods.MODULES.refuse_broken(name)
    raise unknown_name("arm", name, known)


def with_definitions(spec: BenchmarkSpec) -> BenchmarkSpec:
    """Settings that record what the arms are that they compare: all but the built-in ones, and no others.

    Args:
        spec: with the definitions of its preset.

    Raises:
        InputError: an unknown arm; or the preset redefines one that is known.
    """
    here, _ = _discovered()
    for arm in spec.definitions:
        if arm.name in here:
            raise InputError(
                f"[arms.{arm.name}]: the arm '{arm.name}' is known already, and cannot be another here. Choose another "
                "name, or leave the table empty to take the arm as it is."
            )
    recorded = tuple(find(name, spec.definitions) for name in spec.arms if name not in BUILT_IN)
    return dataclasses.replace(spec, definitions=recorded)


def title_of(arm: Arm) -> str:
    """What an arm is, in one line for people."""
    if arm.title:
        return arm.title
    method = method_of(arm)
    if not method.WEIGHTS:
        return f"{arm.backbone or methods.network_of(method) or 'the shared backbone'} {method.TITLE}"
    network = arm.backbone or "the shared backbone"
    start = {"imagenet": "pretrained on ImageNet", "medical": "pretrained on medical images"}.get(str(arm.weights))
    return f"{network}, {start or 'with weights of its own'}, {method.TITLE}"


def method_of(arm: Arm) -> Method:
    """How an arm is fitted. Raises `InputError`, with the near miss, where there is no such method."""
    return methods.find(arm.method)


def backbone_of(arm: Arm, shared: str) -> str:
    """An arm's network: its own, else its method's, else the one that the run's arms share."""
    return arm.backbone or methods.network_of(method_of(arm)) or shared


def starts_from_weights(arm: Arm) -> bool:
    """Whether an arm needs a weight file."""
    return method_of(arm).WEIGHTS


def role_of(arm: Arm) -> str | None:
    """The role that an arm's weights must have; None where it names a source or a file, or needs none."""
    return arm.weights if arm.weights in ROLES else None


def trained_on(arm: Arm, file: WeightFile) -> tuple[str, ...]:
    """What trained an arm's weights, for the leak audit: what the arm says completes what the file's source says.

    The arm's word takes the place of "unknown", and of nothing else.
    """
    if arm.corpus is None:
        return file.trained_on
    known = [name for name in file.trained_on if name != UNKNOWN_DATA]
    return tuple(dict.fromkeys([*known, *arm.corpus]))


def check(arm: Arm, shared: str, named: bool) -> None:
    """Refuse what no arm can be, before anything is read.

    Args:
        arm: the arm.
        shared: the run's backbone.
        named: whether the user names its weights on the command line, for every data set.

    Raises:
        InputError: an unknown method, backbone or source of weights, with the near miss; weights where the method
            starts from none, or none where it needs some.
    """
    from benchmark.weights.sources import KNOWN, timm_config

    method, backbone = method_of(arm), backbone_of(arm, shared)
    own = {name for other in methods.all_methods() for name in methods.networks(other)}
    if backbone in own:
        if backbone not in methods.networks(method):
            raise InputError(
                f"the arm '{arm.name}': the method {method.NAME} cannot fit the network '{backbone}', which is not "
                "timm's. Name one of timm's, or leave the backbone out to take the run's."
            )
    else:
        try:
            timm_config(backbone)
        except InputError as error:
            if arm.backbone is None:
                raise
            ours = f" Or, with the method {method.NAME}: {', '.join(methods.networks(method))}."
            raise InputError(f"the arm '{arm.name}': {error}{ours if methods.networks(method) else ''}") from error
    if not method.WEIGHTS:
        if arm.weights or arm.corpus:
            raise InputError(
                f"the arm '{arm.name}': the method {method.NAME} starts from random weights. Leave weights and corpus "
                "out, or take another method."
            )
    elif arm.weights is None and not named:
        raise InputError(
            f"the arm '{arm.name}': the method {method.NAME} starts from weights, and none are named. Say weights = "
            f'"imagenet", a known source or a file, or give --weights {arm.name}=PATH.'
        )
    elif arm.weights and not is_file_name(arm.weights) and role_of(arm) is None and not named:
        sources = [source.name for source in KNOWN]
        if arm.weights not in sources:
            raise unknown_name(f"weights of the arm '{arm.name}'", arm.weights, [*ROLES, *sources])
    elif arm.weights and is_file_name(arm.weights) and not named:
        file = Path(arm.weights.rpartition("@")[2])
        if not (file.is_file() or Path(arm.weights).is_file()):
            raise InputError(f"the arm '{arm.name}': no weight file at {file}. Check the path, from its file's folder.")


def refuse_twins(chosen: Sequence[Arm], shared: str) -> None:
    """Refuse two arms that are the same from random weights: their difference would be chance.

    Raises:
        InputError: both are named.
    """
    first: dict[tuple[str, str], str] = {}
    for arm in chosen:
        if not starts_from_weights(arm):
            other = first.setdefault((arm.method, backbone_of(arm, shared)), arm.name)
            if other != arm.name:
                raise InputError(
                    f"the arms {other} and {arm.name} are the same arm under two names (method {arm.method}, "
                    f"network {backbone_of(arm, shared)}), so any difference between them is chance. Leave one out."
                )


def _of_methods() -> dict[str, Arm]:
    """Every method as an arm of its name."""
    return {m.NAME: Arm(m.NAME, m.NAME, weights=ROLES[0] if m.WEIGHTS else None) for m in methods.all_methods()}


@cache
def _discovered() -> tuple[Mapping[str, Arm], Mapping[str, str]]:
    """Arms by name, and name (of the arm, or of a file that is no TOML) -> what is wrong with it."""
    arms: dict[str, Arm] = {}
    broken: dict[str, str] = {}
    files = [path for folder in __path__ for path in sorted(Path(folder).glob("*.toml"))]
    for path in sorted(files, key=lambda path: path.stem not in BUILT_IN):
        try:
            tables = read_toml(path, "file of arms").get("arms", {})
            if not tables:
                raise InputError('it has no table [arms.NAME]. Example: [arms.probe] and method = "linear-probe"')
        except InputError as error:
            broken[path.stem] = f"{path.name}: {error}"
            continue
        for name, table in tables.items():
            try:
                arm = read_arms({name: table}, path)[name]
                if arm is None:
                    raise InputError(f"[arms.{name}] in {path.name} is empty")
                if name in arms:
                    raise InputError(
                        f"[arms.{name}] in {path.name}: the name is taken by another file. Choose another."
                    )
                methods.find(arm.method)
            except InputError as error:
                broken[name] = str(error)
            else:
                arms[name] = arm
    for text in broken.values():
        sys.stderr.write(f"warning: an arm is left out. {text}\n")
    return arms, broken
