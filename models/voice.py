"""Where somebody speaks in a recording: Silero VAD over frames of 32 ms, and the stretches that they make."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bundle import ONNX_FILE
from models.card import TensorCard, check_tensor_bundle
from models.errors import BadModelFile, BadTensor
from models.limits import MAX_RECORDING_S
from models.tensor import Stop, TensorModel, open_tensors

RATE_HZ: Final = 16_000
FRAME: Final = 512  # samples: 32 ms
SPEECH_ABOVE: Final = 0.5
SILENCE_BELOW: Final = 0.35  # once speech began, it ends only below this
_CONTEXT: Final = 64  # samples of the frame before that the model sees again
_STATE: Final = (2, 1, 128)

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody speaks from `begin_ms` to `end_ms`."""

    begin_ms: int
    end_ms: int


class VoiceModel:
    """Silero VAD. `frames` may be called from several threads: the state lives in the call."""

    def __init__(self, card: TensorCard, model: TensorModel) -> None:
        """Raises BadModelFile when the graph is not of this form."""
        if {each.name for each in model.inputs} != {"input", "state", "sr"} or len(model.outputs) != 2:
            raise BadModelFile(f"{card.name} does not take input, state and sr")
        self.card = card
        self.provider = model.provider
        self._model = model
        self._speech, self._state = (each.name for each in model.outputs)

    def frames(self, samples: Samples, stop: Stop | None = None) -> list[float]:
        """Probability of speech of each frame of mono samples at 16 kHz, -1 to 1. Raises BadTensor."""
        fits = isinstance(samples, np.ndarray) and samples.dtype == np.float32 and samples.ndim == 1
        if not fits or not 1 <= len(samples) <= MAX_RECORDING_S * RATE_HZ:
            raise BadTensor(f"a recording is a row of float32 samples of at most {MAX_RECORDING_S} s at {RATE_HZ} Hz")
        padded = np.zeros(_CONTEXT + -(-len(samples) // FRAME) * FRAME, np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        state, rate, found = np.zeros(_STATE, np.float32), np.array(RATE_HZ, np.int64), []
        for begin in range(0, len(padded) - _CONTEXT, FRAME):
            frame = padded[begin : begin + _CONTEXT + FRAME][None]
            results = self._model.run({"input": frame, "state": state, "sr": rate}, stop)
            state = results[self._state]
            found.append(float(results[self._speech][0, 0]))
        return found


def stretches(frames: Sequence[float], *, shortest_ms: int = 250, gap_ms: int = 100) -> list[Stretch]:
    """Stretches of speech: begun above one threshold, ended below a lower one; short gaps are bridged."""
    frame_ms = FRAME * 1_000 // RATE_HZ
    found: list[Stretch] = []
    begin: int | None = None
    for i, probability in enumerate((*frames, 0.0)):
        if begin is None and probability >= SPEECH_ABOVE:
            begin = i * frame_ms
        elif begin is not None and probability < SILENCE_BELOW:
            if found and begin - found[-1].end_ms <= gap_ms:
                begin = found.pop().begin_ms
            found.append(Stretch(begin, i * frame_ms))
            begin = None
    return [each for each in found if each.end_ms - each.begin_ms >= shortest_ms]


def read_wav(raw: bytes) -> Samples:
    """Mono samples of a WAV file of 16 bits at 16 kHz; channels are averaged. Raises BadTensor."""
    try:
        with wave.open(io.BytesIO(raw)) as file:
            channels, width, rate, count = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
                file.getnframes(),
            )
            if width != 2 or rate != RATE_HZ or not 1 <= channels <= 8 or not 1 <= count <= MAX_RECORDING_S * RATE_HZ:
                raise BadTensor(f"WAV files of 16 bits at {RATE_HZ} Hz of at most {MAX_RECORDING_S} s are read")
            content = file.readframes(count)
    except (wave.Error, EOFError, RuntimeError) as error:
        raise BadTensor(f"this is no WAV file: {error!s:.120}") from error
    samples = np.frombuffer(content[: len(content) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    if not len(samples):
        raise BadTensor("the WAV file holds no sound")
    return np.asarray(samples.mean(axis=1) / 32_768.0, np.float32)


def open_voice(bundle: Path, *, threads: int | None = None) -> VoiceModel:
    """Open a bundle folder after hashing it. Raises ModelError."""
    card = check_tensor_bundle(bundle)
    if card.kind != "voice-activity":
        raise BadModelFile(f"{card.name} is of kind {card.kind} and hears no voices")
    return VoiceModel(card, open_tensors(bundle / ONNX_FILE, threads=threads, prefer_cuda=False))
