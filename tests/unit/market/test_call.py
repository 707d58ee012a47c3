"""Calls over the memory network: what arrives, what is refused, and that nothing false counts as an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import msgspec
import pytest
import trio

from node.market.admission import Admission
from node.market.call import CALL_PROTOCOL, Call, open_call
from node.market.context import MarketContext
from node.market.errors import CallBroken, CallRefused, CallTimeout, ForgedAnswer, Unreachable
from node.market.frames import (
    REQUEST_BYTES_MAX,
    CallRequest,
    FinalFrame,
    FrameKind,
    PartChain,
    RefusalFrame,
    answer_message,
    chain_of,
    decode,
    frame,
    open_frame,
    receipt_holds,
    refusal_frame,
    request_digest,
    sign_call,
)
from node.market.receipts import sign_receipt
from node.market.serving import CallServer, Served
from node.market.switchboard import of_subnet
from node.primitives.codec import encode
from node.primitives.crypto import digest, verify
from node.primitives.types import Height
from node.service.roles.host import RoleHost
from node.subnets.base import Answer, Code, Usage
from p2p import P2PError, Stream
from tests.unit.market.support import NETUID, Double, Doubling, FakeChain, NoModels, Number, World, signer_of


@dataclass
class Pair:
    """A caller and a miner; the miner's server and what it told its watcher."""

    world: World
    caller: MarketContext
    miner: MarketContext
    server: CallServer
    subnet: Doubling
    served: list[Served] = field(default_factory=list)

    async def call(self, task: Number, *, first_part_s: float = 5.0, answer_s: float = 20.0) -> Call:
        return await open_call(
            self.caller,
            self.subnet,
            self.world.neuron(self.miner),
            task,
            first_part_s=first_part_s,
            answer_s=answer_s,
        )

    async def raw(self, data: bytes) -> tuple[FrameKind, bytes]:
        """Send any bytes as a request and return the first frame that comes back."""
        stream = await self.caller.network.open(
            self.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
        )
        await stream.send(data)
        first = open_frame(await stream.receive(100_000))
        await stream.aclose()
        return first


@asynccontextmanager
async def pair(subnet: Doubling | None = None, admission: Admission | None = None) -> AsyncIterator[Pair]:
    world = World()
    caller, miner = world.join("caller", permit=True), world.join("miner")
    subnet = subnet or Doubling()
    served: list[Served] = []
    server = CallServer(
        miner, subnet, RoleHost(miner, subnet, NoModels()), admission or Admission(), watch=served.append
    )
    with miner.doors.plug(of_subnet(CALL_PROTOCOL, NETUID), server.handle, per_peer=8, total=8, with_credit=True):
        yield Pair(world, caller, miner, server, subnet, served)


def request_of(pair: Pair, task: bytes = b"", **changes: object) -> CallRequest:
    """A sound request with some fields of its head changed before signing."""
    body = task or encode(Number(4))
    fields = {
        "genesis": pair.world.chain.genesis,
        "netuid": NETUID,
        "height": pair.world.chain.now,
        "nonce": bytes(16),
        "to": pair.miner.hotkey,
        "body": body,
        "signer": pair.caller.signer,
    }
    return sign_call(**(fields | changes))  # type: ignore[arg-type]


async def refusal(pair: Pair, data: bytes) -> str:
    kind, body = await pair.raw(data)
    assert kind is FrameKind.REFUSAL
    return Code(decode(RefusalFrame, body).code).name


async def test_a_call_streams_its_parts_and_ends_with_a_receipt_both_sides_signed(autojump_clock: object) -> None:
    async with pair() as p:
        call = await p.call(Number(21, parts=3))
        values = [part.value async for part in call if isinstance(part, Double)]
        assert values == [42, 42, 42]
        assert call.answer is not None
        assert call.answer.usage == Usage(1, 3)
        assert call.receipt is not None
        assert receipt_holds(call.receipt, verify)
        await call.aclose()
        await trio.sleep(1)
        assert p.server.counts["receipts"] == 1
        assert p.served[-1].receipt == call.receipt


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"genesis": digest("other", b"net")}, "FOREIGN"),
        ({"to": signer_of("somebody else").public}, "MISADDRESSED"),
        ({"netuid": 8}, "MISADDRESSED"),
        ({"height": 96}, "STALE"),
        ({"height": 104}, "STALE"),
        ({"signer": signer_of("a stranger")}, "UNREGISTERED"),
    ],
)
async def test_a_request_for_another_place_time_or_by_a_stranger_is_refused(
    changes: dict[str, object], expected: str, autojump_clock: object
) -> None:
    async with pair() as p:
        assert await refusal(p, encode(request_of(p, **changes))) == expected
        assert p.server.counts[f"refused.{expected.lower()}"] == 1


