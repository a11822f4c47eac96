"""Arms as data: what a table may say, what is refused before any work, and what the leak audit is told."""

from pathlib import Path

import pytest

from benchmark import arms, methods
from benchmark.arm import Arm
from benchmark.errors import InputError
from benchmark.spec import BenchmarkSpec, read_preset
from benchmark.weights.contract import WeightFile, WeightSource

SHARED = "resnet10t"


def preset(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return read_preset(path)


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A second folder of arms, looked into for the duration of a test."""
    with monkeypatch.context() as patch:
        patch.setattr(arms, "__path__", [*arms.__path__, str(tmp_path)])
        arms.forget()
        yield tmp_path
    arms.forget()


def test_the_built_in_arms_are_written_in_the_form_that_any_arm_has():
    assert arms.problems() == ()
    assert arms.find("scratch") == Arm("scratch", "scratch", "simple-cnn", title="simple CNN from scratch")
    assert arms.find("imagenet").weights == "imagenet" and arms.find("medical").weights == "medical"
    assert (arms.find("scratch-same").method, arms.find("scratch-same").backbone) == ("scratch", None)
    assert {*arms.BUILT_IN, *methods.names(), "scratch-small-data"} == set(arms.names())


def test_a_method_by_its_name_is_an_arm_from_imagenets_weights():
    assert arms.find("knn") == Arm("knn", "knn", weights="imagenet")


def test_a_preset_says_what_its_arms_are_and_takes_known_ones_by_an_empty_table(tmp_path):
    settings = preset(
        tmp_path,
        "[arms.scratch]\n[arms.dino]\nmethod='fine-tune'\nbackbone='vit_small_patch14_dinov2'\nweights='w/d.pth'\n"
        "corpus=['LVD-142M']\n[arms.probe]\nmethod='linear-probe'\nweights='imagenet'\n",
    )
    assert settings["arms"] == ("scratch", "dino", "probe")
    dino, probe = settings["definitions"]
    assert Path(dino.weights) == tmp_path / "w/d.pth", "from the preset's folder"
    assert (dino.corpus, probe.weights, probe.backbone) == (("LVD-142M",), "imagenet", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[arms.x]\nmetod = 'knn'", r"unknown key in \[arms.x\] in mine.toml 'metod'. Did you mean 'method'"),
        ("[arms.x]\nbackbone = 'resnet18'", r"\[arms.x\] in mine.toml lacks its method. Example: method = "),
        ("[arms.x]\nmethod = 3", r"'method' in \[arms.x\] in mine.toml is 3, which is not a text"),
        ("[arms.x]\nmethod = 'knn'\ncorpus = 'nih'", r"'corpus' in .* is 'nih', which is not a list of texts"),
        ("[arms.'a b']\nmethod = 'knn'", "a name is made of letters"),
        ("[arms]\nx = 'knn'", r"\[arms.x\] in mine.toml is 'knn', and must be a table"),
        ("definitions = []", "unknown key in the preset mine.toml 'definitions'"),
    ],
)
def test_a_table_that_cannot_be_an_arm_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        preset(tmp_path, text)


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (Arm("x", "fine-tun", weights="imagenet"), "unknown method 'fine-tun'. Did you mean 'fine-tune'"),
        (Arm("x", "knn", "resnet15", "imagenet"), "arm 'x': unknown backbone 'resnet15'. Did you mean 'resnet1"),
        (Arm("x", "knn", weights="imagnet"), "unknown weights of the arm 'x' 'imagnet'. Did you mean 'imagenet'"),
        (Arm("x", "knn", weights="dinov2-smal"), "Did you mean 'dinov2-small'"),
        (Arm("x", "knn", weights="/no/such.pth"), "the arm 'x': no weight file at /no/such.pth"),
        (Arm("x", "knn"), "starts from weights, and none are named"),
        (Arm("x", "scratch", weights="imagenet"), "starts from random weights. Leave weights and corpus out"),
        (Arm("x", "fine-tune", "simple-cnn", "imagenet"), "fine-tune cannot fit the network 'simple-cnn'"),
        (Arm("x", "scratch", "simple-cn"), "Or, with the method scratch: simple-cnn, harmonic"),
    ],
)
def test_what_no_arm_can_be_is_refused_with_the_near_miss(arm, message):
    with pytest.raises(InputError, match=message):
        arms.check(arm, SHARED, named=False)


def test_weights_on_the_command_line_take_the_place_of_those_that_an_arm_lacks():
    arms.check(Arm("x", "knn"), SHARED, named=True)


def test_the_same_arm_from_random_weights_under_two_names_is_refused():
    arms.refuse_twins([arms.find("scratch"), arms.find("scratch-same")], SHARED)
    with pytest.raises(InputError, match="scratch-same and again are the same arm under two names"):
        arms.refuse_twins([arms.find("scratch-same"), Arm("again", "scratch", SHARED)], SHARED)


def test_a_run_records_what_its_arms_are_but_for_the_built_in_ones():
    given = (Arm("mine", "knn", weights="/a/b.pth", corpus=("nih",)), Arm("unused", "knn", weights="imagenet"))
    spec = BenchmarkSpec(datasets=("phantom",), arms=("scratch", "mine", "knn"), definitions=given)
    spec = arms.with_definitions(spec)
    assert [arm.name for arm in spec.definitions] == ["mine", "knn"]
    recorded = spec.as_dict()["definitions"]
    assert recorded[0] == {"name": "mine", "method": "knn", "backbone": None, "weights": "b.pth", "corpus": ["nih"],
                           "title": ""}  # fmt: skip
    assert BenchmarkSpec.from_dict(spec.as_dict()).as_dict() == spec.as_dict()
    with pytest.raises(InputError, match="the arm 'imagenet' is known already"):
        arms.with_definitions(
            BenchmarkSpec(datasets=("phantom",), arms=("imagenet",), definitions=(Arm("imagenet", "knn"),))
        )
    plain = arms.with_definitions(BenchmarkSpec(datasets=("phantom",)))
    assert "definitions" not in plain.as_dict(), "runs of the built-in arms alone keep their settings and their hash"


def test_the_identity_of_a_run_of_built_in_arms_is_what_it_was():
    assert BenchmarkSpec(datasets=("phantom",)).identity({})[:8] == "1cf90569"


def test_an_arm_is_found_by_being_there(own_folder):
    (own_folder / "more.toml").write_text(
        "[arms.one]\nmethod = 'knn'\nweights = 'x.pth'\n[arms.two]\nmethod='scratch'\n"
    )
    assert {"one", "two"} <= set(arms.names())
    assert Path(arms.find("one").weights) == own_folder / "x.pth"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[arms.half]\nmethod = 'nearest'", "half", "unknown method 'nearest'"),
        ("[arms.half]", "half", "is empty"),
        ("[arms.half]\ntitle = 'x'", "half", "lacks its method"),
        ("title = 'x'", "broken", "has no table"),
        ("[arms", "broken", "not valid TOML"),
        ("[arms.imagenet]\nmethod='knn'\nweights='imagenet'", "other", "the name is taken"),
    ],
)
def test_a_broken_file_is_left_out_and_named_and_the_others_go_on(own_folder, text, name, message, capsys):
    (own_folder / "broken.toml").write_text(text)
    assert arms.find("imagenet").method == "fine-tune"
    assert message in capsys.readouterr().err
    if name != "other":
        with pytest.raises(InputError, match=f"the arm '{name}' cannot be used: .*{message}"):
            arms.find(name)


def test_the_near_miss_of_an_unknown_arm():
    with pytest.raises(InputError, match="Did you mean 'imagenet'"):
        arms.find("imagnet")


@pytest.mark.parametrize(
    ("says", "corpus", "trained_on"),
    [
        (("unknown",), None, ("unknown",)),
        (("unknown",), ("chexpert",), ("chexpert",)),
        (("imagenet", "unknown"), ("nih",), ("imagenet", "nih")),
        (("imagenet",), ("unknown",), ("imagenet", "unknown")),
        (("imagenet",), None, ("imagenet",)),
    ],
)
def test_an_arms_corpus_completes_what_is_known_of_its_file(says, corpus, trained_on):
    file = WeightFile(Path("a.pth"), WeightSource("x", SHARED, "medical", trained_on=says), "1" * 64)
    assert arms.trained_on(Arm("x", "knn", weights="a.pth", corpus=corpus), file) == trained_on
