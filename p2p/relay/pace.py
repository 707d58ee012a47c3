"""How often each peer may ask for something: a token bucket each, of a bounded number of peers."""

from collections import OrderedDict

from p2p import limits


class Pace:
    """So many questions a minute and peer, all at once if it likes. `now_s` is monotonic."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = float(per_minute)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, peer_id: str, now_s: float) -> bool:
        """Whether to answer this peer now; charges for it when so."""
        level, at_s = self._levels.pop(peer_id, (self._per_minute, now_s))
        level = min(self._per_minute, level + (now_s - at_s) * self._per_minute / 60.0)
        is_admitted = level >= 1.0
        self._levels[peer_id] = (level - is_admitted, now_s)
        if len(self._levels) > limits.RELAY_PEERS_REMEMBERED_MAX:
            self._levels.popitem(last=False)
        return is_admitted
