"""How likely a model found its tokens, as integers that travel: surprisal in ten-thousandths of a nat.

Taken from the raw logits, before penalty, temperature and form, so that it says what the weights said. A miner tells
the surprisal of each token of its answer: who has not run the very weights cannot know these numbers, and checks
compare them with the verifier's own.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from models.limits import MAX_SURPRISAL
from models.sampling import Logits
from models.token import Told

PER_NAT: Final = 10_000


def log_total(logits: Logits) -> float:
    """Logarithm of the sum of exponentials of logits [vocabulary]."""
    best = logits.max()
    return float(best) + float(np.log(np.exp(logits - best).sum(dtype=np.float64)))


def surprisal(logits: Logits, token: int, total: float) -> int:
    """Surprisal of one token; `total` is `log_total` of the same logits."""
    return _bounded(total - float(logits[token]))


def leaders(logits: Logits, count: int, total: float) -> tuple[tuple[int, int], ...]:
    """The `count` likeliest tokens with their surprisals, best first, ties to the lowest id."""
    count = min(count, logits.size)
    if count == 0:
        return ()
    edge = np.partition(logits, logits.size - count)[logits.size - count]
    ids = np.flatnonzero(logits >= edge)
    ids = ids[np.argsort(-logits[ids], kind="stable")][:count]
    return tuple((int(token), surprisal(logits, int(token), total)) for token in ids)


def told_error(logits: Logits, token: int, told: Told, index: int) -> float:
    """How far, in nats, the probabilities told at one place are from these logits: the worst of them."""
    total = log_total(logits)
    worst = abs(surprisal(logits, token, total) - told.surprisals[index])
    if told.leaders:
        own = leaders(logits, len(told.leaders[index]), total)
        for (there, claimed), (_, ranked) in zip(told.leaders[index], own, strict=False):
            if not 0 <= there < logits.size:
                return math.inf
            worst = max(worst, abs(surprisal(logits, there, total) - claimed), abs(ranked - claimed))
    return worst / PER_NAT


def _bounded(nats: float) -> int:
    return min(max(round(nats * PER_NAT), 0), MAX_SURPRISAL) if math.isfinite(nats) else MAX_SURPRISAL
