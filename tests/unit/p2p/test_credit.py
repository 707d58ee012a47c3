"""Promises of streams with credit: senders wait for living readers, silence fails, nothing beyond a window is held."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from p2p import EndOfStream, MessageTooLargeError, Network, P2PError, Stream, StreamFailed, limits
from p2p.credit import CreditKind, encode_credit
from tests.unit.p2p.test_calls import services_of
from tests.unit.p2p.test_network import pair
from tests.unit.p2p.worlds import Libp2pWorld, World, until

PARTS = "/test/parts/1"
PART_BYTES = 40_000
WINDOW_PARTS = limits.CREDIT_WINDOW_BYTES // PART_BYTES


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_STALL_S", 0.3)
    monkeypatch.setattr(limits, "CREDIT_ALIVE_S", 0.05)
    monkeypatch.setattr(limits, "CREDIT_SILENT_S", 3.0)


async def opened(world: World, handler: Callable[[Stream], Awaitable[None]]) -> tuple[Network, Network, Stream]:
    first, second = await pair(world)
    first.serve(PARTS, handler, with_credit=True)
    return first, second, await second.open(first.peer_id, PARTS, with_credit=True)


def part(number: int) -> bytes:
    return number.to_bytes(4, "big") * (PART_BYTES // 4)


async def test_a_producer_faster_than_its_reader_waits_and_everything_arrives_in_order(world: World) -> None:
    made = 0

    async def produce(stream: Stream) -> None:
        nonlocal made
        for number in range(5 * WINDOW_PARTS):
            await stream.send(part(number))
            made += 1

    _, _, stream = await opened(world, produce)
    await until(lambda: made == WINDOW_PARTS)
    await trio.sleep(3.5)  # far longer than a plain stream, and a silent side, may stand still
    assert made == WINDOW_PARTS
    for number in range(5 * WINDOW_PARTS):
        assert await stream.receive(PART_BYTES) == part(number)
        assert made <= number + 1 + WINDOW_PARTS
    with pytest.raises(EndOfStream):
        await stream.receive(PART_BYTES)
    await stream.aclose()


async def test_both_sides_may_send_more_than_a_window_at_once(world: World) -> None:
    async def both_ways(stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_all, stream)
            await receive_all(stream)

    async def send_all(stream: Stream) -> None:
        for number in range(3 * WINDOW_PARTS):
            await stream.send(part(number))

    async def receive_all(stream: Stream) -> None:
        for number in range(3 * WINDOW_PARTS):
            assert await stream.receive(PART_BYTES) == part(number)

    _, _, stream = await opened(world, both_ways)
    with trio.fail_after(10.0):
        await both_ways(stream)
    await stream.aclose()


async def test_the_largest_part_gets_through_whatever_was_sent_before(world: World) -> None:
    async def echo(stream: Stream) -> None:
        while True:
            await stream.send(await stream.receive(limits.CREDIT_PART_MAX_BYTES))

    _, _, stream = await opened(world, echo)
    with trio.fail_after(10.0):
        for size in (0, 1, 70_000, limits.CREDIT_PART_MAX_BYTES, 1, limits.CREDIT_PART_MAX_BYTES, 100_000) * 3:
            await stream.send(bytes(size))
            assert len(await stream.receive(limits.CREDIT_PART_MAX_BYTES)) == size
    with pytest.raises(MessageTooLargeError):
        await stream.send(bytes(limits.CREDIT_PART_MAX_BYTES + 1))
    await stream.reset()


async def test_a_cancelled_send_has_sent_nothing_and_the_stream_goes_on(world: World) -> None:
    received: list[int] = []
    go = trio.Event()

    async def read_late(stream: Stream) -> None:
        await go.wait()
        try:
            while True:
                received.append(int.from_bytes((await stream.receive(PART_BYTES))[:4], "big"))
        except EndOfStream:
            await stream.send(b"all")

    _, _, stream = await opened(world, read_late)
    for number in range(WINDOW_PARTS):
        await stream.send(part(number))
    for number in range(1000, 1010):
        with trio.move_on_after(0.01) as scope:
            await stream.send(part(number))
        assert scope.cancelled_caught
    go.set()
    for number in range(WINDOW_PARTS, 2 * WINDOW_PARTS):
        await stream.send(part(number))
    await stream.close_write()
    with trio.fail_after(5.0):
        assert await stream.receive(10) == b"all"
    assert received == list(range(2 * WINDOW_PARTS))


async def test_a_side_that_falls_silent_fails_the_stream_and_a_slow_one_does_not(world: World) -> None:
    outcome: list[str] = []

    async def produce(stream: Stream) -> None:
        try:
            for number in range(2 * WINDOW_PARTS):
                await stream.send(part(number))
        except StreamFailed as error:
            outcome.append(str(error))
            raise

    first, second = await pair(world)
    first.serve(PARTS, produce, with_credit=True)
    plain = await second.open(first.peer_id, PARTS)  # reads nothing and never says that it is alive
    await until(lambda: outcome, within_s=5.0)
    assert "silent" in outcome[0]
    await until(lambda: services_of(first)._services[PARTS].open_streams == 0)
    await plain.reset()


async def test_a_reset_cancels_the_other_side_at_once(world: World) -> None:
    outcome: list[type[BaseException]] = []

    async def produce(stream: Stream) -> None:
        try:
            while True:
                await stream.send(bytes(10))
        except P2PError as error:
            outcome.append(type(error))

    first, _, stream = await opened(world, produce)
    await stream.receive(10)
    await stream.reset()
    await until(lambda: outcome)
    assert outcome == [StreamFailed]
    with pytest.raises(StreamFailed):
        await stream.send(b"more")
    await until(lambda: services_of(first)._services[PARTS].open_streams == 0)


async def test_a_side_that_leaves_without_saying_so_is_no_clean_end(world: World) -> None:
    outcome: list[type[BaseException]] = []

    async def read_on(stream: Stream) -> None:
        try:
            while True:
                await stream.receive(10)
        except P2PError as error:
            outcome.append(type(error))

    first, second = await pair(world)
    first.serve(PARTS, read_on, with_credit=True)
    plain = await second.open(first.peer_id, PARTS)
    await plain.send(encode_credit(CreditKind.PART, b"x"))
    await plain.close_write()
    await until(lambda: outcome)
    assert outcome == [StreamFailed]


CHEATS = {
    "more than it has credit for": [encode_credit(CreditKind.PART, bytes(100_000))] * 3,
    "empty parts without end": [encode_credit(CreditKind.PART)] * (1 + limits.CREDIT_WINDOW_BYTES // 64),
    "credit for what was not sent": [encode_credit(CreditKind.CREDIT, b"\0\0\0\1")],
    "a part after its end": [encode_credit(CreditKind.END), encode_credit(CreditKind.PART, b"x")],
    "two ends": [encode_credit(CreditKind.END)] * 2,
    "a frame of no known kind": [b"\x09"],
    "nothing": [b""],
    "half a grant": [b"\x02\0"],
    "a sign of life with a tail": [b"\x03tail"],
    "a part over the bound": [encode_credit(CreditKind.PART, bytes(limits.CREDIT_PART_MAX_BYTES + 1))],
}


@pytest.mark.parametrize("frames", CHEATS.values(), ids=CHEATS.keys())
async def test_a_side_that_breaks_the_rules_loses_its_stream_and_nothing_else(
    world: World, frames: list[bytes]
) -> None:
    async def produce(stream: Stream) -> None:
        try:
            while True:
                await trio.sleep(0.01)
                await stream.send(b"still here")
        except P2PError:
            return

    first, second = await pair(world)
    first.serve(PARTS, produce, with_credit=True)
    cheat = await second.open(first.peer_id, PARTS)
    try:
        for frame in frames:
            await cheat.send(frame)
    except StreamFailed:
        pass
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await drain(cheat)
    await until(lambda: services_of(first)._services[PARTS].open_streams == 0)
    honest = await second.open(first.peer_id, PARTS, with_credit=True)
    with trio.fail_after(5.0):
        assert await honest.receive(10) == b"still here"
    await honest.reset()


async def drain(stream: Stream) -> None:
    while True:
        await stream.receive(1 << 20)


async def test_a_reader_says_how_large_a_part_may_be(world: World) -> None:
    async def send_four(stream: Stream) -> None:
        await stream.send(b"four")

    _, _, stream = await opened(world, send_four)
    with pytest.raises(StreamFailed, match="at most 3"):
        await stream.receive(3)


async def test_a_handler_that_raises_fails_its_stream_and_one_that_returns_ends_it(world: World) -> None:
    async def moody(stream: Stream) -> None:
        if await stream.receive(10) == b"raise":
            raise RuntimeError("a bug in a handler")

    first, second, stream = await opened(world, moody)
    await stream.send(b"raise")
    with pytest.raises(StreamFailed):
        await stream.receive(10)
    again = await second.open(first.peer_id, PARTS, with_credit=True)
    await again.send(b"return")
    with pytest.raises(EndOfStream):
        await again.receive(10)
    await again.aclose()


async def test_a_peer_that_vanishes_fails_the_stream(world: World) -> None:
    async def hold(_stream: Stream) -> None:
        await trio.sleep_forever()

    _, _, stream = await opened(world, hold)
    await world.stop("first")
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.receive(10)


async def test_nothing_is_left_of_streams_with_credit_that_ended(libp2p_world: Libp2pWorld) -> None:
    async def echo(stream: Stream) -> None:
        await stream.send(await stream.receive(10))

    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")
    first.serve(PARTS, echo, with_credit=True)
    await second.dial(first.addresses[0])
    muxed = second.host.connections(first.peer_id)[0].muxed_conn
    before = len(muxed.streams)
    for _ in range(10):
        stream = await second.open(first.peer_id, PARTS, with_credit=True)
        await stream.send(b"x")
        assert await stream.receive(10) == b"x"
        await stream.aclose()
    await until(lambda: len(muxed.streams) <= before + 2)
