"""What a data set is: an index of labelled images, a pool and a holdout, and a way to read one image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from benchmark.results import Task

#: The owner's test set, or a patient-disjoint share that we draw.
HoldoutKind = Literal["official", "grouped"]

NO_GROUPS = "not verifiable: no patient ids"


@dataclass(frozen=True)
class Images:
    """Labelled images, by index. Rows are sorted by `sample_ids`, so that an index means the same everywhere.

    Attributes:
        dataset: the data set's canonical name, with its variant.
        task: "binary" (K = 2, one-hot, the second class is positive), "multiclass" (one-hot) or "multilabel".
        classes: names of the K classes or labels.
        sample_ids: (N,) unique names of the images.
        groups: (N,) the unit that must never be split: the patient, or the lesion.
        groups_known: whether the files tell the groups; else leaks between patients cannot be ruled out.
        labels: (N, K) float32 one-hot, or 0/1 with NaN where the label is unknown.
        holdout: (N,) bool, True for the images that only the final predictions may touch.
        holdout_kind: whose choice the holdout is.
        channels: 1 for grey images, 3 for colour.
        flip: whether a left-right flip leaves the label's meaning and the anatomy plausible.
        synthetic: whether the images are drawn by a program.
        read: index -> uint8 image, (H, W) or (H, W, 3), at its native size. Raises `InputError` naming the file.
        fingerprint: text that changes whenever any image's content may have changed; keys the decoded cache.
        complete: whether all images that the owner publishes are there; else `about` says under "part" which.
        attributes: what the files tell of every image beside its labels, for subgroups in the report: name ("sex",
            "age", "view") -> (N,) texts, "unknown" where they do not tell (`images.attributes`). They decide nothing.
        shareable: whether the licence lets small pictures of single images stand in a report.
        left_out: (N,) bool, True for images that are in neither part; None where there are none.
        about: what only the report prints: "title", "source", "licence"; "holdout" and "leaks" where more can be said
            than `holdout_kind` and `groups_known` do; anything else. Nothing is decided by it.
    """

    dataset: str
    task: Task
    classes: tuple[str, ...]
    sample_ids: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    groups_known: bool
    labels: npt.NDArray[np.float32]
    holdout: npt.NDArray[np.bool_]
    holdout_kind: HoldoutKind
    channels: int
    flip: bool
    synthetic: bool
    read: Callable[[int], npt.NDArray[np.uint8]]
    fingerprint: str
    complete: bool = True
    attributes: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    shareable: bool = True
    left_out: npt.NDArray[np.bool_] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pool(self) -> npt.NDArray[np.bool_]:
        """(N,) bool, True for the images that training samples are drawn from."""
        return ~self.holdout if self.left_out is None else ~(self.holdout | self.left_out)

    @cached_property
    def group_numbers(self) -> npt.NDArray[np.intp]:
        """(N,) the groups, numbered in the order of their names."""
        return np.asarray(np.unique(self.groups, return_inverse=True)[1])

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that the report and the predictions file say of the data set."""
        leaks = {} if self.groups_known else {"leaks": NO_GROUPS}
        return {"holdout": self.holdout_kind, **leaks, **self.about, "synthetic": self.synthetic}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a data set comes from, and what its owner says is in it: for `python -m benchmark.data`.

    Attributes:
        source: whom to cite.
        licence: of the images.
        size: in words, for example "5,856 images, 1.2 GB".
        steps: how to get it by hand, a line each.
        counts: the published numbers, by the names that `audit.counts.of` gives them: "images", "groups of mel", ...
        counted: the kind of holdout for which they hold.
        images_of: variant (or "") -> names of data sets whose images these are too.
    """

    source: str
    licence: str
    size: str = ""
    steps: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    counted: HoldoutKind = "official"
    images_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def about(self, title: str, **more: str) -> dict[str, str]:
        """What every data set tells the report (`Images.about`), and more of this one."""
        return {"title": title, "source": self.source, "licence": self.licence, **more}


class DatasetModule(Protocol):
    """What each file of `benchmark.datasets` offers, by these names. Adding a data set is adding such a file.

    A file may also have

    - ``FOLDERS``, other names of its folder;
    - ``EXTERNAL``, how it serves as a test set from elsewhere: a data set that was learned from -> this one with its
      map of classes, as in ``--external`` (`benchmark.external`);
    - ``fetch(folder, options, say)``, which brings the data into the folder where the licence lets a program do so;
    - ``canonical(variant)``, the one spelling of a variant that can be written in several ways;
    - ``shown(variant)``, what tables and reports show of it: no path of the user's machine.

    Attributes:
        NAME: the name on the command line.
        TITLE: one line for people.
        FOLDER: its folder under the data root; None where it needs none there.
        REAL: False for synthetic data; the default preset takes the real ones that are there.
        CORPUS: True where it serves only as a source for medical pretraining.
        VARIANT: how what may follow a colon after the name reads, for people: "" for nothing, in brackets where it may
            be left out, as in ``[key=value:...]``, else it is needed, as in ``PATH``.
        ORIGIN: where it comes from.
    """

    NAME: str
    TITLE: str
    FOLDER: str | None
    REAL: bool
    CORPUS: bool
    VARIANT: str
    ORIGIN: Origin

    def load(self, folder: Path, options: LoadOptions) -> Images:
        """Index the data set.

        Args:
            folder: where it lies; to be ignored by a data set whose `FOLDER` is None.
            options: the choices, the variant among them.

        Raises:
            InputError: anything wrong with the files.
        """
        ...


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Choices that hold for every data set.

    Attributes:
        image_size: working size in pixels, for data sets that come in several sizes.
        holdout: the wanted `HoldoutKind`: "official" where there is one, or "grouped".
        root_seed: the run's root seed, for what a data set draws (a grouped holdout, synthetic images).
        variant: what followed the colon after the data set's name, or "".
        memory: folder where hashes of image files are remembered from one start to the next (`images.contents`); None =
            nowhere.
    """

    image_size: int = 64
    holdout: str = "official"
    root_seed: int = 0
    variant: str = ""
    memory: Path | None = None
