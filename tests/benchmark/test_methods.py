"""Every method keeps the contract; a new file in the folder is tested by being there."""

import sys

import numpy as np
import pytest
import torch

from benchmark import methods
from benchmark.errors import InputError
from benchmark.methods import NetworkSpec, fine_tune
from benchmark.seeds import seed_for
from benchmark.training.engine import fit, predict
from benchmark.training.features import FrozenFeatures
from benchmark.training.step import Recipe, TrainingSet
from benchmark.training.streams import seeded
from benchmark.weights.checkpoint import save_checkpoint
from benchmark.weights.find import WeightFile, find
from benchmark.weights.load import load_backbone
from studies import spaces

BACKBONE = "resnet10t"
OURS = ("fine-tune", "knn", "linear-probe", "lora", "scratch")

#: A file that breaks no rule; the tests take lines away.
GOOD = """
from benchmark.methods import Dimension

NAME = "mine"
TITLE = "by a method of mine"
WEIGHTS = False
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("width", "choice", choices=(8, 16))
OWN_DEFAULT = 8


def prepare(spec, weights): ...


def build(prepared, spec, parameters): ...
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    with seeded(seed_for(0, "test")):
        state = load_backbone(BACKBONE, None).state_dict()
    card = {"backbone": BACKBONE, "trained_on": ["toy"], "mean": [0.5] * 3, "std": [0.25] * 3}
    save_checkpoint(path, state, {**card, "role": "medical"})
    imagenet = path.with_name("imagenet.safetensors")
    save_checkpoint(imagenet, state, {**card, "role": "imagenet"})
    return {role: find(BACKBONE, role, file) for role, file in (("medical", path), ("imagenet", imagenet))}


def cases():
    return [
        (method.NAME, backbone, value)
        for method in methods.all_methods()
        if methods.is_trained(method)
        for backbone in (BACKBONE, *methods.networks(method))
        for value in methods.own_dimension(method, backbone)[0].choices
    ]


@pytest.mark.parametrize(("name", "backbone", "value"), cases())
@pytest.mark.parametrize("channels", [1, 3])
def test_every_value_of_its_own_dimension_trains_and_predicts(name, backbone, value, channels, weights):
    method = methods.find(name)
    spec = NetworkSpec(backbone, channels, 3, 32)
    file: WeightFile | None = weights["imagenet"] if method.WEIGHTS else None
    prepared = method.prepare(spec, file)
    before = None if prepared is None else {k: v.clone() for k, v in prepared.backbone.state_dict().items()}
    images = torch.randint(0, 256, (12, channels, 32, 32), dtype=torch.uint8)
    targets = torch.eye(3)[torch.arange(12) % 3]
    parameters = spaces.default(method, 2, 2, backbone)
    parameters |= {methods.own_dimension(method, backbone)[0].name: value}
    network = fit(
        lambda: method.build(prepared, spec, parameters),
        TrainingSet(images, targets, "multiclass", True, FrozenFeatures(images, True, 0, "cell")),
        np.arange(12),
        Recipe(1e-2, 1e-3, 2, 0.5, 0.1, 6),
        seed_for(0, "fit"),
    )
    scores = predict(network, images, "multiclass")
    assert scores.shape == (12, 3)
    assert torch.allclose(scores.sum(1), torch.ones(12), atol=1e-5)
    if before is not None:
        after = prepared.backbone.state_dict()
        assert all(torch.equal(after[k], before[k]) for k in before), "a fit changed the shared backbone"


def test_depth_decides_what_learns(weights):
    spec = NetworkSpec(BACKBONE, 1, 2)
    prepared = fine_tune.prepare(spec, weights["medical"])
    sizes = {}
    for depth in fine_tune.OWN.choices:
        network = fine_tune.build(prepared, spec, {"depth": depth})
        sizes[depth] = sum(p.numel() for p in network.learned.parameters())
    assert sizes["head"] == prepared.backbone.num_features * 2 + 2
    assert sizes["head"] < sizes["last"] < sizes["all"]


def test_the_near_miss_of_an_unknown_method():
    with pytest.raises(InputError, match="Did you mean 'fine-tune'"):
        methods.find("finetune")


def test_no_method_of_ours_breaks_the_contract():
    assert methods.MODULES.problems() == ()


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A second folder of methods, looked into for the duration of a test."""
    with monkeypatch.context() as patch:
        patch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
        methods.MODULES.forget()
        yield tmp_path
    methods.MODULES.forget()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"benchmark.methods.{path.stem}", None)
        vars(methods).pop(path.stem, None)


def test_a_method_is_found_by_being_there(own_folder):
    (own_folder / "of_mine.py").write_text(GOOD)
    assert methods.names() == tuple(sorted((*OURS, "mine")))
    assert methods.find("mine").OWN_DEFAULT == 8


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("WEIGHT_DECAY = 1e-3", "", r"lacks WEIGHT_DECAY\. Example: WEIGHT_DECAY = 1e-3"),
        ("WEIGHT_DECAY = 1e-3", "WEIGHT_DECAY = 1", r"its WEIGHT_DECAY is 1\. Example: WEIGHT_DECAY = 1e-3"),
        ("WEIGHTS = False", "", "lacks WEIGHTS. Example: WEIGHTS = True"),
        ("WEIGHTS = False", "WEIGHTS = None", "its WEIGHTS is None. Example: WEIGHTS = True"),
        ("def build", "def fit(features, targets, task, parameters): ...\n\n\ndef build", "it lacks DIMENSIONS"),
        ("OWN_DEFAULT = 8", "OWN_DEFAULT = 9", r"its OWN_DEFAULT 9 is not in its OWN \{8, 16\}"),
        ('OWN = Dimension("width", "choice", choices=(8, 16))', "OWN = (8, 16)", r"Example: OWN = Dimension\("),
        ("def prepare(spec, weights): ...", "", r"lacks the function prepare\. Example: def prepare\(spec, weights\)"),
        ("build(prepared, spec, parameters)", "build(spec)", r"build takes \(spec\)\. Example: def build\(prepared, "),
    ],
)
def test_a_half_written_method_is_left_out_and_named_and_the_others_go_on(line, instead, message, own_folder, capsys):
    assert line in GOOD
    (own_folder / "half.py").write_text(GOOD.replace(line, instead))
    assert methods.names() == OURS
    assert "half.py: " in capsys.readouterr().err
    with pytest.raises(InputError, match=rf"the method 'mine' cannot be used: .*half\.py: .*{message}"):
        methods.find("mine")
    assert methods.find("scratch").NAME == "scratch"
