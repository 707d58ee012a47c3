"""The users' way in: routing, failover before the first part, honesty after it, and what is written down."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from node.market.admission import Admission
from node.market.call import CALL_PROTOCOL
from node.market.chat import ChatPart
from node.market.context import MarketContext
from node.market.errors import BadRequest, CallTimeout, NoMiner, ServeFailed, UnknownModel
from node.market.frontdoor import Exchange, MarketDoor
from node.market.limits import STREAMS_HEARD_MAX, STREAMS_MAX
from node.market.serving import CallServer
from node.market.switchboard import of_subnet
from node.market.tasks import TaskLog
from node.primitives.types import Hash
from node.service.roles.host import RoleHost
from node.subnets.base import Code, Host
from p2p import Stream
from tests.unit.market.support import NETUID, Double, Doubling, NoModels, Number, World, ask_to_double


@dataclass
class House:
    """A gateway's node and some miners."""

    world: World
    door: MarketDoor
    miners: list[MarketContext]
    servers: list[CallServer]
    log: TaskLog
    gateway: MarketContext
    exchanges: list[Exchange] = field(default_factory=list)

    async def ask(self, value: int = 21) -> list[ChatPart]:
        async with aclosing(self.door.ask(ask_to_double(value))) as parts:
            return [part async for part in parts]


@asynccontextmanager
async def house(*subnets: Doubling, seated: bool = True, plugged: bool = True) -> AsyncIterator[House]:
    world = World()
    gateway = world.join("gateway", permit=True, seated=seated)
    if not seated:
        world.join("validator", permit=True)
    log, exchanges = TaskLog(), []
    door = MarketDoor(
        gateway, Doubling(), now_ms=lambda: 1_000, record=log.put, finished=exchanges.append,
        random_bytes=bytes, first_part_s=5.0, answer_s=20.0, host=RoleHost(gateway, Doubling(), NoModels()),
    )  # fmt: skip
    miners = [world.join(f"miner-{n}") for n in range(len(subnets))]
    servers = [
        CallServer(miner, subnet, RoleHost(miner, subnet, NoModels()), Admission())
        for miner, subnet in zip(miners, subnets, strict=True)
    ]
    with ExitStack() as stack:
        for miner, server in zip(miners, servers, strict=True) if plugged else ():
            stack.enter_context(
                miner.doors.plug(
                    of_subnet(CALL_PROTOCOL, NETUID),
                    server.handle,
                    per_peer=STREAMS_HEARD_MAX,
                    total=STREAMS_MAX,
                    with_credit=True,
                )
            )
        yield House(world, door, miners, servers, log, gateway, exchanges)


async def test_an_answer_streams_and_its_last_part_has_usage_and_receipt(autojump_clock: object) -> None:
    async with house(Doubling()) as h:
        parts = await h.ask(21)
        assert [part.text for part in parts] == ["42", "42", "42"]
        assert [part.done for part in parts] == [False, False, True]
        assert all(part.miner == h.miners[0].hotkey for part in parts)
        assert parts[-1].usage is not None
        assert parts[-1].usage.completion_tokens == 3
        assert len(h.exchanges) == 1
        assert parts[-1].receipt is not None
        row = h.log.recent()[0]
        assert (row.state, row.code, row.tokens, row.preview) == ("done", "", 3, "42")


async def test_parts_arrive_while_the_miner_still_works(autojump_clock: object) -> None:
    async with house(Doubling(delay_s=2.0)) as h:
        times = []
        async with aclosing(h.door.ask(ask_to_double(1))) as parts:
            async for _ in parts:
                times.append(round(trio.current_time()))
        assert times == sorted(set(times))


async def test_a_stalled_broken_or_full_miner_is_passed_over_before_the_first_part(autojump_clock: object) -> None:
    full = Doubling(fault=ServeFailed("busy", Code.OVERLOADED))
    async with house(Doubling(delay_s=60.0), full, Doubling()) as h:
        for _ in range(3):  # whatever the order of the draw, the third miner answers
            parts = await h.ask()
            assert parts[-1].miner == h.miners[2].hotkey