@pytest.mark.parametrize("height", [97, 100, 103])
async def test_a_request_up_to_three_blocks_old_or_ahead_is_served(height: int, autojump_clock: object) -> None:
    async with pair() as p:
        kind, _ = await p.raw(encode(request_of(p, height=Height(height))))
        assert kind is FrameKind.PART


async def test_a_replayed_request_is_refused(autojump_clock: object) -> None:
    async with pair() as p:
        data = encode(request_of(p))
        assert (await p.raw(data))[0] is FrameKind.PART
        assert await refusal(p, data) == "DUPLICATE"


async def test_an_unsigned_or_altered_request_is_refused(autojump_clock: object) -> None:
    async with pair() as p:
        sound = request_of(p)
        unsigned = msgspec.structs.replace(sound, signature=bytes(64))
        assert await refusal(p, encode(unsigned)) == "BAD_SIGNATURE"
        other_body = msgspec.structs.replace(sound, body=encode(Number(5)))
        assert await refusal(p, encode(other_body)) == "FORGED"


async def test_a_refused_request_does_not_burn_its_nonce(autojump_clock: object) -> None:
    async with pair() as p:
        sound = request_of(p)
        await refusal(p, encode(msgspec.structs.replace(sound, signature=bytes(64))))
        assert (await p.raw(encode(sound)))[0] is FrameKind.PART


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 300, encode(Number(1)), b"\x93" * 10_000])
async def test_garbage_is_refused_and_the_server_lives_on(data: bytes, autojump_clock: object) -> None:
    async with pair() as p:
        assert await refusal(p, data) == "MALFORMED"
        assert (await p.raw(encode(request_of(p))))[0] is FrameKind.PART


async def test_a_task_that_breaks_its_bounds_is_refused(autojump_clock: object) -> None:
    async with pair() as p:
        assert await refusal(p, encode(request_of(p, task=encode(Number(2**40))))) == "MALFORMED"


async def test_an_oversized_request_ends_the_stream_and_nothing_else(autojump_clock: object) -> None:
    async with pair() as p:
        stream = await p.caller.network.open(
            p.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
        )
        await stream.send(bytes(REQUEST_BYTES_MAX + 1))
        with pytest.raises(P2PError):
            await stream.receive(1000)
        assert p.server.counts["caller_gone"] == 1
        assert (await p.raw(encode(request_of(p))))[0] is FrameKind.PART


async def test_a_caller_that_says_nothing_is_let_go(autojump_clock: object) -> None:
    async with pair() as p:
        stream = await p.caller.network.open(
            p.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
        )
        with pytest.raises(P2PError):
            await stream.receive(1000)
        assert p.server.counts["caller_gone"] == 1


@pytest.mark.parametrize("fault", [RuntimeError("bug"), KeyError("x"), ValueError()])
async def test_whatever_serve_raises_the_caller_gets_a_typed_refusal(fault: Exception, autojump_clock: object) -> None:
    async with pair(Doubling(fault=fault)) as p:
        call = await p.call(Number(1))
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.MINER_FAULT
        assert p.served[-1].code is Code.MINER_FAULT


async def test_a_full_miner_says_so_and_does_not_queue_beyond_its_patience(autojump_clock: object) -> None:
    admission = Admission(serving_max=1, waiting_max=1, wait_s=2.0)
    async with pair(Doubling(delay_s=10.0), admission) as p, trio.open_nursery() as nursery:
        outcomes: list[str] = []

        async def one() -> None:
            call = await p.call(Number(1), first_part_s=15, answer_s=30)
            try:
                await call.collect()
                outcomes.append("answered")
            except CallRefused as refused:
                outcomes.append(refused.refusal.name)
            finally:
                await call.aclose()

        for _ in range(3):
            nursery.start_soon(one)
    assert sorted(outcomes) == ["OVERLOADED", "OVERLOADED", "answered"]


