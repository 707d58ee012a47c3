"""Carries the bytes of one circuit both ways, as they come, until an end, a budget or the time is used up.

Never sends a byte that it did not receive, and reads no faster than it may write: a slow end slows the other.
"""

import trio

from p2p import limits
from p2p.counters import Counters
from p2p.errors import StreamFailed
from p2p.framing import BufferedReader, ByteStream

End = tuple[ByteStream, BufferedReader]


class Budget:
    """Bytes of both directions together: so many in all, and no faster than a rate. `now_s` is monotonic."""

    def __init__(self, now_s: float) -> None:
        self._left = limits.RELAY_CIRCUIT_BYTES
        self._level = float(limits.RELAY_CIRCUIT_BURST_BYTES)
        self._at_s = now_s

    def spend(self, size: int, now_s: float) -> float | None:
        """Charge for bytes; the seconds to wait before reading on, None when the budget is used up."""
        self._left -= size
        refilled = self._level + (now_s - self._at_s) * limits.RELAY_CIRCUIT_BYTES_PER_S
        self._level = min(float(limits.RELAY_CIRCUIT_BURST_BYTES), refilled) - size
        self._at_s = now_s
        return None if self._left < 0 else max(0.0, -self._level / limits.RELAY_CIRCUIT_BYTES_PER_S)


async def carry(first: End, second: End, counters: Counters) -> None:
    """Run a circuit to its end; both streams are ended afterwards, also on cancellation."""
    budget = Budget(trio.current_time())
    ended_well = []
    try:
        with trio.move_on_after(limits.RELAY_CIRCUIT_S) as time:
            async with trio.open_nursery() as nursery:

                async def direction(source: BufferedReader, target: ByteStream) -> None:
                    if await _pour(source, target, budget, counters):
                        ended_well.append(target)
                    else:
                        nursery.cancel_scope.cancel()

                nursery.start_soon(direction, first[1], second[0])
                nursery.start_soon(direction, second[1], first[0])
        if time.cancelled_caught:
            counters.add("relay.circuits.cut")
    finally:
        with trio.CancelScope(shield=True):
            for stream, _ in (first, second):
                await (stream.aclose() if len(ended_well) == 2 else stream.reset())


async def _pour(source: BufferedReader, target: ByteStream, budget: Budget, counters: Counters) -> bool:
    """One direction; False when the whole circuit has to end now."""
    try:
        while chunk := await source.some(limits.READ_CHUNK_BYTES):
            pause_s = budget.spend(len(chunk), trio.current_time())
            if pause_s is None:
                counters.add("relay.circuits.cut")
                return False
            await target.write(chunk)
            counters.add("relay.bytes", len(chunk))
            if pause_s > 0:
                await trio.sleep(pause_s)
    except StreamFailed:
        return False
    await target.close_write()
    return True
