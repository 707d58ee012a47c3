"""What we think of peers: penalties that fade, and bans with an end.

Times come in as parameters, so the rules can be tested without waiting. Keys are peer ids only: addresses are shared by
honest neighbours behind one router.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from p2p import limits


@dataclass(frozen=True, slots=True)
class _Score:
    value: float
    at_s: float

    def now(self, now_s: float) -> float:
        return self.value * math.exp2(-(now_s - self.at_s) / limits.SCORE_HALF_LIFE_S)


class Reputation:
    """Scores (0 is neutral, lower is worse) and bans by peer id; `now_s` is monotonic everywhere."""

    def __init__(self) -> None:
        self._scores: dict[str, _Score] = {}
        self._banned_until_s: dict[str, float] = {}

    def score(self, peer_id: str, now_s: float) -> float:
        """The faded score of a peer."""
        known = self._scores.get(peer_id)
        return 0.0 if known is None else known.now(now_s)

    def penalise(self, peer_id: str, points: float, now_s: float) -> bool:
        """Take `points` from a peer. True when this bans it."""
        value = self.score(peer_id, now_s) - max(points, 0.0)
        self._scores.pop(peer_id, None)
        if value < limits.BAN_SCORE:
            self.ban(peer_id, now_s + limits.BAN_S)
            return True
        self._scores[peer_id] = _Score(value, now_s)
        if len(self._scores) > limits.SCORES_MAX:
            del self._scores[next(iter(self._scores))]
        return False

    def ban(self, peer_id: str, until_s: float) -> None:
        """Ban a peer until `until_s`."""
        self._banned_until_s[peer_id] = until_s
        if len(self._banned_until_s) > limits.BANS_MAX:
            del self._banned_until_s[min(self._banned_until_s, key=self._banned_until_s.__getitem__)]

    def is_banned(self, peer_id: str, now_s: float) -> bool:
        """Whether a peer is banned now."""
        until_s = self._banned_until_s.get(peer_id)
        if until_s is None:
            return False
        if until_s <= now_s:
            del self._banned_until_s[peer_id]
            return False
        return True

    def bans(self, now_s: float) -> Mapping[str, float]:
        """Remaining seconds of every ban in force."""
        return {peer: until_s - now_s for peer, until_s in self._banned_until_s.items() if until_s > now_s}
