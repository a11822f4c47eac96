"""Both sides of `python -m benchmark.perf` do the same work, on the same images, with the same networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.errors import InputError
from benchmark.methods import NetworkSpec
from benchmark.performance import measuring, ours, plain, plain_script
from benchmark.performance.cases import CASES, Sizes, of_case, parameters_of, search_of, spec_of
from benchmark.performance.images import FILES
from benchmark.training.engine import predict, to_device
from benchmark.weights.load import normalisation

TINY = Sizes(images=12, trials=2, min_epochs=1, max_epochs=2, folds=2, batch_size=6, image_size=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("measured")


@pytest.fixture(params=list(CASES))
def study(request, folder):
    return measuring.prepare(CASES[request.param], "224", TINY, folder)


def test_the_sides_are_given_the_same_files_labels_folds_and_settings(study):
    data, task = study.plain.data, study.ours["float32"]
    names = task.images.sample_ids[task.block.subsample]
    assert [path.relative_to(data.files[0].parents[1]).as_posix() for path in data.files] == names.tolist()
    assert np.array_equal(data.labels, task.block.labels.argmax(1)) and set(data.labels) == {0, 1}
    assert np.array_equal(data.folds, task.block.folds) and set(data.folds) == {0, 1}
    assert len(data.files) == TINY.images and data.image_size == task.spec.image_size
    settings = study.plain.settings
    for spec in (task.spec, study.ours["bfloat16"].spec):
        limits = (spec.min_epochs, spec.max_epochs, spec.batch_size)
        assert limits == (settings.min_epochs, settings.max_epochs, settings.batch_size)


@pytest.mark.parametrize("study", ["scratch", "last"], indirect=True)
def test_the_sides_compute_the_same_trials(study):
    pair = measuring.Pair(plain.run_study(study.plain), ours.run_study(study.ours["float32"]))
    measuring.require_same_work(pair)
    assert len(pair.plain.trial_seconds) == len(pair.ours.trial_seconds) == TINY.trials
    epochs = sum(parameters["epochs"] for parameters in pair.plain.parameters)
    assert pair.plain.images_seen == epochs * TINY.images * (TINY.folds - 1)
    assert pair.ours.floor > 0 and pair.ours.again > 0
    fewer = replace(pair.plain, images_seen=pair.plain.images_seen - 1)
    other = replace(pair.plain, parameters=pair.plain.parameters[::-1])
    for wrong in (fewer, other):
        with pytest.raises(RuntimeError, match="differ in what they did"):
            measuring.require_same_work(measuring.Pair(wrong, pair.ours))


def test_every_trial_holds_the_depth_of_its_case_and_is_the_same_whatever_trials_reach(toy_block):
    case = CASES["last"]
    spec = spec_of(case, replace(TINY, trials=10), "toy", "float32")
    first, *others = parameters_of(case, spec)
    assert {parameters["depth"] for parameters in (first, *others)} == {"last"}
    assert len({parameters["learning_rate"] for parameters in others}) == 9
    assert ours.bookkeeping(case, spec, epochs=3, block=toy_block) > 0
    with pytest.raises(InputError, match="Use 10 at most"):
        spec_of(case, replace(TINY, trials=11), "toy", "float32")


@pytest.mark.parametrize("name", CASES)
def test_the_plain_script_searches_the_space_that_the_studies_do(name, tmp_path, monkeypatch):
    case = CASES[name]
    spec = spec_of(case, TINY, "toy", "float32")
    monkeypatch.setattr(plain_script, "fit", lambda *given: None)
    monkeypatch.setattr(plain_script, "predict", lambda network, data, rows, *given: np.eye(2)[data.labels[rows]])
    method, _ = of_case(case, spec)
    labels = np.arange(8) % 2
    data = plain_script.Data(["x"] * 8, labels, 2, np.arange(8) // 4, 32, False, False)
    backbone = None if case.own is None else spec.backbone
    model = plain_script.Model(backbone, None, ("",), (0.5,), (0.5,), method.LEARNING_RATE, method.WEIGHT_DECAY)
    study = plain_script.study(data, model, plain.settings_of(spec, "float32"), [{}], seed=0)
    searched = study.trials[0].distributions
    space = {dimension.name: dimension for dimension in search_of(case, spec, tmp_path / "study.jsonl").space}
    assert searched.keys() == space.keys() - {"depth"}
    for dimension_name, distribution in searched.items():
        dimension = space[dimension_name]
        if dimension.kind == "choice":
            assert distribution.choices == dimension.choices
            continue
        assert (distribution.low, distribution.high) == pytest.approx((dimension.low, dimension.high))
        assert distribution.log == dimension.log
        assert dimension.kind == "int" or distribution.step == dimension.step


def test_the_sides_train_the_same_network_on_the_same_pixels(study):
    task, given = study.ours["float32"], study.plain
    case = task.case
    method, backbone = of_case(case, task.spec)
    spec = NetworkSpec(backbone, 1, 2, TINY.image_size)
    parameters = {"width": 8} if case.own is None else {"depth": case.own}
    network = method.build(method.prepare(spec, task.weights), spec, parameters)
    same = plain_script.make_network(given.data, given.model, parameters)
    learned = [p for p in network.learned.parameters() if p.requires_grad]
    theirs = [p for p in same.parameters() if p.requires_grad]
    assert [p.shape for p in learned] == [p.shape for p in theirs]
    with torch.no_grad():
        for ours_, plain_ in zip(learned, theirs, strict=True):
            plain_.copy_(ours_)
    small = [Image.open(path).convert("L").resize((32, 32), Image.Resampling.BILINEAR) for path in given.data.files]
    pixels = to_device(np.stack([np.asarray(image) for image in small])[..., None], torch.device("cpu"))
    scores = plain_script.predict(same, given.data, np.arange(TINY.images), given.model, given.settings)
    assert np.abs(scores - predict(network, pixels, "binary").numpy()).max() < 1e-3
    assert np.ptp(scores[:, 1]) > 1e-4, "it tells images apart"


def test_frozen_layers_of_the_plain_script_keep_their_statistics(folder):
    given = measuring.prepare(CASES["last"], "224", TINY, folder).plain
    network = plain_script.make_network(given.data, given.model, {})
    plain_script.train_mode(network)
    norms = {name: part.training for name, part in network.named_modules() if isinstance(part, torch.nn.BatchNorm2d)}
    assert not norms["bn1"] and not norms["blocks.4.0.bn1"]
    assert norms["blocks.5.0.bn1"] and norms["bn2"]


def test_files_are_grey_jpegs_of_the_wanted_size_and_native_ones_larger_than_the_working_size(folder):
    native = measuring.prepare(CASES["scratch"], "native", TINY, folder / "native").plain.data
    with Image.open(native.files[0]) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", FILES["native"])
    sizes = [path.stat().st_size for path in native.files]
    assert 100_000 < np.mean(sizes) < 400_000, "as Kermany's originals"


def test_augmentation_of_strength_0_leaves_the_image(folder):
    data = measuring.prepare(CASES["scratch"], "224", TINY, folder).plain.data
    with Image.open(data.files[0]) as image:
        plain_view = plain_script.augmentation(data, 0.0)(image)
        torch.manual_seed(0)
        strong = plain_script.augmentation(data, 1.0)(image)
        small = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))
    assert np.array_equal(np.round(plain_view[0].numpy() * 255), small)
    assert strong.shape == (1, 32, 32) and strong.min() >= 0 and strong.max() <= 1
    assert (strong - plain_view).abs().mean() > 0.02


def test_the_plain_script_normalises_as_the_weights_want(study):
    model, weights = study.plain.model, study.ours["float32"].weights
    images = torch.full((2, 1, 4, 4), 0.25)
    prepared = plain_script.prepare(images, study.plain.data, model)
    mean, std = ((0.5,), (0.25,)) if weights is None else normalisation(weights)
    assert prepared.shape[1] == (1 if weights is None else 3)
    assert prepared[0, :, 0, 0].tolist() == pytest.approx([(0.25 - m) / s for m, s in zip(mean, std, strict=True)])
