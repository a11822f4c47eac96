"""Pretraining has the credit of a difference only where nothing else differs."""

from dataclasses import replace

import pytest

from analysis.page.credit import credit
from analysis.predictions.block import Predictions
from analysis.study.arm_facts import differences, read_arm_facts
from analysis.study.comparison import compare
from tests.analysis.conftest import make_block


def record(method, architecture, weights=None, started_from=""):
    files = {} if weights is None else {"nih": weights}
    return {
        "title": "x",
        "method": method,
        "architecture": architecture,
        "weights": files,
        "started_from": started_from,
    }


ARMS = {
    "scratch": record("scratch", "simple-cnn"),
    "scratch-same": record("scratch", "resnet50"),
    "imagenet": record("fine-tune", "resnet50", "a 11"),
    "medical": record("fine-tune", "resnet50", "b 22", "ImageNet weights (a)"),
    "probe": record("linear-probe", "resnet50", "a 11"),
    "dino": record("fine-tune", "vit", "c 33"),
}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("scratch", "scratch-same", "architecture"),
        ("scratch-same", "imagenet", "pretraining"),
        ("scratch-same", "medical", "pretraining"),
        ("imagenet", "medical", "which pretraining"),
        ("imagenet", "probe", "method"),
        ("scratch", "imagenet", "architecture and weights together"),
        ("imagenet", "dino", "architecture and weights together"),
        ("scratch-same", "probe", "method and weights together"),
        ("probe", "dino", "method, architecture and weights together"),
    ],
)
def test_what_a_difference_is_put_down_to(a, b, expected):
    facts = read_arm_facts({"arms": ARMS})
    assert differences(facts[a], facts[b], "nih").credit == expected
    assert ("pretraining" in expected) <= (facts[a].architecture == facts[b].architecture)


def test_files_are_compared_on_the_data_set_that_they_serve():
    records = {"one": record("fine-tune", "r", "a 11"), "two": record("fine-tune", "r", "a 11")}
    records["two"]["weights"]["ham10000"] = "z 99"
    facts = read_arm_facts({"arms": records})
    assert differences(facts["one"], facts["two"], "nih").credit == "chance"
    assert differences(facts["one"], facts["two"], "ham10000").credit == "pretraining"


def test_on_a_test_set_from_elsewhere_arms_are_what_they_are_on_their_own_data_set():
    facts = read_arm_facts({"arms": ARMS})
    assert differences(facts["scratch-same"], facts["imagenet"], "nih -> far::A=B").credit == "pretraining"
    assert differences(facts["imagenet"], facts["medical"], "nih -> far").credit == "which pretraining"


def test_the_sentences_name_the_control_and_what_checkpoints_began_from():
    facts = read_arm_facts({"arms": ARMS})
    text = credit(["scratch", "scratch-same", "imagenet", "medical"], "nih", facts)
    assert text == (
        "Pretraining is what differs between scratch-same and each of imagenet and medical. No difference of scratch "
        "from imagenet and medical is put down to pretraining, as the architecture differs too. "
        "The checkpoint of medical was itself pretrained from ImageNet weights (a)."
    )
    text = credit(["scratch-same", "imagenet", "dino"], "nih", facts)
    assert (
        "No difference of scratch-same from dino is put down to pretraining, as the architecture differs too." in text
    )
    assert text.endswith("Architecture and weights differ together between imagenet and dino.")
    assert credit(["scratch-same", "imagenet"], "nih", facts) == ""


def test_a_control_of_another_method_does_not_show_what_pretraining_does():
    facts = read_arm_facts({"arms": ARMS})
    assert credit(["scratch-same", "probe"], "nih", facts) == (
        "No pair of arms differs in pretraining alone. No difference of scratch-same from probe is put down to "
        "pretraining, as the method differs too."
    )


def test_the_pair_in_which_pretraining_differs_has_its_verdict_beside_it():
    block = replace(make_block(auroc=(0.6, 0.65, 0.95), seeds=6), arms=("scratch", "scratch-same", "imagenet"))
    comparisons = compare(Predictions((block,), {}, ()))
    (control,) = [of for of in comparisons if (of.arm_a, of.arm_b) == ("scratch-same", "imagenet")]
    low, high = control.family_interval
    text = credit(block.arms, "nih", read_arm_facts({"arms": ARMS}), comparisons)
    assert control.verdict == "better"
    assert f"scratch-same and imagenet (better: {control.estimate:+.3f}, {low:+.3f} to {high:+.3f})." in text


def test_of_many_arms_the_pairs_are_counted():
    records = ARMS | {f"vit{i}": record("linear-probe", f"vit{i}", f"d {i}") for i in range(8)}
    facts = read_arm_facts({"arms": records})
    text = credit(list(facts), "nih", facts)
    assert "Of 22 other pairs of a pretrained arm and one from random weights no difference is put down to" in text
    assert "the architecture or method differs too" in text and "the table 'attribution'" in text.lower()
    assert len(text.split()) < 75


@pytest.mark.parametrize("described", [{}, {"arms": {"scratch": "simple CNN"}}, {"arms": []}])
def test_a_run_that_does_not_say_what_its_arms_are_has_no_such_sentences(described):
    assert read_arm_facts(described) == {}
    assert credit(["scratch", "imagenet"], "nih", {}) == ""
