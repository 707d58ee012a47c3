"""The verdict on an answer whose draws nobody can repeat: how likely the verifier's model finds each token.

For engines without seeded decoding. It says no more than "plausible": a sibling of the model passes more easily than
under the rule of `models.verify`, so such answers are paid less. An answer fails when one token is next to impossible,
when several are unlikely, when too many stand far down in the order, or when it is told to end where the model goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.logprobs import log_total
from models.sampling import Allowed, Logits, Sampling, permitted
from models.verify import LOGPROB_ERROR_MAX, Reason, Verification

IMPOSSIBLE: Final = 13.0  # nats of surprisal; one such token is enough
UNLIKELY: Final = 8.0  # nats; half a percent of honest tokens at temperature 1 lie beyond
UNLIKELY_ALLOWED: Final = 4
RANK_COLD: Final = 10  # places in the order that a token may stand at a temperature up to COLD
COLD: Final = 0.5
RANK_GROWTH: Final = 120.0  # further places a unit of temperature above that
RANKED_ALLOWED: Final = 5  # tokens beyond their place
RANKED_SHARE: Final = 0.1  # or this share of a long answer
TOLD_ERROR: Final = 0.25  # nats, in the mean: engines differ in kernels and weights of the same model in rounding


class Plausibility:
    """One answer, token by token. Not thread-safe."""

    def __init__(self, sampling: Sampling) -> None:
        warm = max(0.0, sampling.temperature - COLD)
        self._rank_allowed = RANK_COLD + RANK_GROWTH * warm
        self._surprises: list[float] = []
        self._ranked = 0

    def add(self, logits: Logits, token: int, allowed: Allowed | None) -> None:
        """Take one place: the verifier's logits [vocabulary] and the token claimed."""
        likely = permitted(logits, allowed)
        self._surprises.append(log_total(likely) - float(likely[token]))
        self._ranked += int((likely > likely[token]).sum()) > self._rank_allowed

    def conclude(self, ended: bool, errors: Sequence[float]) -> Verification:
        """The verdict; with `ended` the last token is the end token. `errors` as in `models.verify.conclude`."""
        values = np.asarray(self._surprises, np.float64)
        count, worst = len(values), float(values.max())
        unlikely = int((values > UNLIKELY).sum())
        error = float(np.minimum(np.asarray(errors, np.float64), LOGPROB_ERROR_MAX).mean()) if errors else 0.0
        reason = Reason.OK
        if ended and not values[-1] <= IMPOSSIBLE:
            reason = Reason.ENDED_EARLY
        elif not worst <= IMPOSSIBLE:
            reason = Reason.TOO_UNLIKELY
        elif unlikely > UNLIKELY_ALLOWED:
            reason = Reason.TOO_MANY_BAD
        elif self._ranked > max(RANKED_ALLOWED, RANKED_SHARE * count):
            reason = Reason.DRIFT
        elif not error <= TOLD_ERROR:
            reason = Reason.BAD_LOGPROBS
        mean = float(values.mean())
        return Verification(reason is Reason.OK, reason, count, unlikely / count, worst, mean, 0.0, error)
