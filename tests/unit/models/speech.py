"""Sounds for tests: vowels out of pulses and three resonances, close enough to a voice for a detector of voices."""

from __future__ import annotations

import io
import math
import wave

import numpy as np
from numpy.typing import NDArray

from models.voice import RATE_HZ

FORMANTS = {
    "a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}  # fmt: skip
VOWEL_SAMPLES = int(RATE_HZ * 0.18)


def vowels(letters: str, pitch_hz: float = 150.0) -> NDArray[np.float32]:
    """The vowels one after the other, the voice rising and falling."""
    total = len(letters) * VOWEL_SAMPLES
    t = np.arange(total) / RATE_HZ
    turns = np.cumsum(pitch_hz * (1 + 0.15 * np.sin(4.4 * t) + 0.05 * np.sin(31.4 * t))) / RATE_HZ
    sound = (np.diff(np.floor(turns), prepend=0) > 0) + np.random.default_rng(0).standard_normal(total) * 0.01
    tracks = np.repeat(np.array([FORMANTS[each] for each in letters], float), VOWEL_SAMPLES, axis=0)
    for i, width_hz in enumerate((80, 100, 140)):
        smooth = np.convolve(np.pad(tracks[:, i], 400, mode="edge"), np.ones(800) / 800, "same")[400:-400]
        sound = _resonate(sound, smooth, math.exp(-math.pi * width_hz / RATE_HZ))
    sound *= np.sqrt(np.abs(np.sin(np.pi * np.arange(total) / VOWEL_SAMPLES)))
    return np.asarray(sound / np.abs(sound).max() * 0.6, np.float32)


def _resonate(sound: NDArray[np.float64], centre_hz: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    turn = (2 * radius * np.cos(2 * np.pi * centre_hz / RATE_HZ)).tolist()
    before, last, made = 0.0, 0.0, []
    for sample, factor in zip((sound * (1 - radius)).tolist(), turn, strict=True):
        last, before = sample + factor * last - radius * radius * before, last
        made.append(last)
    return np.array(made)


def wav(samples: NDArray[np.float32], *, rate_hz: int = RATE_HZ, width: int = 2, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return out.getvalue()
