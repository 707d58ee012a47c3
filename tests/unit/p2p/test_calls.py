"""Promises of requests that share a stream: each has its own answer, bounds, deadline and end; none harms another."""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import pytest
import trio
import trio.testing

from p2p import (
    BusyError,
    EndOfStream,
    Network,
    P2PError,
    ProtocolRefusedError,
    Stream,
    StreamFailed,
    UnreachableError,
    limits,
)
from p2p.call_frames import FRAME_MAX_BYTES, Ask, CallFrame, Cancel, Failed, Failure, Part, decode_call, encode_call
from p2p.calls import PROTOCOL, Calls
from p2p.counters import Counters
from p2p.framing import FramedStream
from p2p.pipe import open_pipe
from p2p.services import Services
from tests.unit.p2p.test_network import ECHO, echo, pair
from tests.unit.p2p.worlds import MemoryWorld, World, until

SLOW = "/test/slow/1"
COUNT = 20


def services_of(node: Network) -> Services:
    return cast(Services, getattr(node, "services", None) or cast(Any, node)._services)


def calls_of(node: Network) -> Calls:
    return cast(Calls, getattr(node, "calls", None) or cast(Any, node)._calls)


def count(node: Network, name: str) -> int:
    return node.counters().get(name, 0)


async def ask(node: Network, peer: Network, payload: bytes = b"x", *, protocol: str = ECHO) -> bytes:
    with trio.fail_after(5.0):
        return await node.request(peer.peer_id, protocol, payload, max_bytes=1 << 20)


class Held:
    """A handler that holds its requests until told, and says what became of them."""

    def __init__(self) -> None:
        self.here = 0
        self.most = 0
        self.cancelled = 0
        self.go = trio.Event()

    async def __call__(self, stream: Stream) -> None:
        payload = await stream.receive(1 << 20)
        self.here += 1
        self.most = max(self.most, self.here)
        try:
            await self.go.wait()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.here -= 1
        await stream.send(payload)


async def test_requests_at_once_share_a_stream_and_each_gets_its_own_answer_whatever_the_order(world: World) -> None:
    first, second = await pair(world)
    rng = random.Random(1)
    pauses = [rng.random() / 50 for _ in range(COUNT)]
    finished: list[int] = []

    async def later(stream: Stream) -> None:
        number = (await stream.receive(1))[0]
        await trio.sleep(pauses[number])
        await stream.send(bytes([number]) * (1 + number * 5000))

    first.serve(SLOW, later, per_peer=COUNT)

    async def one(number: int) -> None:
        answer = await ask(second, first, bytes([number]), protocol=SLOW)
        assert answer == bytes([number]) * (1 + number * 5000)
        finished.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(COUNT):
            nursery.start_soon(one, number)
    assert sorted(finished) == list(range(COUNT))
    assert finished != sorted(finished)
    assert count(second, "requests.shared") == COUNT
    assert count(second, "requests.alone") == 0
    assert services_of(first)._services[PROTOCOL].open_streams == 1


async def test_a_cancelled_request_ends_on_the_other_side_too_and_leaves_the_others_alone(world: World) -> None:
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    first.serve(ECHO, echo)
    async with trio.open_nursery() as nursery:
        staying: list[bytes] = []

        async def stay() -> None:
            staying.append(await ask(second, first, b"stays", protocol=SLOW))

        nursery.start_soon(stay)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as leaving:
                leaving.start_soon(ask, second, first)
                leaving.start_soon(lambda: ask(second, first, b"leaves", protocol=SLOW))
                await until(lambda: held.here == 2)
                scope.cancel()
        await until(lambda: held.cancelled == 1)
        assert held.here == 1
        held.go.set()
    assert staying == [b"stays"]
    assert count(first, "requests.cancelled") == 1
    assert await ask(second, first, b"after") == b"after"
    assert services_of(first)._services[PROTOCOL].open_streams == 1


async def test_requests_cancelled_at_any_moment_corrupt_nothing(world: World) -> None:
    """Sixty of them, with large questions and answers, beside others that all get their answers."""
    first, second = await pair(world)
    first.serve(ECHO, echo, per_peer=64)
    rng = random.Random(2)
    payload = rng.randbytes(limits.CALL_ASK_MAX_BYTES)
    cancelled = 0

    async def give_up(after_s: float) -> None:
        nonlocal cancelled
        with trio.move_on_after(after_s) as scope:
            await second.request(first.peer_id, ECHO, payload, max_bytes=len(payload))
        cancelled += scope.cancelled_caught

    async with trio.open_nursery() as nursery:
        for number in range(60):
            nursery.start_soon(give_up, 0.0002 * (number % 20))
            if number % 3 == 0:
                assert await ask(second, first, payload) == payload
    assert cancelled > 5
    assert await ask(second, first, payload) == payload
    assert count(second, "requests.alone") == 0
    assert services_of(first)._services[PROTOCOL].open_streams == 1
    await until(lambda: services_of(first)._services[ECHO].open_streams == 0)


