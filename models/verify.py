"""The verdict on a claimed answer, from the verifier's own logits of one teacher-forced pass.

At each position the gap is how far, in logits, the claimed token lies below what the verifier would have drawn with the
same seed: 0 when it would have drawn the same. Another machine moves logits a little, so small gaps are allowed and
the edges of the nucleus are judged in the claim's favour; what is bounded is the largest gap, the share of bad ones and
their mean. Thresholds come with the model (see benchmarks/verification.py for how they were measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.bundle import Tolerance
from models.sampling import Logits, Sampling, candidates, gumbel_noise, penalise, top_p_floor

DEFAULT_TOLERANCE: Final = Tolerance(bad_gap=0.3, max_gap=2.0, max_share_bad=0.1, max_mean_gap=0.05, nucleus_slack=0.02)


class FinishReason(StrEnum):
    """Why an answer ended: end token drawn, max_tokens reached, or a stop string completed."""

    STOP = "stop"
    LENGTH = "length"
    STOP_STRING = "stop_string"


class Reason(StrEnum):
    """Stable code of a verdict; everything except OK is a refusal."""

    OK = "ok"
    BAD_TOKEN = "bad_token"  # an id outside the vocabulary, or the end token inside the answer
    TOO_LONG = "too_long"  # more than max_tokens, or more than the context holds
    WRONG_FINISH = "wrong_finish"  # the finish reason does not fit the tokens
    ENDED_EARLY = "ended_early"  # the end token was claimed where the model goes on
    TOO_UNLIKELY = "too_unlikely"  # one token lies further off than any honest machine puts it
    TOO_MANY_BAD = "too_many_bad"  # too large a share of tokens differs
    DRIFT = "drift"  # the mean gap is that of other weights or another sampler


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of checking one answer. Gaps are in logits: 0 means the verifier would have drawn the same token."""

    ok: bool
    reason: Reason
    tokens: int  # positions judged, the end token included
    share_bad: float
    max_gap: float
    mean_gap: float
    argmax_share: float  # share of positions with gap 0


def refused(reason: Reason) -> Verification:
    """A verdict that needed no run of the model."""
    return Verification(False, reason, 0, 1.0, float("inf"), float("inf"), 0.0)


def position_gap(
    logits: Logits, claimed: int, sampling: Sampling, position: int, answer: Sequence[int], slack: float
) -> float:
    """How far `claimed` is, in logits, from being drawn at `position`; `answer` holds the tokens before it."""
    penalised = penalise(logits, answer[:position], sampling.repetition_penalty)
    if sampling.temperature == 0.0:
        return float(penalised.max() - penalised[claimed])
    scaled = penalised / np.float32(sampling.temperature)
    ids = candidates(scaled, sampling.top_k)
    surely = ids[scaled[ids] >= top_p_floor(scaled[ids], max(sampling.top_p - slack, 0.0))]
    both = np.append(surely, claimed)
    noisy = scaled[both] + gumbel_noise(sampling.seed, position, scaled.size, both)
    outside = 0.0
    if sampling.top_p < 1.0 or sampling.top_k:
        outside = max(0.0, _edge(scaled, ids, sampling, slack) - float(scaled[claimed]))
    return max(float(noisy.max() - noisy[-1]), outside) * sampling.temperature


def _edge(scaled: Logits, ids: np.ndarray[tuple[int], np.dtype[np.intp]], sampling: Sampling, slack: float) -> float:
    """Lowest scaled logit that some honest machine might still keep."""
    if sampling.top_p + slack < 1.0:
        return top_p_floor(scaled[ids], sampling.top_p + slack)
    return float(scaled[ids].min())


def conclude(gaps: Sequence[float], ended: bool, tolerance: Tolerance) -> Verification:
    """Verdict over the gaps of all positions; with `ended` the last gap is that of the end token."""
    values = np.asarray(gaps, dtype=np.float64)
    share_bad = float((values > tolerance.bad_gap).mean())
    worst, mean = float(values.max()), float(values.mean())
    reason = Reason.OK
    if ended and values[-1] > tolerance.max_gap:
        reason = Reason.ENDED_EARLY
    elif worst > tolerance.max_gap:
        reason = Reason.TOO_UNLIKELY
    elif share_bad > tolerance.max_share_bad:
        reason = Reason.TOO_MANY_BAD
    elif mean > tolerance.max_mean_gap:
        reason = Reason.DRIFT
    exact = float((values == 0.0).mean())
    return Verification(reason is Reason.OK, reason, len(values), share_bad, worst, mean, exact)
