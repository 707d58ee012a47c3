"""What we think of peers: penalties that fade, and bans with an end.

Times come in as parameters, so the rules can be tested without waiting. Keys are peer ids only: addresses are shared by
honest neighbours behind one router.
"""

import math
from collections import deque
from dataclasses import dataclass

from p2p import limits
from p2p.addresses import check_peer_id
from p2p.api import Ban, Mark
from p2p.errors import AddressError, BannedError, P2PError


@dataclass(frozen=True, slots=True)
class _Score:
    value: float
    at_s: float

    def now(self, now_s: float) -> float:
        return self.value * math.exp2(-(now_s - self.at_s) / limits.SCORE_HALF_LIFE_S)


@dataclass(frozen=True, slots=True)
class _Banned:
    until_s: float
    reason: str


class Reputation:
    """Scores (0 is neutral, lower is worse) and bans by peer id; `now_s` is monotonic everywhere."""

    def __init__(self) -> None:
        self._scores: dict[str, _Score] = {}
        self._banned: dict[str, _Banned] = {}
        self._marks: dict[str, deque[Mark]] = {}

    def score(self, peer_id: str, now_s: float) -> float:
        """The faded score of a peer."""
        known = self._scores.get(peer_id)
        return 0.0 if known is None else known.now(now_s)

    def penalise(self, peer_id: str, points: float, now_s: float, reason: str = "") -> bool:
        """Take `points` from a peer. True when this bans it, for `reason`."""
        value = self.score(peer_id, now_s) - max(points, 0.0)
        self._note(peer_id, Mark(points, now_s, reason[: limits.BAN_REASON_MAX_CHARS]))
        self._scores.pop(peer_id, None)
        if value < limits.BAN_SCORE:
            self.ban(peer_id, now_s + limits.BAN_S, reason)
            return True
        self._scores[peer_id] = _Score(value, now_s)
        if len(self._scores) > limits.SCORES_MAX:
            del self._scores[next(iter(self._scores))]
        return False

    def marks(self, peer_id: str) -> tuple[Mark, ...]:
        """What was taken from a peer last, newest first."""
        return tuple(reversed(self._marks.get(peer_id, ())))

    def _note(self, peer_id: str, mark: Mark) -> None:
        marks = self._marks.pop(peer_id, None) or deque(maxlen=limits.MARKS_KEPT)
        marks.append(mark)
        self._marks[peer_id] = marks
        if len(self._marks) > limits.MARKED_PEERS_MAX:
            del self._marks[next(iter(self._marks))]

    def ban(self, peer_id: str, until_s: float, reason: str = "") -> None:
        """Ban a peer until `until_s`, instead of any earlier ban; its score starts afresh."""
        self._scores.pop(peer_id, None)
        self._banned[peer_id] = _Banned(until_s, reason[: limits.BAN_REASON_MAX_CHARS])
        if len(self._banned) > limits.BANS_MAX:
            del self._banned[min(self._banned, key=lambda each: self._banned[each].until_s)]

    def unban(self, peer_id: str, now_s: float) -> bool:
        """Lift a ban; False when none is in force."""
        was_banned = self.is_banned(peer_id, now_s)
        self._banned.pop(peer_id, None)
        return was_banned

    def is_banned(self, peer_id: str, now_s: float) -> bool:
        """Whether a peer is banned now."""
        return self.ban_of(peer_id, now_s) is not None

    def ban_of(self, peer_id: str, now_s: float) -> Ban | None:
        """The ban of a peer, None when none is in force."""
        banned = self._banned.get(peer_id)
        if banned is None:
            return None
        if banned.until_s <= now_s:
            del self._banned[peer_id]
            return None
        return Ban(peer_id, banned.until_s - now_s, banned.reason)

    def bans(self, now_s: float) -> tuple[Ban, ...]:
        """Every ban in force, the ones that end first in front."""
        in_force = (self.ban_of(peer_id, now_s) for peer_id in tuple(self._banned))
        return tuple(sorted((ban for ban in in_force if ban is not None), key=lambda ban: ban.remaining_s))


def check_ban(peer_id: str, own_peer_id: str, duration_s: float) -> None:
    """Refuse a ban that nobody can mean. Raises AddressError or P2PError."""
    if check_peer_id(peer_id) == own_peer_id:
        raise AddressError("this is the id of this node itself; ban another")
    if not limits.BAN_MIN_S <= duration_s <= limits.BAN_MAX_S:
        raise P2PError(f"a ban lasts {limits.BAN_MIN_S:g} s to {limits.BAN_MAX_S / 86_400:g} days")


def banned_error(ban: Ban) -> BannedError:
    """What somebody is told who wants to talk to a banned peer."""
    why = f": {ban.reason}" if ban.reason else ""
    return BannedError(
        f"{ban.peer_id} is banned for another {ban.remaining_s / 60:.0f} minutes{why}; `neurond peers unban` lifts it"
    )
