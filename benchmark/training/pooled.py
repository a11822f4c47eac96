"""A backbone that gives an image one row: what its trunk and its last stage see, each pooled by mean and by maximum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Pooled(nn.Module):
    """Pooled features at two depths, in one pass."""

    def __init__(self, trunk: nn.Module | None, last: nn.Module, prefix_tokens: int, channels_last: bool) -> None:
        """Take the parts of a backbone.

        Args:
            trunk: images to maps or tokens; None where the backbone is not cut.
            last: what the trunk gives (or images) to pooled features (B, F).
            prefix_tokens: that belong to no patch.
            channels_last: whether maps are (B, H, W, C).
        """
        super().__init__()
        self.trunk, self.last = trunk, last
        self._prefix, self._places = prefix_tokens, (1, 2) if channels_last else (2, 3)
        self._seen: list[Tensor] = []
        self._watch()

    def parts(self, images: Tensor) -> Sequence[Tensor]:
        """(B, 3, H, W), normalised, to (B, .) each: the trunk's mean and maximum, if it has one; last's own, maximum.

        The last stage's own pooling is the network's: the mean, or of many vision transformers the class token.
        """
        self._seen.clear()
        maps = images if self.trunk is None else self.trunk(images)
        own = self.last(maps).float()
        most = self._mean_and_maximum(self._seen[-1])[1] if self._seen else own
        self._seen.clear()
        return [*([] if self.trunk is None else self._mean_and_maximum(maps)), own, most]

    def forward(self, images: Tensor) -> Tensor:
        """All parts side by side, (B, D)."""
        return torch.cat([*self.parts(images)], 1)

    def _mean_and_maximum(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        maps = maps.float()
        if maps.ndim == 4:
            return maps.mean(self._places), maps.amax(self._places)
        tokens = maps[:, self._prefix :]
        return tokens.mean(1), tokens.amax(1)

    def _watch(self) -> None:
        """Have noted what the last stage pools: the maps that its pooling takes, or tokens as its norm gives them."""
        modules = dict(self.last.named_modules())
        pools = [module for name, module in modules.items() if name.rpartition(".")[2] == "global_pool"]
        if pools:
            pools[0].register_forward_pre_hook(lambda module, inputs: self._seen.append(inputs[0]))
        elif "norm" in modules:
            modules["norm"].register_forward_hook(lambda module, inputs, output: self._seen.append(output))