async def test_a_caller_who_leaves_stops_the_miner(autojump_clock: object) -> None:
    async with pair(Doubling(delay_s=1.0)) as p:
        call = await p.call(Number(1, parts=1000))
        await anext(call)
        await call.aclose()
        await trio.sleep(5)
        assert p.server.counts["caller_gone"] == 1
        assert len(p.served[-1].parts) < 10
        assert p.served[-1].code is Code.CANCELLED


async def test_a_stalled_miner_is_given_up_before_and_after_the_first_part(autojump_clock: object) -> None:
    async with pair(Doubling(delay_s=8.0)) as p:
        call = await p.call(Number(1, parts=3), first_part_s=5)
        with pytest.raises(CallTimeout) as caught:
            await anext(call)
        assert caught.value.phase == "first part"
        await call.aclose()
        call = await p.call(Number(1, parts=3), first_part_s=10, answer_s=12)
        await anext(call)
        with pytest.raises(CallTimeout) as caught:
            await anext(call)
        assert caught.value.phase == "whole answer"
        await call.aclose()


async def test_a_seat_without_a_peer_cannot_be_called(autojump_clock: object) -> None:
    async with pair() as p:
        p.world.chain.change(p.miner.hotkey, peer_id="")
        with pytest.raises(Unreachable):
            await p.call(Number(1))


async def test_a_seat_that_has_moved_since_it_published_is_found_by_its_peer_id(autojump_clock: object) -> None:
    async with pair() as p:
        p.world.chain.change(p.miner.hotkey, addresses=("/memory/gone",))
        await p.caller.network.drop(p.miner.network.peer_id)
        call = await p.call(Number(21, parts=3))
        assert [part async for part in call]
        await call.aclose()


# --- miners that lie ------------------------------------------------------------------------------------------------

Script = Callable[[Stream, CallRequest, MarketContext], Awaitable[None]]


@asynccontextmanager
async def lying(script: Script) -> AsyncIterator[Call]:
    world = World()
    caller, miner = world.join("caller"), world.join("miner")

    async def handler(stream: Stream) -> None:
        await script(stream, decode(CallRequest, await stream.receive(REQUEST_BYTES_MAX)), miner)

    miner.network.serve(of_subnet(CALL_PROTOCOL, NETUID), handler, with_credit=True)
    call = await open_call(caller, Doubling(), world.neuron(miner), Number(3), first_part_s=5, answer_s=10)
    yield call
    await call.aclose()


def part(index: int, *, done: bool, value: int = 6) -> bytes:
    return encode(Double(index, done, Usage(1, 1) if done else Usage(), value))


async def send_all(
    stream: Stream,
    request: CallRequest,
    parts: list[bytes],
    context: MarketContext,
    *,
    signed: list[bytes] | None = None,
    usage: Usage = Usage(1, 1),  # noqa: B008
    count: int | None = None,
) -> None:
    """Send parts and a final frame signed over `signed` (the parts themselves unless told otherwise)."""
    for body in parts:
        await stream.send(frame(FrameKind.PART, body))
    question = request_digest(request.head)
    chain = chain_of(question, parts if signed is None else signed)
    signature = context.signer.sign(answer_message(question, chain, usage))
    final = FinalFrame(len(parts) if count is None else count, usage, signature)
    await stream.send(frame(FrameKind.FINAL, encode(final)))


