"""Inbound streams: who may open how many, and what happens to them when a handler returns, raises or is cancelled.

Shared by both implementations of the network. Nothing a handler or a peer does may escape from here.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field

import trio

from p2p import limits
from p2p.api import Handler, Stream
from p2p.counters import Counters
from p2p.errors import P2PError

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Service:
    handler: Handler
    per_peer: int
    total: int
    open_by_peer: Counter[str] = field(default_factory=Counter)
    open_streams: int = 0

    def has_room(self, peer_id: str) -> bool:
        return self.open_streams < self.total and self.open_by_peer.get(peer_id, 0) < self.per_peer

    def admit(self, peer_id: str) -> bool:
        if not self.has_room(peer_id):
            return False
        self.open_streams += 1
        self.open_by_peer[peer_id] += 1
        return True

    def leave(self, peer_id: str) -> None:
        self.open_streams -= 1
        self.open_by_peer[peer_id] -= 1
        if not self.open_by_peer[peer_id]:
            del self.open_by_peer[peer_id]


class Services:
    """The protocols this node serves."""

    def __init__(self, counters: Counters) -> None:
        self._services: dict[str, _Service] = {}
        self._counters = counters

    def __contains__(self, protocol: str) -> bool:
        return protocol in self._services

    def protocols(self) -> list[str]:
        """The names of all protocols served."""
        return list(self._services)

    def add(self, protocol: str, handler: Handler, *, per_peer: int, total: int) -> None:
        """Serve `protocol`. Raises P2PError for a name or number over the bounds, or one served already."""
        if not protocol.startswith("/") or len(protocol.encode()) > limits.PROTOCOL_NAME_MAX_BYTES:
            raise P2PError(f"a protocol name starts with / and has at most {limits.PROTOCOL_NAME_MAX_BYTES} bytes")
        if protocol in self._services:
            raise P2PError(f"the protocol {protocol} is served already")
        if len(self._services) >= limits.PROTOCOLS_MAX:
            raise P2PError(f"at most {limits.PROTOCOLS_MAX} protocols can be served")
        self._services[protocol] = _Service(handler, per_peer, total)

    def has_room(self, protocol: str, peer_id: str) -> bool:
        """Whether one more stream of this peer would be admitted."""
        return self._services[protocol].has_room(peer_id)

    async def handle(self, protocol: str, stream: Stream) -> None:
        """Run the handler of `protocol` on `stream`; closes or resets it on every path."""
        service = self._services[protocol]
        peer_id = stream.peer_id
        if not service.admit(peer_id):
            self._counters.add("streams.refused.busy")
            await stream.reset()
            return
        self._counters.add("streams.in")
        try:
            await service.handler(stream)
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
            service.leave(peer_id)

    def _note_failure(self, protocol: str, peer_id: str, error: Exception) -> None:
        """A broken stream is daily life; any other error of a handler is worth a line with its traceback."""
        self._counters.add("streams.handler_failed")
        if isinstance(error, P2PError):
            _log.debug("stream %s of %s ended: %s", protocol, peer_id, error)
        else:
            _log.error("the handler of %s failed on a stream of %s", protocol, peer_id, exc_info=error)
