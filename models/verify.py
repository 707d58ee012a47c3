"""The verdict on a claimed answer, from the verifier's own logits of one teacher-forced pass.

At each position the gap is how far, in logits, the claimed token lies below what the verifier would have drawn with the
same seed: 0 when it would have drawn the same. Another machine moves logits a little, so small gaps are allowed and
the edges of the nucleus are judged in the claim's favour; bounded are the largest gap, the number of bad ones and their
sum. The two budgets have a fixed part, because one honest outlier must not condemn a short answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.bundle import Tolerance
from models.sampling import HEAD, Allowed, Ids, Logits, Sampling, candidates, gumbel_noise, penalise, permitted

LOGPROB_ERROR_MAX: Final = 1.0  # nats; one outlier must not decide over a whole answer

# The same for weights and activations in float32: single steps against one prefill differ by less than 0.001 logits.
FLOAT_TOLERANCE: Final = Tolerance(
    max_gap=0.05,
    bad_gap=0.01,
    bad_allowed=1.0,
    bad_per_token=0.005,
    sum_allowed=0.05,
    sum_per_token=0.001,
    edge_slack=0.01,
    logprob_mean=0.003,
    logprob_once=0.02,
)


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
    TOO_MANY_BAD = "too_many_bad"  # too many tokens differ
    BAD_FORM = "bad_form"  # a token that the form of the answer does not allow
    BAD_LOGPROBS = "bad_logprobs"  # the probabilities told are not those of the weights
    DRIFT = "drift"  # the gaps add up to those of other weights or another sampler


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
    logprob_error: float = 0.0  # mean distance, in nats, of the probabilities told; 0 when none were asked for


def refused(reason: Reason) -> Verification:
    """A verdict that needed no run of the model."""
    return Verification(False, reason, 0, 1.0, float("inf"), float("inf"), 0.0)


def position_gap(
    logits: Logits,
    claimed: int,
    sampling: Sampling,
    position: int,
    answer: Sequence[int],
    slack: float,
    allowed: Allowed | None = None,
) -> float:
    """How far `claimed` is, in logits, from being drawn at `position`; `answer` holds the tokens before it.

    Two things can be wrong: another token would have won, or the claimed one is outside top-k and top-p. `slack`, in
    logits, is how far tokens may have moved against each other: rivals count only when no such move could drop them.
    """
    if allowed is not None and not allowed[claimed]:
        return float("inf")
    penalised = penalise(permitted(logits, allowed), answer[:position], sampling.repetition_penalty)
    if sampling.temperature == 0.0:
        return float(penalised.max() - penalised[claimed])
    scaled = penalised / np.float32(sampling.temperature)
    rivals, edge = _edges(scaled, sampling, slack / sampling.temperature)
    both = np.append(rivals, claimed)
    noisy = scaled[both] + gumbel_noise(sampling.seed, position, scaled.size, both)
    beaten_by, outside_by = float(noisy.max() - noisy[-1]), edge - float(scaled[claimed])
    return max(beaten_by, outside_by, 0.0) * sampling.temperature


def _edges(scaled: Logits, sampling: Sampling, shift: float) -> tuple[Ids, float]:
    """Tokens that stay inside top-k and top-p after any move of up to `shift`, and the lowest value that may enter."""
    every = candidates(scaled, 0)
    if sampling.top_p >= 1.0 and sampling.top_k == 0:
        return every, -np.inf
    kept = min(sampling.top_k or len(every), len(every))
    best = float(scaled[every].max())
    for depth in (HEAD, np.inf):  # tokens far below the best hardly ever matter: sort them only if they do
        ids = every[scaled[every] >= best - depth]
        ids = ids[np.argsort(-scaled[ids], kind="stable")]
        values = scaled[ids].astype(np.float64)
        weights = np.exp(values - best)
        mass = np.cumsum(weights)
        solid = int(np.searchsorted(-values, depth - shift - best, side="right"))  # none left out comes near these
        if kept <= len(ids):
            whole = float(mass[kept - 1])
        else:
            whole = float(np.exp(scaled[every] - np.float32(best)).sum(dtype=np.float64))
        enough = solid > 0 and float(mass[solid - 1]) >= whole * _moved(sampling.top_p, shift)
        if len(ids) == len(every) or (enough and (kept <= solid or kept == len(every))):
            break
    rank = np.searchsorted(-values, shift - values, side="left")  # how many, itself included, may come before it
    before = mass[rank - 1] - weights
    surely = (rank <= kept) & (before < whole * _moved(sampling.top_p, -shift))
    last = min(kept - 1, len(ids) - 1, int(np.searchsorted(mass, whole * _moved(sampling.top_p, shift))))
    return ids[surely], float(values[last]) - shift


def _moved(top_p: float, shift: float) -> float:
    """The probability `top_p` after the tokens inside gained `shift` over those outside."""
    if top_p >= 1.0:
        return 1.0
    odds = top_p / (1.0 - top_p) * float(np.exp(shift))
    return odds / (1.0 + odds)


def conclude(gaps: Sequence[float], ended: bool, tolerance: Tolerance, errors: Sequence[float] = ()) -> Verification:
    """Verdict over the gaps of all positions; with `ended` the last gap is that of the end token.

    `errors` are the distances, in nats, of the probabilities told from the verifier's; none when none were told.
    """
    values = np.asarray(gaps, dtype=np.float64)
    count, worst, total = len(values), float(values.max()), float(values.sum())
    bad = int((values > tolerance.bad_gap).sum())
    error = float(np.minimum(np.asarray(errors, dtype=np.float64), LOGPROB_ERROR_MAX).mean()) if errors else 0.0
    reason = Reason.OK
    if ended and values[-1] > tolerance.max_gap:
        reason = Reason.ENDED_EARLY
    elif not worst <= tolerance.max_gap:  # this way round, a gap that is no number is refused too
        reason = Reason.TOO_UNLIKELY
    elif bad > tolerance.bad_allowed + tolerance.bad_per_token * count:
        reason = Reason.TOO_MANY_BAD
    elif total > tolerance.sum_allowed + tolerance.sum_per_token * count:
        reason = Reason.DRIFT
    elif not error <= tolerance.logprob_mean + tolerance.logprob_once / count:
        reason = Reason.BAD_LOGPROBS
    exact = float((values == 0.0).mean())
    return Verification(reason is Reason.OK, reason, count, bad / count, worst, total / count, exact, error)
