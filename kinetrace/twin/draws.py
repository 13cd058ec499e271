"""Randomness of the twins: a pure function of a key, so that no draw depends on the ones before it."""

import hashlib

import numpy as np


def draws(*key: int | str) -> np.random.Generator:
    """The generator that belongs to ``key``, such as (seed, "subject", 3)."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
