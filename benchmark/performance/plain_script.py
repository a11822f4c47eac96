"""The plain script: a tuned study as an able researcher writes it with Optuna, torch, torchvision and timm.

What `python -m benchmark.perf` compares with. It stands alone and uses nothing of this project, and it is meant to be a
good script: images are resized before they are augmented, grey ones are decoded and augmented as grey, tensors are
`channels_last`, AdamW is fused, pretrained weights are read once, validation comes once a fit and in `inference_mode`,
the study is in memory, and the loader has no worker processes, as each side has one core. What makes it plain: every
epoch decodes every JPEG and augments it alone, every trial passes every image through the whole network, and the
kernels are the library's.
"""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

BILINEAR = transforms.InterpolationMode.BILINEAR

Parameters = dict[str, Any]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Data:
    """Labelled image files.

    Attributes:
        files: (N,) paths.
        labels: (N,) class numbers.
        classes: their count.
        folds: (N,) the validation fold of each; empty where nothing is validated.
        image_size: side in pixels that images are resized to.
        colour: whether they are RGB, else grey.
        flip: whether a left-right flip is allowed.
    """

    files: Sequence[Path]
    labels: npt.NDArray[np.intp]
    classes: int
    folds: npt.NDArray[np.intp]
    image_size: int
    colour: bool
    flip: bool


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        backbone: timm's name of the pretrained network; None for the simple CNN.
        weights: its file (safetensors).
        trained: beginnings of the names of the parameters that learn; "" is all of them.
        mean, std: of each channel, for images in [0, 1].
        learning_rate, weight_decay: centres of the ranges searched.
    """

    backbone: str | None
    weights: Path | None
    trained: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Settings:
    """Of the study: smallest and largest number of epochs, batch size, and whether autocast computes in bfloat16."""

    min_epochs: int
    max_epochs: int
    batch_size: int
    bfloat16: bool = False


class Images(Dataset[tuple[Tensor, int]]):
    """Decodes and augments an image whenever it is asked for."""

    def __init__(self, data: Data, rows: Rows, transform: transforms.Compose) -> None:
        self.files = [data.files[row] for row in rows]
        self.labels = data.labels[rows]
        self.mode = "RGB" if data.colour else "L"
        self.transform = transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert(self.mode)), int(self.labels[index])


class Noise(nn.Module):
    """Gaussian noise of a random strength up to `most`."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, image: Tensor) -> Tensor:
        """An image in [0, 1], which it stays in."""
        return (image + torch.randn_like(image) * torch.rand(()) * self.most).clamp_(0, 1)


def augmentation(data: Data, strength: float) -> transforms.Compose:
    """Aggressive augmentation of one searched strength in [0, 1]."""
    steps: list[Any] = [transforms.Resize((data.image_size, data.image_size))]
    if data.flip:
        steps.append(transforms.RandomHorizontalFlip())
    if strength == 0:
        return transforms.Compose([*steps, transforms.ToTensor()])
    shift, scale = 0.15 * strength, math.exp(0.25 * strength)
    steps += [
        transforms.RandomAffine(30 * strength, (shift, shift), (1 / scale, scale), interpolation=BILINEAR),
        transforms.RandomApply([transforms.GaussianBlur(3, 0.8)], 0.5 * strength),
        transforms.ColorJitter(brightness=0.3 * strength, contrast=0.4 * strength),
        transforms.ToTensor(),
        Noise(0.08 * strength),
        transforms.RandomErasing(0.5 * strength, scale=(0.01, 0.16)),
    ]
    return transforms.Compose(steps)


def simple_cnn(channels: int, width: int, classes: int) -> nn.Module:
    """Four stages of convolution, batch normalisation, ReLU and max-pooling."""
    layers: list[nn.Module] = []
    for stage in range(4):
        out = width * 2**stage
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


@functools.cache
def pretrained(backbone: str, weights: Path) -> nn.Module:
    """The backbone without a classifier, read once."""
    network: nn.Module = timm.create_model(backbone, num_classes=0)
    network.load_state_dict(load_file(weights))
    return network


def make_network(data: Data, model: Model, parameters: Parameters) -> nn.Module:
    """A fresh network; what does not learn is frozen."""
    network: Any
    if model.backbone is None:
        network = simple_cnn(3 if data.colour else 1, parameters["width"], data.classes)
    else:
        assert model.weights is not None
        network = copy.deepcopy(pretrained(model.backbone, model.weights))
        network.reset_classifier(data.classes)
    for name, parameter in network.named_parameters():
        parameter.requires_grad = name.startswith(model.trained)
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def train_mode(network: nn.Module) -> None:
    """Training mode, but for frozen layers: their batch normalisation keeps the pretrained statistics."""
    network.train()
    for layer in network.modules():
        if not any(parameter.requires_grad for parameter in layer.parameters()):
            layer.eval()


