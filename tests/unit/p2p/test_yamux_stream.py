"""Promises of a plain stream's writer: it wakes with the credit, it gives a reader time, a cut frame is never seen."""

import pytest
import trio
import trio.testing

from p2p import Stream, StreamFailed, limits
from p2p.hardened.yamux_stream import HardenedYamuxStream
from tests.unit.p2p.test_network import ECHO, echo
from tests.unit.p2p.worlds import Libp2pWorld, until

HELD = "/test/held/1"


async def test_a_writer_waits_for_a_reader_that_is_slow_and_fails_for_one_that_never_reads(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STREAM_STALL_S", 1.0)
    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")
    read_on = trio.Event()
    sizes: list[int] = []

    async def late(stream: Stream) -> None:
        await read_on.wait()
        while True:
            sizes.append(len(await stream.receive(1 << 20)))

    first.serve(HELD, late)
    first.serve(ECHO, echo)
    await second.dial(first.addresses[0])
    slow, never = await second.open(first.peer_id, HELD), await second.open(first.peer_id, HELD)

    async def release() -> None:
        await trio.sleep(0.4)
        read_on.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(release)
        for _ in range(3):
            await slow.send(bytes(1 << 20))
    await until(lambda: sizes == [1 << 20] * 3)
    await slow.reset()
    await never.reset()
    read_on = trio.Event()
    stuck = await second.open(first.peer_id, HELD)
    with trio.fail_after(10.0), pytest.raises(StreamFailed):
        await stuck.send(bytes(3 << 20))
    assert await second.request(first.peer_id, ECHO, b"x", max_bytes=1) == b"x"


class Wire:
    """Takes the frames of a stream."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def _write_frame(self, frame: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.frames.append(frame[12:])


async def test_a_writer_wakes_with_the_credit_and_not_at_the_next_look(
    nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    wire = Wire()
    stream = HardenedYamuxStream(1, wire, True)
    stream.send_window = 3
    nursery.start_soon(stream.write, b"abcdefgh")
    await trio.testing.wait_all_tasks_blocked()
    assert wire.frames == [b"abc"]
    for credit in (1, 2):
        stream.send_window += credit
        await trio.testing.wait_all_tasks_blocked()
    assert wire.frames == [b"abc", b"d", b"ef"]  # and no time has passed: the clock stands still
    stream.send_window += 100
    await trio.testing.wait_all_tasks_blocked()
    assert wire.frames == [b"abc", b"d", b"ef", b"gh"]
    assert stream.send_window == 98


class Buffered(Wire):
    """A connection whose stream 1 has unread bytes, and that keeps the credit it grants."""

    def __init__(self) -> None:
        super().__init__()
        self.stream_buffers = {1: bytearray()}
        self.granted: list[int] = []
        self.event_closed = self.event_shutting_down = trio.Event()

    def rtt(self) -> float:
        return 0.01

    async def _write_frame(self, frame: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.granted.append(int.from_bytes(frame[8:12], "big"))


async def test_a_reader_grants_credit_by_half_windows_and_never_more_than_the_window() -> None:
    wire = Buffered()
    stream = HardenedYamuxStream(1, wire, True)
    window, taken = stream.recv_window, 0
    for size in [100] * 1_000 + [20_000] * 40:
        stream.recv_window -= size  # what the multiplexer does when a frame comes
        await stream._auto_tune_and_send_window_update(bytes_read=size)
        taken += size
        assert stream.recv_window <= stream.target_recv_window
        assert stream.recv_window + taken - sum(wire.granted) == window  # the other side counts the same
    assert 2 <= len(wire.granted) <= 2 * taken / window
    assert taken - sum(wire.granted) < stream.target_recv_window // 2


async def test_a_reset_wakes_a_writer_that_waits_for_credit(libp2p_world: Libp2pWorld) -> None:
    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")

    async def give_up(stream: Stream) -> None:
        await trio.sleep(0.1)
        await stream.reset()

    first.serve(HELD, give_up)
    await second.dial(first.addresses[0])
    stream = await second.open(first.peer_id, HELD)
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.send(bytes(4 << 20))
