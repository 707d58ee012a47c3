"""Seeded sampling: the token at a position follows from logits, parameters and seed alone, so that others can check it.

Order, fixed: what the form of the answer forbids here is minus infinity; repetition penalty on the tokens of the
answer so far; division by the temperature; tokens more than TAIL below the best are dropped; top-k; top-p; then the
highest sum of scaled logit and Gumbel noise wins. Noise of (seed, position, token) comes from the counter-based Philox
4x64-10 generator; adding it and taking the maximum draws exactly from the softmax. Temperature 0 is the plain maximum.
Ties go to the lowest id. No clock, no other randomness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadSampling
from models.grammar import grammar_of
from models.limits import (
    MAX_ANSWER_TOKENS,
    MAX_REPETITION_PENALTY,
    MAX_STOP_CHARS,
    MAX_STOP_STRINGS,
    MAX_TEMPERATURE,
    MAX_TOP_LOGPROBS,
    MIN_TEMPERATURE,
    MIN_TOP_P,
    SEED_BYTES,
)

Logits = NDArray[np.float32]
Ids = NDArray[np.intp]
Allowed = NDArray[np.bool_]  # [vocabulary]

TAIL: Final = 25.0  # scaled logits; half a million tokens that far below the best weigh less than 1e-5 together
HEAD: Final = 12.0  # scaled logits; the nucleus is looked for among tokens this near to the best, then among all
_FEW: Final = 64  # up to here noise is made token by token, beyond for the whole vocabulary at once: what is faster
_BLOCK: Final = 4  # words of 64 bits that one count of Philox 4x64 yields


@dataclass(frozen=True, slots=True)
class Sampling:
    """Everything besides prompt and weights that decides an answer. Raises BadSampling when out of range."""

    seed: bytes  # 32 bytes; a caller binds task and answerer into it, so that a copied answer is a wrong one
    temperature: float = 0.7  # 0, or 0.01 to 2
    top_p: float = 0.9  # 0.01 to 1
    top_k: int = 0  # 0 = off
    repetition_penalty: float = 1.0  # 1 to 2; 1 = off; counts tokens of the answer, not of the prompt
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    form: str = ""  # "" free text, "json" any JSON object, else the text of a JSON schema (models.schema)
    top_logprobs: int = 0  # likeliest tokens told with each token, 0 to 20; does not change the answer

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BadSampling(f"seed has {len(self.seed)} bytes; give exactly {SEED_BYTES}")
        if self.temperature != 0.0 and not MIN_TEMPERATURE <= self.temperature <= MAX_TEMPERATURE:
            raise BadSampling(f"temperature must be 0 or between {MIN_TEMPERATURE} and {MAX_TEMPERATURE}")
        if not MIN_TOP_P <= self.top_p <= 1.0:
            raise BadSampling(f"top_p must be between {MIN_TOP_P} and 1")
        if self.top_k < 0:
            raise BadSampling("top_k must be 0 (off) or positive")
        if not 1.0 <= self.repetition_penalty <= MAX_REPETITION_PENALTY:
            raise BadSampling(f"repetition_penalty must be between 1 and {MAX_REPETITION_PENALTY}")
        if not 1 <= self.max_tokens <= MAX_ANSWER_TOKENS:
            raise BadSampling(f"max_tokens must be between 1 and {MAX_ANSWER_TOKENS}")
        if len(self.stop) > MAX_STOP_STRINGS:
            raise BadSampling(f"at most {MAX_STOP_STRINGS} stop strings are allowed")
        if any(not 1 <= len(s) <= MAX_STOP_CHARS for s in self.stop):
            raise BadSampling(f"a stop string must have 1 to {MAX_STOP_CHARS} characters")
        if not 0 <= self.top_logprobs <= MAX_TOP_LOGPROBS:
            raise BadSampling(f"top_logprobs must be between 0 and {MAX_TOP_LOGPROBS}")
        if self.form:
            grammar_of(self.form)


def gumbel_noise(seed: bytes, position: int, vocabulary: int, ids: Ids) -> NDArray[np.float64]:
    """Gumbel(0, 1) noise of the tokens `ids` at one answer position."""
    words = np.frombuffer(seed, dtype="<u8")
    counter = np.array([0, position, words[2], words[3]], dtype=np.uint64)
    source = np.random.Philox(key=words[:2], counter=counter)
    raw = source.random_raw(vocabulary)[ids] if len(ids) > _FEW else _words_at(source, ids)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # open interval: log never sees 0 or 1
    noise: NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise


def _words_at(source: np.random.Philox, ids: Ids) -> NDArray[np.uint64]:
    """The words of the stream at the places `ids`, skipping what lies between."""
    out = np.empty(len(ids), np.uint64)
    block, words, following = -1, np.empty(_BLOCK, np.uint64), 0
    for index in np.argsort(ids, kind="stable").tolist():
        wanted, offset = divmod(int(ids[index]), _BLOCK)
        if wanted != block:
            source.advance(wanted - following)
            block, words, following = wanted, source.random_raw(_BLOCK), wanted + 1
        out[index] = words[offset]
    return out


def penalise(logits: Logits, answer: Sequence[int], penalty: float) -> Logits:
    """Logits after the repetition penalty for the tokens of `answer`; the input itself when the penalty is off."""
    if penalty == 1.0 or not answer:
        return logits
    out = logits.copy()
    seen = np.unique(np.asarray(answer, dtype=np.intp))
    values = out[seen]
    out[seen] = np.where(values > 0, values / np.float32(penalty), values * np.float32(penalty))
    return out


def top_k_floor(values: Logits, top_k: int) -> float:
    """Lowest value that top-k keeps; equals at the edge are all kept."""
    if top_k == 0 or top_k >= values.size:
        return -np.inf
    return float(np.partition(values, values.size - top_k)[values.size - top_k])


def top_p_floor(values: Logits, top_p: float) -> float:
    """Lowest value of the smallest set, best first, whose softmax probability reaches `top_p`."""
    if top_p >= 1.0:
        return -np.inf
    best = values.max()
    total = float(np.exp(values - best).sum(dtype=np.float64))
    for near in (values[values >= best - np.float32(HEAD)], values):
        descending = np.sort(near)[::-1]
        mass = np.cumsum(np.exp(descending - best), dtype=np.float64)
        if mass[-1] >= top_p * total:
            break
    last = int(np.searchsorted(mass, top_p * total))
    return float(descending[min(last, descending.size - 1)])


def candidates(scaled: Logits, top_k: int) -> Ids:
    """Ascending ids that survive the tail cut and top-k."""
    ids = np.flatnonzero(scaled >= scaled.max() - np.float32(TAIL))
    values = scaled[ids]
    return ids[values >= top_k_floor(values, top_k)]


def permitted(logits: Logits, allowed: Allowed | None) -> Logits:
    """Logits with minus infinity where the answer's form allows no token; the input itself for free text."""
    return logits if allowed is None else np.where(allowed, logits, np.float32(-np.inf))


def choose(
    logits: Logits, sampling: Sampling, position: int, answer: Sequence[int], allowed: Allowed | None = None
) -> int:
    """Token id at answer position `position`, given raw logits [vocabulary] and the answer's tokens before it.

    `allowed` says which tokens the answer's form leaves, at least one; None for free text.
    """
    penalised = penalise(permitted(logits, allowed), answer, sampling.repetition_penalty)
    if sampling.temperature == 0.0:
        return int(np.argmax(penalised))
    scaled = penalised / np.float32(sampling.temperature)
    ids = candidates(scaled, sampling.top_k)
    ids = ids[scaled[ids] >= top_p_floor(scaled[ids], sampling.top_p)]
    noisy = scaled[ids] + gumbel_noise(sampling.seed, position, scaled.size, ids)
    return int(ids[np.argmax(noisy)])
