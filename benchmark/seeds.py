"""Randomness by name: every random choice draws from a stream that its role and key alone determine."""

from __future__ import annotations

import hashlib
import json

import numpy as np

Key = str | int


def seed_for(root: int, role: str, **key: Key) -> np.random.SeedSequence:
    """The seed sequence of one random choice.

    The stream depends on the root seed, the role ("subsample", "folds", "search", "fit", "refit", ...) and the
    key only, never on the order in which things are done, so a continued run draws what an uninterrupted one
    would have drawn. Keys are hashed with SHA-256, as `hash()` differs between processes.

    Args:
        root: the run's root seed.
        role: what the randomness is for.
        **key: what it belongs to, for example ``dataset="phantom", seed=3``. The order does not matter.
    """
    text = json.dumps([root, role, sorted(key.items())], separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.SeedSequence(int.from_bytes(digest[:16], "big"))


def rng_for(root: int, role: str, **key: Key) -> np.random.Generator:
    """A NumPy generator over `seed_for`'s stream."""
    return np.random.default_rng(seed_for(root, role, **key))


def int_seed(sequence: np.random.SeedSequence) -> int:
    """One non-negative 63-bit integer from a sequence, for libraries that take nothing better."""
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
