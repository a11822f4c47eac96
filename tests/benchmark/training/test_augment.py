import math

import pytest
import torch
import torch.nn.functional as F

from benchmark.training.augment import _affine, _blur, augment, mixture, mixup


def images(count=6, channels=1, size=16):
    return torch.randint(0, 256, (count, channels, size, size), generator=torch.Generator().manual_seed(1)).to(
        torch.uint8
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_strength_zero_without_flips_is_the_image():
    batch = images()
    assert torch.equal(augment(batch, 0.0, False, generator()), batch.float() / 255)


def test_flips_are_about_half_and_only_left_right():
    batch = images(200)
    views = augment(batch, 0.0, True, generator())
    flipped = [torch.equal(view, image.flip(2) / 255) for view, image in zip(views, batch, strict=True)]
    kept = [torch.equal(view, image / 255) for view, image in zip(views, batch, strict=True)]
    assert sum(flipped) + sum(kept) == 200
    assert 70 < sum(flipped) < 130


@pytest.mark.parametrize("channels", [1, 3])
def test_views_stay_images_and_follow_the_generator(channels):
    batch = images(channels=channels)
    views = augment(batch, 1.0, True, generator())
    assert views.shape == batch.shape
    assert views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 1
    assert torch.equal(views, augment(batch, 1.0, True, generator()))
    assert not torch.equal(views, augment(batch, 1.0, True, generator(1)))


def test_a_stronger_augmentation_changes_more():
    batch = images(64).float().mul_(0.2).add_(100).to(torch.uint8)
    clean = batch.float() / 255
    change = [
        (augment(batch, strength, False, generator()) - clean).abs().mean().item() for strength in (0.25, 0.5, 1.0)
    ]
    assert change == sorted(change)
    assert change[0] > 0


def test_without_flips_left_stays_left():
    batch = torch.zeros(64, 1, 16, 16, dtype=torch.uint8)
    batch[..., :6] = 255
    views = augment(batch, 0.5, False, generator())
    assert (views[..., :8].mean((1, 2, 3)) > views[..., 8:].mean((1, 2, 3))).float().mean() > 0.95


def test_mixup_keeps_the_sum_of_targets_and_the_unknown():
    inputs, targets = torch.rand(8, 3), torch.eye(2)[torch.arange(8) % 2]
    mixed = 0
    for seed in range(20):
        views, mixed_targets = mixup(inputs, targets, mixture(8, 1.0, generator(seed)))
        assert torch.allclose(mixed_targets.sum(1), torch.ones(8))
        mixed += not torch.equal(views, inputs)
    assert 3 < mixed < 17
    assert torch.equal(mixup(inputs, targets, mixture(8, 0.0, generator()))[0], inputs)
    targets[0, 0] = math.nan
    assert torch.isnan(mixup(inputs, targets, mixture(8, 1.0, generator(0)))[1]).any()


def test_the_turned_and_shifted_image_is_what_an_affine_grid_samples():
    batch = images(5, 3, 12).float() / 255
    angle, scale, direction = (
        torch.linspace(-0.5, 0.5, 5),
        torch.linspace(0.8, 1.2, 5),
        torch.tensor([1.0, -1, 1, -1, 1]),
    )
    shift = torch.rand(5, 2, generator=generator()) - 0.5
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [
        torch.stack([cosine * direction, -sine, shift[:, 0]], 1),
        torch.stack([sine * direction, cosine, shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(batch.shape), align_corners=False)
    expected = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(_affine(batch, angle, scale, shift, direction), expected, rtol=1e-4, atol=1e-5)


def test_the_chosen_images_alone_are_blurred_with_the_kernel_of_1_2_1():
    batch = images(4, 3, 9).float() / 255
    kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
    weight = torch.outer(kernel, kernel).expand(3, 1, 3, 3)
    expected = F.conv2d(F.pad(batch, (1, 1, 1, 1), mode="replicate"), weight, groups=3)
    chosen = torch.tensor([True, False, True, False])
    blurred = _blur(batch.clone(), chosen)
    assert torch.equal(blurred[~chosen], batch[~chosen])
    torch.testing.assert_close(blurred[chosen], expected[chosen], rtol=1e-5, atol=1e-6)
    assert torch.equal(_blur(batch.clone(), torch.zeros(4, dtype=torch.bool)), batch)


def test_draws_are_made_where_the_generator_is(monkeypatch):
    devices = []
    for name in ("rand", "randn"):
        draw = getattr(torch, name)

        def recorded(*shape, generator, device, draw=draw):
            devices.append(device)
            return draw(*shape, generator=generator, device=device)

        monkeypatch.setattr(torch, name, recorded)
    augment(images(), 0.5, True, generator())
    assert len(devices) == 13
    assert set(devices) == {torch.device("cpu")}