def prepare(images: Tensor, data: Data, model: Model) -> Tensor:
    """Normalise a batch; grey images become RGB for a backbone."""
    if model.backbone is not None and not data.colour:
        images = images.expand(-1, 3, -1, -1)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (model.mean, model.std))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def mixup(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Convex pairs of a batch (Zhang et al. 2018)."""
    share = float(torch.distributions.Beta(0.4, 0.4).sample())
    partner = torch.randperm(len(images))
    return torch.lerp(images[partner], images, share), torch.lerp(targets[partner], targets, share)


def fit(data: Data, rows: Rows, model: Model, parameters: Parameters, settings: Settings) -> nn.Module:
    """Train on some of the images: AdamW, a linear warm-up and a cosine decay."""
    network = make_network(data, model, parameters)
    train_mode(network)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(
        learned, parameters["learning_rate"], weight_decay=parameters["weight_decay"], fused=True
    )
    strength = parameters["augmentation"]
    batches = math.ceil(len(rows) / settings.batch_size)
    loader = DataLoader(
        Images(data, rows, augmentation(data, strength)),
        batch_size=math.ceil(len(rows) / batches),  # equal batches: batch normalisation refuses one of one image
        shuffle=True,
    )
    steps = len(loader) * parameters["epochs"]
    warm = max(1, round(0.1 * steps))
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimiser,
        [
            torch.optim.lr_scheduler.LinearLR(optimiser, 1 / warm, 1.0, max(1, warm - 1)),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps - warm)),
        ],
        [warm],
    )
    for _ in range(parameters["epochs"]):
        for images, labels in loader:
            inputs = prepare(images, data, model)
            targets = F.one_hot(labels, data.classes).float()
            if torch.rand(()) < 0.5 * strength:
                inputs, targets = mixup(inputs, targets)
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
                loss = F.cross_entropy(network(inputs), targets, label_smoothing=parameters["label_smoothing"])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learned, 5.0)
            optimiser.step()
            schedule.step()
    return network


@torch.inference_mode()
def predict(network: nn.Module, data: Data, rows: Rows, model: Model, settings: Settings) -> npt.NDArray[np.float32]:
    """(n, classes) probabilities."""
    network.eval()
    resize = transforms.Compose([transforms.Resize((data.image_size, data.image_size)), transforms.ToTensor()])
    scores = []
    for images, _ in DataLoader(Images(data, rows, resize), batch_size=64):
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            scores.append(network(prepare(images, data, model)).float().softmax(1))
    return torch.cat(scores).numpy()


def auroc(labels: npt.NDArray[np.intp], scores: npt.NDArray[np.float32]) -> float:
    """Area under the ROC curve; of more than two classes the mean of one against the rest."""
    if scores.shape[1] == 2:
        return float(roc_auc_score(labels, scores[:, 1]))
    return float(np.mean([roc_auc_score(labels == k, scores[:, k]) for k in range(scores.shape[1])]))


def study(data: Data, model: Model, settings: Settings, given: Sequence[Parameters], seed: int) -> optuna.Study:
    """A study of cross-validated trials; each has its seconds and training images among its `user_attrs`.

    Args:
        data: the images, with folds.
        model: what is trained.
        settings: of the study.
        given: parameters of the trials, which are asked for in this order: so that another study can have the same.
        seed: of all randomness.
    """
    torch.manual_seed(seed)
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        began = time.perf_counter()
        width = 1000**0.5
        rate, decay = model.learning_rate, model.weight_decay
        parameters: Parameters = {
            "learning_rate": trial.suggest_float("learning_rate", rate / width, rate * width, log=True),
            "weight_decay": trial.suggest_float("weight_decay", decay / width, decay * width, log=True),
            "epochs": trial.suggest_int("epochs", settings.min_epochs, settings.max_epochs, log=True),
            "augmentation": trial.suggest_float("augmentation", 0, 1, step=0.25),
            "label_smoothing": trial.suggest_float("label_smoothing", 0, 0.2, step=0.05),
        }
        if model.backbone is None:
            parameters["width"] = trial.suggest_categorical("width", [8, 16, 24])
        values, seen = [], 0
        for fold in range(int(data.folds.max()) + 1):
            training, validation = np.flatnonzero(data.folds != fold), np.flatnonzero(data.folds == fold)
            network = fit(data, training, model, parameters, settings)
            scores = predict(network, data, validation, model, settings)
            values.append(auroc(data.labels[validation], scores))
            seen += parameters["epochs"] * len(training)
        trial.set_user_attr("seconds", time.perf_counter() - began)
        trial.set_user_attr("images_seen", seen)
        return float(np.mean(values))

    tuning = optuna.create_study(direction="maximize")
    for parameters in given:
        tuning.enqueue_trial(parameters)
    tuning.optimize(objective, n_trials=len(given))
    return tuning
