"""One training engine for every arm: images on the device, batched augmentation, cached frozen features."""
