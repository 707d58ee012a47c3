"""How far this machine's clock is from its peers': each is asked for its time, the median of the answers counts.

A block belongs to a slot of time, so a clock that is wrong by more than a slot makes a node useless. One peer's word
proves nothing; the median holds while most peers are honest. Nothing here ever sets a clock or touches consensus.
"""

from dataclasses import dataclass
from statistics import median
from typing import Final

import msgspec
import trio

from node.service.chain import now_ms
from p2p import Network, P2PError, Stream

PROTOCOL: Final = "/neurond/time/1"
PEERS_ASKED_MAX: Final = 7  # more add nothing to a median that is off by milliseconds
TIMEOUT_S: Final = 3.0
_QUESTION: Final = b"time"
_BYTES_MAX: Final = 64
_ROUND_TRIP_MAX_MS: Final = 2000  # half of it is the error of one answer


class _Time(msgspec.Struct, frozen=True):
    unix_ms: int


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far this clock is ahead, as `peers` of the others say; `spread_ms` is how much their answers differ."""

    offset_ms: float
    spread_ms: float
    peers: int


def serve_time(network: Network) -> None:
    """Tell the time to whoever asks."""

    async def answer(stream: Stream) -> None:
        with trio.move_on_after(TIMEOUT_S):
            await stream.receive(_BYTES_MAX)
            await stream.send(msgspec.json.encode(_Time(now_ms())))
            return await stream.close_write()
        await stream.reset()

    network.serve(PROTOCOL, answer, per_peer=2)


async def clock_offset(network: Network) -> ClockOffset | None:
    """Ask up to seven peers within TIMEOUT_S; None when nobody answered."""
    offsets_ms: list[float] = []
    async with trio.open_nursery() as nursery:
        for peer in network.peers()[:PEERS_ASKED_MAX]:
            nursery.start_soon(_ask, network, peer.peer_id, offsets_ms)
    if not offsets_ms:
        return None
    return ClockOffset(median(offsets_ms), max(offsets_ms) - min(offsets_ms), len(offsets_ms))


async def _ask(network: Network, peer_id: str, offsets_ms: list[float]) -> None:
    """Add what our clock is ahead by, halfway between question and answer; the second of two questions counts."""
    with trio.move_on_after(TIMEOUT_S):
        try:
            await network.ping(peer_id)  # what the first stream to a peer costs must not count as distance
            asked_ms = now_ms()
            raw = await network.request(peer_id, PROTOCOL, _QUESTION, max_bytes=_BYTES_MAX, timeout_s=TIMEOUT_S)
            answered_ms = now_ms()
            told = msgspec.json.decode(raw, type=_Time)
        except (P2PError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # one peer less; a median needs no reasons
        if 0 <= answered_ms - asked_ms <= _ROUND_TRIP_MAX_MS:
            offsets_ms.append((asked_ms + answered_ms) / 2 - told.unix_ms)
