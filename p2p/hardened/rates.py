"""How fast one neighbour's gossip is read: a token bucket, by slowing the reader rather than by dropping.

The peer's own queue then fills and drops, so a flooder pays and everybody else keeps their share of our processor.
"""

from p2p import limits


class GossipRate:
    """Two buckets, messages and bytes, refilled with time; `now_s` is monotonic."""

    __slots__ = ("_at_s", "_bytes", "_messages")

    def __init__(self, now_s: float) -> None:
        self._at_s = now_s
        self._messages = limits.PEER_MESSAGES_BURST
        self._bytes = limits.PEER_GOSSIP_BURST_BYTES

    def take(self, messages: int, size_bytes: int, now_s: float) -> float:
        """Charge for what was read; the seconds to wait before reading on (0 for none)."""
        elapsed_s = now_s - self._at_s
        self._at_s = now_s
        self._messages = min(
            limits.PEER_MESSAGES_BURST, self._messages + elapsed_s * limits.PEER_MESSAGES_PER_S - messages
        )
        self._bytes = min(
            limits.PEER_GOSSIP_BURST_BYTES, self._bytes + elapsed_s * limits.PEER_GOSSIP_BYTES_PER_S - size_bytes
        )
        return max(0.0, -self._messages / limits.PEER_MESSAGES_PER_S, -self._bytes / limits.PEER_GOSSIP_BYTES_PER_S)
