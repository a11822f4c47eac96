"""Arm C: the shared backbone pretrained on a broader medical corpus, fine-tuned on the subsample."""

from benchmark.arms._fine_tuning import LEARNING_RATE, OWN, OWN_DEFAULT, WEIGHT_DECAY, build, prepare

__all__ = ["LEARNING_RATE", "OWN", "OWN_DEFAULT", "WEIGHT_DECAY", "build", "prepare"]

NAME = "medical"
TITLE = "backbone pretrained on medical images, fine-tuned"
ROLE = "medical"
