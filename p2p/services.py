"""Inbound streams: who may open how many, and what happens to them when a handler returns, raises or is cancelled.

When every place of a protocol is taken, a peer with fewer streams gets the place of one that holds more: whoever hoards
places, and says nothing, keeps nobody else out. Shared by both implementations of the network. Nothing a handler or a
peer does may escape from here.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field

import trio

from p2p import limits
from p2p.api import Handler, Stream
from p2p.counters import Counters
from p2p.credit import CreditStream, Spawn
from p2p.errors import P2PError

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Place:
    """One stream being served."""

    peer_id: str
    since_s: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


@dataclass(slots=True)
class _Service:
    handler: Handler
    per_peer: int
    total: int
    with_credit: bool = False
    open_by_peer: Counter[str] = field(default_factory=Counter)
    places: dict[_Place, None] = field(default_factory=dict)

    @property
    def open_streams(self) -> int:
        return len(self.places)

    def has_room(self, peer_id: str) -> bool:
        if self.open_by_peer.get(peer_id, 0) >= self.per_peer:
            return False
        return len(self.places) < self.total or self._hoarded(peer_id, trio.current_time()) is not None

    def admit(self, peer_id: str) -> _Place | None:
        """Take a place, if need be one that somebody hoards; None when there is none."""
        now_s = trio.current_time()
        if self.open_by_peer.get(peer_id, 0) >= self.per_peer:
            return None
        if len(self.places) >= self.total:
            hoarded = self._hoarded(peer_id, now_s)
            if hoarded is None:
                return None
            self.leave(hoarded)
            hoarded.scope.cancel()
        place = _Place(peer_id, now_s)
        self.places[place] = None
        self.open_by_peer[peer_id] += 1
        return place

    def leave(self, place: _Place) -> None:
        """Give a place back; nothing when it was taken away."""
        if place not in self.places:
            return
        del self.places[place]
        self.open_by_peer[place.peer_id] -= 1
        if not self.open_by_peer[place.peer_id]:
            del self.open_by_peer[place.peer_id]

    def _hoarded(self, peer_id: str, now_s: float) -> _Place | None:
        """The oldest place of the peer that holds most, if more than `peer_id` would have; not one just taken."""
        holder, held = max(self.open_by_peer.items(), key=lambda each: each[1])
        if held <= self.open_by_peer.get(peer_id, 0) + 1:
            return None
        oldest = next(place for place in self.places if place.peer_id == holder)
        return oldest if now_s - oldest.since_s >= limits.PLACE_KEPT_S else None


class Services:
    """The protocols this node serves."""

    def __init__(self, counters: Counters, spawn: Spawn) -> None:
        self._services: dict[str, _Service] = {}
        self._spawn = spawn
        self._counters = counters

    def __contains__(self, protocol: str) -> bool:
        return protocol in self._services

    def protocols(self) -> list[str]:
        """The names of all protocols served."""
        return list(self._services)

    def add(self, protocol: str, handler: Handler, *, per_peer: int, total: int, with_credit: bool = False) -> None:
        """Serve `protocol`. Raises P2PError for a name or number over the bounds, or one served already."""
        if not protocol.startswith("/") or len(protocol.encode()) > limits.PROTOCOL_NAME_MAX_BYTES:
            raise P2PError(f"a protocol name starts with / and has at most {limits.PROTOCOL_NAME_MAX_BYTES} bytes")
        if protocol in self._services:
            raise P2PError(f"the protocol {protocol} is served already")
        if len(self._services) >= limits.PROTOCOLS_MAX:
            raise P2PError(f"at most {limits.PROTOCOLS_MAX} protocols can be served")
        self._services[protocol] = _Service(handler, per_peer, total, with_credit)

    def has_room(self, protocol: str, peer_id: str) -> bool:
        """Whether one more stream of this peer would be admitted."""
        return self._services[protocol].has_room(peer_id)

    async def handle(self, protocol: str, stream: Stream) -> None:
        """Run the handler of `protocol` on `stream`; closes or resets it on every path."""
        service = self._services[protocol]
        if service.with_credit:
            stream = CreditStream(stream, self._spawn)
        peer_id = stream.peer_id
        place = service.admit(peer_id)
        if place is None:
            self._counters.add("streams.refused.busy")
            await stream.reset()
            return
        self._counters.add("streams.in")
        try:
            with place.scope:
                await service.handler(stream)
            if place.scope.cancelled_caught:
                self._counters.add("streams.given_to_others")
                await stream.reset()
                return
        except Exception as error:
            self._note_failure(protocol, peer_id, error)
            await stream.reset()
        except BaseException:
            with trio.CancelScope(shield=True):
                await stream.reset()
            raise
        else:
            await stream.aclose()
        finally:
            service.leave(place)

    def _note_failure(self, protocol: str, peer_id: str, error: Exception) -> None:
        """A broken stream is daily life; any other error of a handler is worth a line with its traceback."""
        self._counters.add("streams.handler_failed")
        if _is_daily_life(error):
            _log.debug("stream %s of %s ended: %s", protocol, peer_id, error)
        else:
            _log.error("the handler of %s failed on a stream of %s", protocol, peer_id, exc_info=error)


def _is_daily_life(error: Exception) -> bool:
    """Whether nothing but failures of the network, or a peer's silence, ended a handler, its own tasks included."""
    if isinstance(error, ExceptionGroup):
        return error.split((P2PError, trio.TooSlowError))[1] is None
    return isinstance(error, P2PError | trio.TooSlowError)