async def test_the_helper_that_lies_can_also_tell_the_truth(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await send_all(stream, request, [part(0, done=False), part(1, done=True)], miner)

    async with lying(script) as call:
        assert (await call.collect()).usage == Usage(1, 1)


async def test_an_answer_signed_over_other_parts_is_forged(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await send_all(stream, request, [part(0, done=True)], miner, signed=[part(0, done=True, value=7)])

    async with lying(script) as call:
        with pytest.raises(ForgedAnswer):
            await call.collect()
        assert call.answer is None


async def test_an_answer_signed_by_another_key_is_forged(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        impostor = MarketContext(miner.network, miner.doors, miner.chain, miner.netuid, signer_of("impostor"))
        await send_all(stream, request, [part(0, done=True)], impostor)

    async with lying(script) as call:
        with pytest.raises(ForgedAnswer):
            await call.collect()


async def test_usage_that_differs_from_the_last_part_is_forged(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await send_all(stream, request, [part(0, done=True)], miner, usage=Usage(1, 500))

    async with lying(script) as call:
        with pytest.raises(ForgedAnswer):
            await call.collect()


@pytest.mark.parametrize(
    "bodies",
    [
        [part(1, done=True)],
        [part(0, done=False), part(0, done=True)],
        [part(0, done=True), part(1, done=True)],
        [part(0, done=False)],
        [],
        [b"garbage"],
    ],
)
async def test_parts_out_of_order_or_without_an_end_are_no_answer(bodies: list[bytes], autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await send_all(stream, request, bodies, miner)

    async with lying(script) as call:
        with pytest.raises(CallBroken):
            await call.collect()
        assert call.answer is None


@pytest.mark.parametrize("data", [b"", b"\x63junk", frame(FrameKind.RECEIPT, b""), frame(FrameKind.FINAL, b"x")])
async def test_frames_that_make_no_sense_break_the_call(data: bytes, autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await stream.send(data)

    async with lying(script) as call:
        with pytest.raises(CallBroken):
            await call.collect()


async def test_a_refusal_with_an_unknown_code_is_still_a_refusal(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await stream.send(refusal_frame(Code.OVERLOADED, "x" * 1000).replace(bytes([Code.OVERLOADED]), b"\x7f", 1))

    async with lying(script) as call:
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.REFUSED


async def test_a_miner_that_hangs_up_in_the_middle_breaks_the_call(autojump_clock: object) -> None:
    async def script(stream: Stream, request: CallRequest, miner: MarketContext) -> None:
        await stream.send(frame(FrameKind.PART, part(0, done=False)))
        await stream.reset()

    async with lying(script) as call:
        with pytest.raises(CallBroken):
            await call.collect()


async def test_a_receipt_for_another_answer_is_refused_by_the_miner(autojump_clock: object) -> None:
    async with pair() as p:
        first = await p.call(Number(1))
        await first.collect()
        stream = await p.caller.network.open(
            p.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
        )
        await stream.send(encode(request_of(p)))
        while open_frame(await stream.receive(100_000))[0] is not FrameKind.FINAL:
            pass
        assert first.receipt is not None
        await stream.send(frame(FrameKind.RECEIPT, encode(first.receipt)))
        await trio.sleep(1)
        assert p.server.counts["receipt_refused"] == 1
        assert p.server.counts["receipts"] == 1


async def test_a_receipt_the_caller_did_not_sign_is_refused_by_the_miner(autojump_clock: object) -> None:
    async with pair() as p:
        request = request_of(p)
        chain = PartChain(request_digest(request.head))
        stream = await p.caller.network.open(
            p.miner.network.peer_id, of_subnet(CALL_PROTOCOL, NETUID), with_credit=True
        )
        await stream.send(encode(request))
        while (received := open_frame(await stream.receive(100_000)))[0] is FrameKind.PART:
            chain.add(received[1])
        final = decode(FinalFrame, received[1])
        answer = Answer(p.miner.hotkey, (), final.usage, chain.digest, final.signature, 1, 1)
        receipt = sign_receipt(request.head, answer, 3, signer_of("impostor"))
        await stream.send(frame(FrameKind.RECEIPT, encode(receipt)))
        await trio.sleep(1)
        assert (p.server.counts["receipt_refused"], p.server.counts["receipts"]) == (1, 0)


async def test_no_mutation_of_a_request_gets_past_the_handler_or_through_it(autojump_clock: object) -> None:
    random = Random(7)
    async with pair() as p:
        sound = encode(request_of(p))
        for _ in range(300):
            data = bytearray(sound)
            for _ in range(random.randint(1, 4)):
                match random.randrange(3):
                    case 0:
                        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
                    case 1:
                        del data[random.randrange(len(data))]
                    case _:
                        data.insert(random.randrange(len(data)), random.randrange(256))
            if bytes(data) != sound:
                await refusal(p, bytes(data))
        assert p.server.counts["answered"] == 0
        assert "streams.handler_failed" not in p.miner.network.counters()


async def test_two_networks_with_different_genesis_never_serve_each_other(autojump_clock: object) -> None:
    async with pair() as p:
        foreign = FakeChain(digest("test-genesis", b"another"))
        foreign.rows = p.world.chain.rows
        stranger = MarketContext(p.caller.network, p.caller.doors, foreign, NETUID, p.caller.signer)
        call = await open_call(stranger, p.subnet, p.world.neuron(p.miner), Number(1))
        with pytest.raises(CallRefused) as caught:
            await call.collect()
        assert caught.value.refusal is Code.FOREIGN
