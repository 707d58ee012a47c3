"""Who may come in how often, before it is known who it is, and how much one connection may cost once it is known.

Peer ids cost nothing, addresses do: a handshake takes milliseconds of processor, so one IP address gets only so many a
second, and every peer banned from there costs it some. Times come in as parameters.
"""

from collections import OrderedDict
from dataclasses import dataclass

from p2p import limits


@dataclass(slots=True)
class _Level:
    tokens: float
    at_s: float


class Rates:
    """Token buckets by key, the ones used longest ago forgotten first; `now_s` is monotonic."""

    __slots__ = ("_burst", "_keys_max", "_levels", "_per_s")

    def __init__(self, per_s: float, burst: float, keys_max: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._keys_max = keys_max
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, key: str, now_s: float, tokens: float = 1.0) -> bool:
        """Take tokens if they are there."""
        level = self._level(key, now_s)
        if level.tokens < tokens:
            return False
        level.tokens -= tokens
        return True

    def charge(self, key: str, now_s: float, tokens: float) -> float:
        """Take tokens whether they are there or not; the seconds until the debt is paid (0 without one)."""
        level = self._level(key, now_s)
        level.tokens = max(level.tokens - tokens, -self._burst)
        return max(0.0, -level.tokens / self._per_s)

    def forget(self, key: str) -> None:
        """Start afresh with a key."""
        self._levels.pop(key, None)

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, key: str, now_s: float) -> _Level:
        level = self._levels.pop(key, None)
        if level is None:
            level = _Level(self._burst, now_s)
            if len(self._levels) >= self._keys_max:
                self._levels.popitem(last=False)
        level.tokens = min(self._burst, level.tokens + (now_s - level.at_s) * self._per_s)
        level.at_s = now_s
        self._levels[key] = level
        return level


def arrivals() -> Rates:
    """Inbound connections by IP address."""
    return Rates(limits.ARRIVALS_PER_IP_PER_S, limits.ARRIVALS_PER_IP_BURST, limits.RATES_REMEMBERED_MAX)


def asks(per_minute: int) -> Rates:
    """Questions of one kind by peer: so many a minute, all at once if it likes."""
    return Rates(per_minute / 60.0, float(per_minute), limits.RELAY_PEERS_REMEMBERED_MAX)


def openings() -> Rates:
    """Streams opened by a peer."""
    return Rates(limits.PEER_STREAMS_PER_S, limits.PEER_STREAMS_BURST, limits.RATES_REMEMBERED_MAX)


def wasted() -> Rates:
    """Streams that a peer opened and ended before they had a protocol."""
    return Rates(limits.PEER_WASTED_STREAMS_PER_S, limits.PEER_WASTED_STREAMS_BURST, limits.RATES_REMEMBERED_MAX)
