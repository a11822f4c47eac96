from analysis.predictions.block import Predictions
from analysis.study.arm_facts import ArmFacts
from analysis.study.study import study
from analysis.tables import attribution
from tests.analysis.conftest import make_block

FACTS = {
    "scratch": ArmFacts("scratch", "scratch", "simple-cnn", {}),
    "imagenet": ArmFacts("imagenet", "fine-tune", "resnet50", {"toy": "a 11"}),
    "medical": ArmFacts("medical", "fine-tune", "resnet50", {"toy": "b 22"}),
}


def test_every_pair_stands_there_with_what_differs():
    computed = study(Predictions((make_block(),), {}, ()), resamples=100, arms=FACTS)
    rows = attribution.build(computed).to_dict("records")
    assert [(row["arm_a"], row["arm_b"], row["attributed_to"]) for row in rows] == [
        ("scratch", "imagenet", "architecture and weights together"),
        ("scratch", "medical", "architecture and weights together"),
        ("imagenet", "medical", "which pretraining"),
    ]
    assert rows[2]["architecture"] == "resnet50" and rows[2]["weights"] == "a 11 / b 22"
    assert rows[0]["weights"] == "random / a 11"


def test_predictions_alone_do_not_say_what_arms_are():
    assert attribution.build(study(Predictions((make_block(),), {}, ()), resamples=100)) is None