async def test_the_deadline_covers_the_whole_request_and_ends_the_work_for_it(world: World) -> None:
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    first.serve(ECHO, echo)
    began_s = trio.current_time()
    with pytest.raises(UnreachableError, match="within"):
        await second.request(first.peer_id, SLOW, b"x", max_bytes=1, timeout_s=0.2)
    assert trio.current_time() - began_s < 2.0
    await until(lambda: held.cancelled == 1)
    assert await ask(second, first) == b"x"


async def test_a_question_whose_asker_never_cancels_is_worked_on_no_longer_than_it_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALL_GRACE_S", 0.0)
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    stream = await raw(second, first)
    await stream.send(encode_call(Ask(1, 50, 100, SLOW, b"x")))
    await until(lambda: held.cancelled == 1)


async def test_a_large_answer_does_not_hold_up_a_small_one(world: World) -> None:
    first, second = await pair(world)
    finished: list[str] = []
    began = trio.Event()

    async def large(stream: Stream) -> None:
        await stream.receive(1)
        began.set()
        await stream.send(bytes(limits.CALL_ANSWER_MAX_BYTES))

    async def fetch() -> None:
        answer = await second.request(first.peer_id, SLOW, b"", max_bytes=limits.CALL_ANSWER_MAX_BYTES)
        assert len(answer) == limits.CALL_ANSWER_MAX_BYTES
        finished.append("large")

    first.serve(SLOW, large)
    first.serve(ECHO, echo)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch)
        await began.wait()
        await ask(second, first)
        finished.append("small")
    assert finished == ["small", "large"]
    assert count(second, "requests.alone") == 0


