"""The verdict on a claimed answer, and its reasons. The rule itself is documented at `judge_answer`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FinishReason(StrEnum):
    """Why an answer ended: end token drawn, max_tokens reached, or a stop string completed."""

    STOP = "stop"
    LENGTH = "length"
    STOP_STRING = "stop_string"


class Reason(StrEnum):
    """Stable code of a verdict; everything except OK is a refusal."""

    OK = "ok"
    EMPTY = "empty"  # no tokens although the end token was not due
    BAD_TOKEN = "bad_token"  # an id outside the vocabulary, or the end token inside the answer
    TOO_LONG = "too_long"  # more than max_tokens
    ENDED_EARLY = "ended_early"  # finish reason does not fit the answer
    TOO_UNLIKELY = "too_unlikely"  # one token lies further from the reference than any honest machine puts it
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
    argmax_share: float  # share of positions where the verifier draws exactly the claimed token
