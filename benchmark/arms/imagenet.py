"""Arm B: the shared backbone pretrained on ImageNet, fine-tuned on the subsample."""

from benchmark.arms._fine_tuning import LEARNING_RATE, OWN, OWN_DEFAULT, WEIGHT_DECAY, build, prepare

__all__ = ["LEARNING_RATE", "OWN", "OWN_DEFAULT", "WEIGHT_DECAY", "build", "prepare"]

NAME = "imagenet"
TITLE = "backbone pretrained on ImageNet, fine-tuned"
ROLE = "imagenet"
