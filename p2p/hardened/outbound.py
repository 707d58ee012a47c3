"""What waits to be written to one neighbour: votes before transactions before the rest; the least important gives way.

Frames are encoded once for all neighbours. What is not of the highest priority leaves at a pace that the other side
reads without falling behind, so that a vote never waits behind a stream full of transactions. Everything that gives way
is counted; nothing here may wait for room.
"""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final

import trio
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.utils import encode_varint_prefixed

from p2p import limits
from p2p.api import Priority
from p2p.counters import Counters
from p2p.hardened.rates import TokenBucket, work_units

_CONTROL: Final = 0
_LANES: Final = 1 + len(Priority)
_FIRST_PACED: Final = 1 + Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded pubsub frame with its length in front; the same object serves all neighbours."""

    data: bytes
    lane: int
    messages: int


def encode_frame(rpc: rpc_pb2.RPC, priority: Priority | None = None) -> Frame:
    """Encode a frame; without a priority it is mesh upkeep, which goes first."""
    lane = _CONTROL if priority is None else 1 + priority
    return Frame(bytes(encode_varint_prefixed(rpc.SerializeToString())), lane, len(rpc.publish))


class OutboundQueue(RpcQueue):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """A neighbour's outbound frames in lanes, bounded together by number and by bytes."""

    def __init__(self, counters: Counters) -> None:
        super().__init__(limits.OUTBOUND_RPC_MAX, limits.RPC_MAX_BYTES)
        self._counters = counters
        self._notify = trio.Event()
        self._lanes: tuple[deque[Frame], ...] = tuple(deque() for _ in range(_LANES))
        self._frames = 0
        self._bytes = 0
        now_s = trio.current_time()
        self._pace = TokenBucket(limits.PACED_PER_S, limits.PACED_PER_S * limits.PACED_BURST_S, now_s)

    def __len__(self) -> int:
        return self._frames

    def push(self, rpc: rpc_pb2.RPC, priority: bool = False) -> bool:
        """Queue the library's own frames: mesh upkeep and subscriptions."""
        return self.push_frame(encode_frame(rpc, Priority.LOW if rpc.publish else None))

    def push_frame(self, frame: Frame) -> bool:
        """Queue a frame; older frames that are not more important give way. False when there is no room even so."""
        if self._closed:
            return False
        while self._frames and not self._has_room(len(frame.data)):
            if not self._give_way(frame.lane):
                self._count_dropped(frame)
                return False
        self._lanes[frame.lane].append(frame)
        self._frames += 1
        self._bytes += len(frame.data)
        self._wake()
        return True

    async def pop(self) -> Frame | None:
        """Wait for the next frame to write; None once the queue is closed."""
        while not self._closed:
            wait_s = inf
            for lane, frames in enumerate(self._lanes):
                if not frames:
                    continue
                if lane >= _FIRST_PACED:
                    now_s = trio.current_time()
                    wait_s = self._pace.wait_s(now_s)
                    if wait_s > 0:
                        break
                    self._pace.charge(work_units(len(frames[0].data)), now_s)
                return self._take(frames)
            with trio.move_on_after(wait_s):
                await self._notify.wait()
        return None

    def close(self) -> None:
        """End the writer; what waits is lost and counted."""
        for frames in self._lanes:
            while frames:
                self._count_dropped(self._take(frames))
        super().close()

    def _has_room(self, size_bytes: int) -> bool:
        return self._frames < limits.OUTBOUND_RPC_MAX and self._bytes + size_bytes <= limits.OUTBOUND_RPC_MAX_BYTES

    def _give_way(self, lane: int) -> bool:
        """Drop the oldest of the least important frames, none that is more important than `lane`."""
        for least in range(_LANES - 1, max(lane, _CONTROL + 1) - 1, -1):
            if self._lanes[least]:
                self._count_dropped(self._take(self._lanes[least]))
                return True
        return False

    def _take(self, frames: deque[Frame]) -> Frame:
        frame = frames.popleft()
        self._frames -= 1
        self._bytes -= len(frame.data)
        return frame

    def _count_dropped(self, frame: Frame) -> None:
        if frame.lane == _CONTROL:
            self._counters.add("gossip.dropped.slow_peer.control")
        else:
            self._counters.add(f"gossip.dropped.slow_peer.{Priority(frame.lane - 1).name.lower()}", frame.messages)

    def _wake(self) -> None:
        self._notify.set()
        self._notify = trio.Event()