async def test_after_three_failures_the_user_is_told_who_was_tried(autojump_clock: object) -> None:
    async with house(*(Doubling(fault=RuntimeError()) for _ in range(5))) as h:
        with pytest.raises(NoMiner) as caught:
            await h.ask()
        assert len(caught.value.tried) == 3
        assert sum(server.counts["refused.miner_fault"] for server in h.servers) == 3


async def test_a_failure_after_the_first_part_is_not_hidden_by_another_miner(autojump_clock: object) -> None:
    async with house(Doubling(delay_s=4.0), Doubling(delay_s=4.0)) as h:
        h.door._answer_s = 6.0
        async with aclosing(h.door.ask(ask_to_double(1))) as answer:
            assert (await anext(answer)).text == "2"
            with pytest.raises(CallTimeout):
                await anext(answer)
        assert h.log.recent()[0].code == "TIMEOUT"
        assert h.exchanges == []


async def test_a_request_no_miner_could_serve_is_the_users_error_and_blames_nobody(autojump_clock: object) -> None:
    bad = ServeFailed("too long for the context", Code.MALFORMED)
    async with house(Doubling(fault=bad), Doubling(fault=bad)) as h:
        for _ in range(4):
            with pytest.raises(BadRequest):
                await h.ask()
        assert sum(server.counts["refused.malformed"] for server in h.servers) == 4


async def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    async with house(Doubling()) as h:
        with pytest.raises(UnknownModel, match="calculator") as caught:
            async with aclosing(h.door.ask(type(ask_to_double(1))(model="gpt", messages=()))) as parts:
                await anext(parts)
        assert caught.value.param == "model"


async def test_without_miners_or_without_a_seat_the_reason_is_said(autojump_clock: object) -> None:
    async with house() as h:
        with pytest.raises(NoMiner, match="No miner is online"):
            await h.ask()
    async with house(Doubling(), seated=False) as h:
        with pytest.raises(NoMiner, match="seat"):
            await h.ask()


async def test_a_user_who_leaves_stops_the_miner_and_blames_nobody(autojump_clock: object) -> None:
    async with house(Doubling(delay_s=1.0)) as h:
        async with aclosing(h.door.ask(ask_to_double(1))) as parts:
            await anext(parts)
        await trio.sleep(5)
        assert h.servers[0].counts["caller_gone"] == 1
        assert h.log.recent()[0].code == "CANCELLED"
        assert (await h.ask())[-1].done


async def test_the_model_list_counts_the_miners_that_can_be_asked() -> None:
    async with house(Doubling(), Doubling()) as h:
        assert [(model.name, model.miners) for model in h.door.models()] == [("calculator", 2)]
        h.world.chain.change(h.miners[0].hotkey, peer_id="")
        assert h.door.models()[0].miners == 1


# --- a miner that fails once, and one that is only just coming ------------------------------------------------------


