"""How fast one neighbour's gossip is read, and how much of each priority is judged.

Reading is slowed rather than dropped: the peer's own queue then fills and drops, so a flooder pays. What was read is
dropped unjudged beyond the budget of its priority: waiting there would hold up the votes behind it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from p2p import limits
from p2p.api import Priority

_ROUNDING: Final = 1e-6
"""A debt this small is an error of arithmetic: no clock shows the wait for it."""


class TokenBucket:
    """`burst` tokens, refilled at `per_s`; whoever takes more than there is leaves a debt. `now_s` is monotonic."""

    __slots__ = ("_at_s", "_burst", "_level", "_per_s")

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level = burst
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """The seconds until the debt is paid; 0 while there is none."""
        self._refill(now_s)
        return -self._level / self._per_s if self._level < -_ROUNDING else 0.0

    def charge(self, tokens: float, now_s: float) -> None:
        """Take tokens, into debt if need be."""
        self._refill(now_s)
        self._level -= tokens

    def take(self, tokens: float, now_s: float) -> bool:
        """Take tokens unless there are none left; the last ones may pay for more than they are worth."""
        self._refill(now_s)
        if self._level <= 0:
            return False
        self._level -= tokens
        return True

    def _refill(self, now_s: float) -> None:
        self._level = min(self._burst, self._level + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s


class GossipRate:
    """How fast one neighbour's frames are read, by number and by bytes."""

    __slots__ = ("_bytes", "_messages")

    def __init__(self, now_s: float) -> None:
        self._messages = TokenBucket(limits.PEER_MESSAGES_PER_S, limits.PEER_MESSAGES_BURST, now_s)
        self._bytes = TokenBucket(limits.PEER_GOSSIP_BYTES_PER_S, limits.PEER_GOSSIP_BURST_BYTES, now_s)

    def take(self, messages: int, size_bytes: int, now_s: float) -> float:
        """Charge for what was read; the seconds to wait before reading on (0 for none)."""
        self._messages.charge(messages, now_s)
        self._bytes.charge(size_bytes, now_s)
        return max(self._messages.wait_s(now_s), self._bytes.wait_s(now_s))


class JudgeBudget:
    """How many messages this node judges: every neighbour has a share of its own, beyond it all draw on a common one.

    Each priority has its own budget, so that no flood of one takes anything from another, and each neighbour its own
    share, so that none takes everything from the others.
    """

    __slots__ = ("_common", "_own")

    def __init__(self, now_s: float) -> None:
        self._common: Mapping[Priority, TokenBucket] = {
            priority: TokenBucket(per_s, limits.JUDGED_BURST_S * per_s, now_s) for priority, per_s in _JUDGED.items()
        }
        self._own: OrderedDict[str, Mapping[Priority, TokenBucket]] = OrderedDict()

    def take(self, peer_id: str, priority: Priority, size_bytes: int, now_s: float) -> bool:
        """Charge for one message; False when it is not to be judged."""
        own = self._own.get(peer_id)
        if own is None:
            own = self._own[peer_id] = _own_shares(now_s)
            if len(self._own) > limits.PEER_RATES_MAX:
                self._own.popitem(last=False)
        units = work_units(size_bytes)
        return own[priority].take(units, now_s) or self._common[priority].take(units, now_s)


_JUDGED: Final = {
    Priority.HIGH: limits.JUDGED_HIGH_PER_S,
    Priority.NORMAL: limits.JUDGED_NORMAL_PER_S,
    Priority.LOW: limits.JUDGED_LOW_PER_S,
}


def _own_shares(now_s: float) -> Mapping[Priority, TokenBucket]:
    return {
        priority: TokenBucket(per_s / limits.JUDGED_SHARES, limits.JUDGED_BURST_S * per_s / limits.JUDGED_SHARES, now_s)
        for priority, per_s in _JUDGED.items()
    }


def work_units(size_bytes: int) -> int:
    """What a message costs, in messages of the smallest size."""
    return 1 + size_bytes // limits.WORK_UNIT_BYTES