async def test_a_question_or_answer_over_the_bounds_of_sharing_gets_a_stream_of_its_own(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    payload = bytes(limits.CALL_ASK_MAX_BYTES + 1)
    assert await ask(second, first, payload) == payload
    assert await second.request(first.peer_id, ECHO, b"x", max_bytes=limits.CALL_ANSWER_MAX_BYTES + 1) == b"x"
    assert (count(second, "requests.shared"), count(second, "requests.alone")) == (0, 2)


async def test_a_busy_handler_is_told_apart_from_a_broken_one_and_one_that_says_nothing(world: World) -> None:
    first, second = await pair(world)
    held = Held()

    async def broken(_stream: Stream) -> None:
        raise RuntimeError("a bug in a handler")

    async def silent(stream: Stream) -> None:
        await stream.receive(16)

    async def greedy(stream: Stream) -> None:
        await stream.receive(0)

    async def chatty(stream: Stream) -> None:
        await stream.send(b"first")
        await stream.send(b"second")

    for name, handler in {"broken": broken, "silent": silent, "greedy": greedy, "chatty": chatty}.items():
        first.serve(f"/test/{name}/1", handler)
    first.serve(SLOW, held, per_peer=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: ask(second, first, protocol=SLOW))
        await until(lambda: held.here == 1)
        with pytest.raises(BusyError):
            await ask(second, first, protocol=SLOW)
        held.go.set()
    with pytest.raises(StreamFailed, match="could not"):
        await ask(second, first, protocol="/test/broken/1")
    with pytest.raises(EndOfStream):
        await ask(second, first, protocol="/test/silent/1")
    with pytest.raises(StreamFailed, match="too large"):
        await ask(second, first, protocol="/test/greedy/1")
    with pytest.raises(ProtocolRefusedError):
        await ask(second, first, protocol="/test/unknown/1")
    assert await ask(second, first, protocol="/test/chatty/1") == b"first"
    assert count(second, "requests.alone") == 0


async def test_a_broken_stream_in_a_task_of_a_handler_is_no_bug_of_the_handler(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await pair(world)
    what: Exception = StreamFailed("lost")

    async def with_tasks(stream: Stream) -> None:
        async def fail() -> None:
            raise what

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()

    first.serve(SLOW, with_tasks)
    with pytest.raises(StreamFailed):
        await ask(second, first, protocol=SLOW)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    what = ValueError("a bug")
    with pytest.raises(StreamFailed):
        await ask(second, first, protocol=SLOW)
    assert [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_peer_that_speaks_only_the_plain_form_gets_one_stream_a_request(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    shared = services_of(first)._services.pop(PROTOCOL)
    for _ in range(3):
        assert await ask(second, first) == b"x"
    assert (count(second, "requests.shared"), count(second, "requests.alone")) == (0, 3)
    services_of(first)._services[PROTOCOL] = shared
    await second.drop(first.peer_id)
    await until(lambda: not first.peers() or first.peers()[0].direction == "out")
    await second.dial(first.addresses[0])
    assert await ask(second, first) == b"x"
    assert count(second, "requests.shared") == 1


async def test_a_shared_stream_nobody_uses_is_closed_and_opened_again_when_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALLS_IDLE_S", 0.05)
    first, second = await pair(world)
    first.serve(ECHO, echo)
    for _ in range(3):
        assert await ask(second, first) == b"x"
        await until(lambda: services_of(first)._services[PROTOCOL].open_streams == 0)
        await until(lambda: first.peer_id not in calls_of(second)._lines)


async def test_a_request_that_meets_a_stream_closing_on_the_other_side_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALLS_SERVED_IDLE_S", 0.02)
    first, second = await pair(world)
    first.serve(ECHO, echo)
    for number in range(40):
        assert await ask(second, first) == b"x"
        await trio.sleep(0.001 * number)


async def test_a_peer_that_vanishes_fails_the_requests_to_it(world: World) -> None:
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    failures: list[type[Exception]] = []

    async def asking() -> None:
        try:
            await ask(second, first, protocol=SLOW)
        except P2PError as error:
            failures.append(type(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking)
        nursery.start_soon(asking)
        await until(lambda: held.here == 2)
        await world.stop("first")
    assert failures == [StreamFailed, StreamFailed]


async def test_requests_beyond_the_bound_wait_their_turn_and_beyond_that_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALLS_PER_PEER", 3)
    monkeypatch.setattr(limits, "CALLS_WAITING_MAX", 4)
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    async with trio.open_nursery() as nursery:
        for _ in range(7):
            nursery.start_soon(lambda: ask(second, first, protocol=SLOW))
        await until(lambda: held.here == 3)
        await trio.testing.wait_all_tasks_blocked(0.02)
        with pytest.raises(BusyError, match="waiting"):
            await ask(second, first, protocol=SLOW)
        held.go.set()
    assert held.most == 3


async def test_all_requests_of_a_node_together_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CALLS_TOTAL", 2)
    first, second = await pair(world)
    third = await world.start("third", first)
    await second.dial(third.addresses[0])
    held = Held()
    for node in (first, third):
        node.serve(SLOW, held)
    async with trio.open_nursery() as nursery:
        for peer in (first, third, first, third):
            nursery.start_soon(partial(ask, second, peer, protocol=SLOW))
        await until(lambda: held.here == 2)
        await trio.testing.wait_all_tasks_blocked(0.02)
        held.go.set()
    assert held.most == 2


# Hostile askers


async def raw(node: Network, peer: Network) -> Stream:
    return await node.open(peer.peer_id, PROTOCOL)


def question(number: int, protocol: str = ECHO, payload: bytes = b"x") -> bytes:
    return encode_call(Ask(number, 5000, 100, protocol, payload))


MALFORMED = {
    "empty": [b""],
    "of no known kind": [b"\x09\0\0\0\x01"],
    "an answer": [encode_call(Part(1, b"x", is_last=True))],
    "a cut question": [question(1)[:8]],
    "a number in use": [question(1, SLOW), question(1, SLOW)],
    "larger than any": [bytes(FRAME_MAX_BYTES)],
}


@pytest.mark.parametrize("frames", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_frame_costs_its_sender_and_harms_nobody_else(world: World, frames: list[bytes]) -> None:
    first, second = await pair(world)
    honest = await world.start("honest", first)
    held = Held()
    first.serve(ECHO, echo)
    first.serve(SLOW, held)
    stream = await raw(second, first)
    for frame in frames:
        await stream.send(frame)
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.receive(100)
    [score] = [peer.score for peer in first.peers() if peer.peer_id == second.peer_id]
    assert score == pytest.approx(-limits.MALFORMED_POINTS, rel=0.01)
    assert held.here == 0
    assert await ask(honest, first) == b"x"


async def test_more_questions_than_allowed_at_once_are_refused_and_cancelled_ones_give_their_place_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALLS_PER_PEER", 4)
    first, second = await pair(world)
    held = Held()
    first.serve(SLOW, held)
    stream = await raw(second, first)
    for number in range(6):
        await stream.send(question(number, SLOW))
    refused = [decode_call(await stream.receive(100)) for _ in range(2)]
    assert refused == [Failed(4, Failure.BUSY), Failed(5, Failure.BUSY)]
    for number in range(4):
        await stream.send(encode_call(Cancel(number)))
    await until(lambda: held.cancelled == 4)
    held.go.set()
    answers: list[CallFrame] = []
    await stream.send(question(9, SLOW))
    while not answers or isinstance(answers[-1], Failed):
        answers.append(decode_call(await stream.receive(100)))
    assert answers[-1] == Part(9, b"x", is_last=True)


async def test_an_asker_that_reads_no_answers_does_not_make_us_keep_them(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STREAM_WINDOW_MAX_BYTES", 4 << 10)
    monkeypatch.setattr(limits, "CALLS_QUEUE_MAX_BYTES", 4 << 10)
    world = MemoryWorld(nursery)
    first, second = await pair(world)
    stream = await raw(second, first)

    async def flood() -> None:
        for number in range(100_000):
            await stream.send(question(number, "/test/unknown/1"))

    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await flood()
    await until(lambda: services_of(first)._services[PROTOCOL].open_streams == 0)


async def test_what_an_asker_half_closes_over_is_still_answered(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    stream = await raw(second, first)
    await stream.send(question(7))
    await stream.close_write()
    assert decode_call(await stream.receive(100)) == Part(7, b"x", is_last=True)
    with pytest.raises(EndOfStream):
        await stream.receive(100)


# Hostile answers


Answering = Callable[[FramedStream, Ask], Awaitable[None]]


def against(answering: Answering, nursery: trio.Nursery) -> tuple[Calls, list[FramedStream]]:
    """An asking side whose peer does with each question whatever it likes; and the streams opened."""
    opened: list[FramedStream] = []

    async def serve(stream: FramedStream) -> None:
        try:
            while True:
                frame = decode_call(await stream.receive(FRAME_MAX_BYTES))
                if isinstance(frame, Ask):
                    await answering(stream, frame)
        except P2PError:
            await stream.aclose()

    async def open_stream(_peer_id: str, protocol: str) -> FramedStream:
        assert protocol == PROTOCOL
        ours, theirs = open_pipe("us", "them")
        nursery.start_soon(serve, FramedStream(theirs))
        opened.append(FramedStream(ours))
        return opened[-1]

    return Calls(open_stream, lambda task: nursery.start_soon(task), Counters()), opened


HOSTILE_ANSWERS = {
    "larger than asked": (lambda ask: encode_call(Part(ask.number, bytes(11), is_last=True)), "larger"),
    "never ending": (lambda ask: encode_call(Part(ask.number, b"xxxx", is_last=False)), "larger"),
    "a question": (lambda ask: encode_call(ask), "asks"),
    "malformed": (lambda ask: b"\x07nonsense", "form"),
    "a failure of no known kind": (lambda ask: b"\x05" + ask.number.to_bytes(4, "big") + b"\xff", "not known"),
}


@pytest.mark.parametrize(("frame", "reason"), HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS.keys())
async def test_a_hostile_answer_fails_what_is_asked_there_and_the_next_request_begins_anew(
    nursery: trio.Nursery, frame: Callable[[Ask], bytes], reason: str
) -> None:
    async def answering(stream: FramedStream, asked: Ask) -> None:
        for _ in range(4):
            await stream.send(frame(asked))

    calls, opened = against(answering, nursery)
    for _ in range(2):
        with trio.fail_after(2.0), pytest.raises(StreamFailed, match=reason):
            await calls.request("them", ECHO, b"x", max_bytes=10, timeout_s=5.0)
    assert len(opened) == 2


async def test_answers_to_questions_nobody_asked_are_dropped(nursery: trio.Nursery) -> None:
    async def answering(stream: FramedStream, asked: Ask) -> None:
        await stream.send(encode_call(Part(asked.number + 1000, b"junk", is_last=True)))
        await stream.send(encode_call(Failed(asked.number + 1000, Failure.FAILED)))
        await stream.send(encode_call(Part(asked.number, b"answer", is_last=True)))

    calls, _ = against(answering, nursery)
    assert await calls.request("them", ECHO, b"x", max_bytes=10, timeout_s=5.0) == b"answer"