class Flaky(Doubling):
    """Fails so many times, each in its own way, and then doubles."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__()
        self.faults = list(faults)

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        if self.faults:
            raise self.faults.pop(0)
        async for part in super().serve(task, host):
            yield part


@asynccontextmanager
async def resetting(h: House, times: int) -> AsyncIterator[list[int]]:
    """The first miner cuts so many streams off before it says anything; the list counts them."""
    miner, server = h.miners[0], h.servers[0]
    cut: list[int] = []

    async def handle(stream: Stream) -> None:
        if len(cut) < times:
            cut.append(1)
            await stream.reset()
            return
        await server.handle(stream)

    protocol = of_subnet(CALL_PROTOCOL, NETUID)
    with miner.doors.plug(protocol, handle, per_peer=8, total=8, with_credit=True):
        yield cut


async def test_the_only_miner_is_asked_again_when_its_stream_is_cut_before_the_first_part(
    autojump_clock: object,
) -> None:
    async with house(Doubling(), plugged=False) as h, resetting(h, 1) as cut:
        began = trio.current_time()
        assert (await h.ask())[-1].done
        assert len(cut) == 1
        assert 0 < trio.current_time() - began < 1
        assert h.door.counts["door.call.ok"] == 1


async def test_the_only_miner_is_asked_no_third_time(autojump_clock: object) -> None:
    async with house(Doubling(), plugged=False) as h, resetting(h, 99) as cut:
        with pytest.raises(NoMiner) as caught:
            await h.ask()
        assert len(cut) == len(caught.value.tried) == 2


async def test_a_miner_that_is_full_for_a_moment_is_asked_again(autojump_clock: object) -> None:
    async with house(Flaky(ServeFailed("busy", Code.OVERLOADED))) as h:
        assert (await h.ask())[-1].done
    async with house(Flaky(ServeFailed("a model is missing", Code.MINER_FAULT))) as h:
        with pytest.raises(NoMiner, match="model is missing"):  # that will be the same in a moment
            await h.ask()


async def test_a_user_who_leaves_while_a_miner_is_about_to_be_asked_again_ends_it(autojump_clock: object) -> None:
    async with house(Doubling(), plugged=False) as h, resetting(h, 99) as cut:
        with trio.move_on_after(0.1):
            await h.ask()
        await trio.sleep(5)
        assert len(cut) == 1
        assert len(h.gateway.lines) == 0


async def test_a_new_door_waits_for_the_first_miner_and_an_old_one_does_not(autojump_clock: object) -> None:
    async with house(Doubling()) as h, trio.open_nursery() as nursery:
        peer_id = h.miners[0].network.peer_id
        h.world.chain.change(h.miners[0].hotkey, peer_id="")

        async def comes_online() -> None:
            await trio.sleep(2)
            h.world.chain.change(h.miners[0].hotkey, peer_id=peer_id)

        nursery.start_soon(comes_online)
        assert (await h.ask())[-1].done
        h.world.chain.change(h.miners[0].hotkey, peer_id="")
        await trio.sleep(60)
        began = trio.current_time()
        with pytest.raises(NoMiner, match="No miner is online"):
            await h.ask()
        assert trio.current_time() == began


async def test_questions_beyond_a_miners_places_for_this_node_wait_here_and_are_answered(
    autojump_clock: object,
) -> None:
    async with house(Doubling(delay_s=0.3)) as h, trio.open_nursery() as nursery:
        done: list[int] = []

        async def one(value: int) -> None:
            done.append(int((await h.ask(value))[-1].text))

        for value in range(20):  # more than a miner hears of one peer
            nursery.start_soon(one, value)
        await trio.sleep(0.5)
        assert h.door._router._running[h.miners[0].hotkey] == 20
        await trio.sleep(30)
        assert sorted(done) == [2 * value for value in range(20)]
        assert not [name for name in h.door.counts if "passed_over" in name]
    assert len(h.gateway.lines) == 0


async def test_a_reported_answer_is_judged_once_and_a_wrong_ones_miner_is_asked_last(autojump_clock: object) -> None:
    async with house(Doubling(wrong=True), Doubling()) as h:
        lots, receipts = itertools.count(), {}
        h.door._random_bytes = lambda size: next(lots).to_bytes(size, "big")
        for _ in range(20):
            parts = await h.ask()
            assert parts[-1].receipt is not None
            receipts[parts[-1].miner] = parts[-1].receipt
            if len(receipts) == 2:
                break
        wrong, right = (receipts[miner.hotkey] for miner in h.miners)
        report = await h.door.report(right)
        assert report is not None
        assert (report.outcome, report.code, report.miner) == ("right", "ok", h.miners[1].hotkey)
        report = await h.door.report(wrong)
        assert report is not None
        assert (report.outcome, report.code, report.score, report.credited_rao) == ("wrong", "wrong", 0.0, 0)
        assert await h.door.report(wrong) is report
        for _ in range(5):
            assert (await h.ask())[-1].miner == h.miners[1].hotkey
        assert await h.door.report(Hash(bytes(32))) is None


async def test_a_door_remembers_so_many_answers_and_no_more(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.market.reports.REPORTABLE_MAX", 1)
    async with house(Doubling()) as h:
        first, second = (await h.ask())[-1].receipt, (await h.ask())[-1].receipt
        assert first is not None
        assert second is not None
        assert await h.door.report(first) is None
        assert await h.door.report(second) is not None
