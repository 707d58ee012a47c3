"""A stream on which one may write at once: the other side's answer is checked before its first byte is believed."""

import pytest
import trio
import trio.testing

from p2p import Network, ProtocolRefusedError, StreamFailed, UnreachableError, limits
from p2p.framing import BufferedReader, FramedStream
from p2p.hardened import negotiation
from p2p.hardened.negotiation import answer, ask, propose
from p2p.identity import Identity
from p2p.pipe import PipeEnd, open_pipe
from tests.unit.p2p.worlds import Libp2pWorld, World, connected

PEER = Identity.from_seed(bytes(32)).peer_id
OTHER = Identity.from_seed(b"\x01" * 32).peer_id
HELLO = b"\x13/multistream/1.0.0\n"
TAKEN = b"\x05/a/1\n"
WORDS = "/test/words/1"


async def proposed(said: bytes, *, ends: bool = True) -> BufferedReader:
    """The reader of one who proposed /a/1, after the other side said this."""
    ours, theirs = open_pipe(PEER, OTHER)
    reader = await propose(ours, "/a/1", trio.current_time() + 5.0)
    await theirs.write(said)
    if ends:
        await theirs.close_write()
    return reader


async def test_what_is_written_at_once_arrives_behind_the_question() -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    reader = await propose(ours, "/a/1", trio.current_time() + 5.0)
    await FramedStream(ours, reader).send(b"first words")
    heard = BufferedReader(theirs)
    assert await answer(theirs, heard, {"/a/1"}.__contains__) == "/a/1"
    assert await FramedStream(theirs, heard).receive(100) == b"first words"
    await FramedStream(theirs, heard).send(b"and back")
    assert await FramedStream(ours, reader).receive(100) == b"and back"


@pytest.mark.parametrize("said", [HELLO + b"\x03na\n", HELLO + b"\x05/b/1\n", b"\x06/http\n" + TAKEN])
async def test_another_answer_than_the_protocol_is_a_refusal(said: bytes) -> None:
    reader = await proposed(said + b"\x00\x00\x00\x01x")
    with pytest.raises(ProtocolRefusedError, match="does not speak /a/1"):
        await reader.exactly(4)


@pytest.mark.parametrize("said", [b"", HELLO, HELLO[:7], HELLO + TAKEN[:3], b"\xff\xff\xff\xff\x7f", b"\x03\xff\xfe\n"])
async def test_a_stream_that_ends_or_babbles_before_the_answer_fails(said: bytes) -> None:
    reader = await proposed(said)
    with pytest.raises(StreamFailed):
        await reader.exactly(4)


async def test_a_side_that_never_answers_is_given_up_at_the_deadline(mock_clock: trio.testing.MockClock) -> None:
    mock_clock.autojump_threshold = 0
    reader = await proposed(HELLO, ends=False)
    with pytest.raises(UnreachableError, match="in time"):
        await reader.exactly(4)
    assert trio.current_time() == pytest.approx(5.0)


async def test_two_lines_that_come_together_are_answered_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    await propose(ours, "/a/1", trio.current_time() + 5.0)
    written: list[bytes] = []
    write = PipeEnd.write

    async def counted(self: PipeEnd, data: bytes) -> None:
        written.append(data)
        await write(self, data)

    monkeypatch.setattr(PipeEnd, "write", counted)
    await answer(theirs, BufferedReader(theirs), {"/a/1"}.__contains__)
    assert written == [HELLO + TAKEN]


async def test_a_side_that_waits_for_the_greeting_before_it_asks_gets_it() -> None:
    ours, theirs = open_pipe(PEER, OTHER)

    async def slow() -> None:
        reader = BufferedReader(ours)
        await ours.write(HELLO)
        assert await reader.exactly(len(HELLO)) == HELLO
        await ours.write(TAKEN)
        assert await reader.exactly(len(TAKEN)) == TAKEN

    with trio.fail_after(5.0):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow)
            assert await answer(theirs, BufferedReader(theirs), {"/a/1"}.__contains__) == "/a/1"


async def test_asking_for_several_still_waits_for_each_answer() -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, theirs, BufferedReader(theirs), {"/c/1"}.__contains__)
        assert await ask(ours, BufferedReader(ours), ("/a/1", "/c/1")) == "/c/1"


async def hear(asking: Network, answering: Network) -> bytes:
    """Say something on a stream with credit, and hear something."""
    stream = await asking.open(answering.peer_id, WORDS, with_credit=True)
    await stream.send(b"hello")
    return await stream.receive(10)


async def test_a_protocol_that_a_peer_does_not_speak_is_told_before_anything_is_received(world: World) -> None:
    first, second = await world.start("first"), await world.start("second")
    await second.dial(first.addresses[0])
    await connected(first, second)
    for _ in range(5):
        with trio.fail_after(limits.OPEN_TIMEOUT_S), pytest.raises(ProtocolRefusedError):
            await hear(second, first)
    assert not second.bans()


async def test_a_peer_that_never_agrees_is_unreachable(
    libp2p_world: Libp2pWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")
    await second.dial(first.addresses[0])

    async def silent(stream: object, reader: object, is_served: object) -> str:
        return await trio.sleep_forever()

    monkeypatch.setattr(negotiation, "answer", silent)
    stream = await second.open(first.peer_id, WORDS, timeout_s=0.3, with_credit=True)
    with trio.fail_after(limits.OPEN_TIMEOUT_S), pytest.raises(UnreachableError, match="in time"):
        await stream.receive(10)
    with pytest.raises(StreamFailed):
        await stream.send(b"too late")
