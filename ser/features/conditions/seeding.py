"""Random generators that follow from a seed and names alone: not from the order of clips, nor from threads."""

import hashlib

import numpy as np


def generator_of(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of a seed and of names, as of a copy and a clip."""
    digest = hashlib.blake2b("\n".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])
