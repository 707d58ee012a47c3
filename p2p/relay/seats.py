"""Who has a place on this relay and which circuits run over it: pure bookkeeping, held to the bounds.

Nothing is dialled for anybody: a circuit ends only at a peer that asked for a place and is connected.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from p2p import limits


@dataclass(frozen=True, slots=True)
class Circuit:
    """One circuit: who asked for it, from which IP address, and whom it reaches."""

    source: str
    source_ip: str
    target: str


@dataclass(slots=True)
class _Place:
    ip: str
    until_s: float


class Seats:
    """Places by peer, and the circuits that run. `now_s` is monotonic everywhere."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._circuits: Counter[Circuit] = Counter()

    def reserve(self, peer_id: str, ip: str, now_s: float, is_connected: Callable[[str], bool]) -> bool:
        """Give a peer a place, or keep the one it has; False when there is no room for it."""
        for other in [p for p, place in self._places.items() if place.until_s <= now_s or not is_connected(p)]:
            del self._places[other]
        others = [place for other, place in self._places.items() if other != peer_id]
        same_ip = sum(place.ip == ip for place in others)
        if len(others) >= limits.RELAY_RESERVATIONS_MAX or same_ip >= limits.RELAY_RESERVATIONS_PER_IP:
            return False
        self._places[peer_id] = _Place(ip, now_s + limits.RELAY_RESERVATION_S)
        return True

    def has_place(self, peer_id: str, now_s: float) -> bool:
        """Whether a peer may be reached through us."""
        place = self._places.get(peer_id)
        return place is not None and now_s < place.until_s

    def clear(self) -> None:
        """Take back all places; the circuits that run go on."""
        self._places.clear()

    def enter(self, circuit: Circuit) -> bool:
        """Take room for one more circuit; False when the node or one of its ends has too many."""
        full = (
            self._circuits.total() >= limits.RELAY_CIRCUITS_MAX
            or self._of_peer(circuit.source) >= limits.RELAY_CIRCUITS_PER_PEER
            or self._of_peer(circuit.target) >= limits.RELAY_CIRCUITS_PER_PEER
            or self._of_ip(circuit.source_ip) >= limits.RELAY_CIRCUITS_PER_IP
        )
        if not full:
            self._circuits[circuit] += 1
        return not full

    def leave(self, circuit: Circuit) -> None:
        """Give the room back."""
        self._circuits[circuit] -= 1
        if self._circuits[circuit] <= 0:
            del self._circuits[circuit]

    def _of_peer(self, peer_id: str) -> int:
        return sum(n for circuit, n in self._circuits.items() if peer_id in (circuit.source, circuit.target))

    def _of_ip(self, ip: str) -> int:
        return sum(n for circuit, n in self._circuits.items() if circuit.source_ip == ip)
