"""Pretrained weights: known sources, finding a file, verifying it, and loading it into a timm backbone."""
