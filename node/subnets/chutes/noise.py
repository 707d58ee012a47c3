"""Numbers out of a seed, the same on every machine: for drawn questions, and for models that begin with noise.

A stream of SHAKE-256 read as integers; floats are made of them by exact steps only.
"""

import hashlib
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from node.primitives.crypto import digest
from node.subnets.chutes.dims import elements

if TYPE_CHECKING:
    from numpy.typing import NDArray

Law = Literal["uniform", "normal", "bytes"]
_DICE: Final = 12  # uniform numbers in a sum whose variance is then 1
_SIXTEEN: Final = 65_536


def noise(seed: bytes, name: str, law: str, shape: tuple[int, ...], dtype: str) -> "NDArray[np.generic]":
    """An array of that shape: uniform in [0, 1), normal with mean 0 and variance 1, or bytes 0..255.

    The normal numbers are sums of twelve uniform ones, exact in float32, and lie within six deviations.
    """
    count = elements(shape)
    stream = hashlib.shake_256(digest("chute-noise", seed, name.encode(), law.encode()))
    if law == "bytes":
        values: NDArray[np.generic] = np.frombuffer(stream.digest(count), np.uint8)
    elif law == "uniform":
        words = np.frombuffer(stream.digest(4 * count), "<u4") >> np.uint32(8)
        values = words.astype(np.float32) / np.float32(1 << 24)
    else:
        dice = np.frombuffer(stream.digest(2 * _DICE * count), "<u2").reshape(count, _DICE).astype(np.int64)
        values = (dice.sum(axis=1) - _DICE // 2 * _SIXTEEN + _DICE // 2).astype(np.float32) / np.float32(_SIXTEEN)
    return values.astype(dtype).reshape(shape)
