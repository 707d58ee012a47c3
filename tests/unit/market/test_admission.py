"""Places at a miner: how many, who first, who never; and protocols that come and go with roles."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from node.market.admission import Admission
from node.market.errors import ServeFailed
from node.market.switchboard import Switchboard
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Height, Uid
from node.subnets.base import Code, Neuron
from p2p import MemorySwarm, P2PError, Stream


def caller(name: str, *, permit: bool = False, stake_rao: int = 0) -> Neuron:
    key = AccountId(digest("test-key", name.encode()))
    return Neuron(Uid(0), key, key, "", (), stake_rao, permit, Height(0))


def work(admission: Admission, done: list[str], hold_s: float = 1.0) -> Callable[[str, Neuron], Awaitable[None]]:
    async def one(name: str, who: Neuron) -> None:
        try:
            async with admission.place(who):
                done.append(name)
                await trio.sleep(hold_s)
        except ServeFailed as refused:
            done.append(f"{name}:{refused.refusal.name}")

    return one


async def test_waiting_validators_go_before_stake_and_stake_before_the_rest(autojump_clock: object) -> None:
    admission, done = Admission(serving_max=1), list[str]()
    one = work(admission, done)
    async with trio.open_nursery() as nursery:
        for name, who in [
            ("first", caller("a")), ("poor", caller("b")), ("rich", caller("c", stake_rao=9)),
            ("validator", caller("d", permit=True)), ("poor too", caller("e")),
        ]:  # fmt: skip
            nursery.start_soon(one, name, who)
            await trio.sleep(0.01)
    assert done == ["first", "validator", "rich", "poor", "poor too"]
    assert admission.serving == 0


async def test_never_more_than_the_places_run_at_once_and_none_is_lost(autojump_clock: object) -> None:
    admission = Admission(serving_max=3, waiting_max=100, per_caller_max=100, wait_s=1000)
    running = peak = served = 0

    async def one(n: int) -> None:
        nonlocal running, peak, served
        with trio.move_on_after(0.5 + n % 7):  # some are cancelled while they wait or run
            async with admission.place(caller(str(n % 5))):
                running += 1
                peak = max(peak, running)
                try:
                    await trio.sleep(1 + n % 3)
                    served += 1
                finally:
                    running -= 1

    async with trio.open_nursery() as nursery:
        for n in range(60):
            nursery.start_soon(one, n)
    assert peak == 3
    assert served > 0
    assert admission.serving == 0
    async with admission.place(caller("later")):
        assert admission.serving == 1


async def test_a_place_that_passes_to_somebody_just_cancelled_is_not_lost(autojump_clock: object) -> None:
    admission, scope = Admission(serving_max=1), trio.CancelScope()

    async def waiter() -> None:
        with scope:
            async with admission.place(caller("b")):
                raise LookupError("cancelled before its turn")

    async with trio.open_nursery() as nursery:
        async with admission.place(caller("a")):
            nursery.start_soon(waiter)
            await trio.sleep(1)
            scope.cancel()  # and in the same step the place is given back, to the waiter
        await trio.sleep(1)
        assert admission.serving == 0


async def test_a_full_queue_and_a_greedy_caller_are_refused_at_once(autojump_clock: object) -> None:
    admission, done = Admission(serving_max=1, waiting_max=1, per_caller_max=2), list[str]()
    one = work(admission, done, hold_s=5)
    async with trio.open_nursery() as nursery:
        for name, who in [("1", "a"), ("2", "a"), ("3", "a"), ("4", "b")]:
            nursery.start_soon(one, name, caller(who))
            await trio.sleep(0.01)
        assert done == ["1", "3:RATE_LIMITED", "4:OVERLOADED"]


async def test_nobody_waits_longer_than_the_bound(autojump_clock: object) -> None:
    admission, done = Admission(serving_max=1, wait_s=3.0), list[str]()
    one = work(admission, done, hold_s=10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "1", caller("a"))
        await trio.sleep(0.01)
        nursery.start_soon(one, "2", caller("b"))
        await trio.sleep(3.5)
        assert done == ["1", "2:OVERLOADED"]


async def test_a_closed_miner_lets_the_running_finish_and_nobody_in(autojump_clock: object) -> None:
    admission, done = Admission(), list[str]()
    one = work(admission, done, hold_s=5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "1", caller("a"))
        await trio.sleep(1)
        admission.close()
        started = trio.current_time()
        with pytest.raises(ServeFailed) as caught:
            async with admission.place(caller("b")):
                pass
        assert caught.value.refusal is Code.OVERLOADED
        await admission.wait_idle()
        assert trio.current_time() - started == pytest.approx(4)


async def test_a_protocol_can_be_unplugged_and_plugged_again(autojump_clock: object) -> None:
    swarm = MemorySwarm()
    server = swarm.join("server")
    client = swarm.join("client", bootstrap=server.addresses)
    board = Switchboard(server)

    async def hello(stream: Stream) -> None:
        await stream.send(b"hello")
        await trio.sleep_forever()

    async def ask() -> bytes:
        stream = await client.open(server.peer_id, "/test/1")
        return await stream.receive(100)

    with board.plug("/test/1", hello, per_peer=2, total=2):
        assert await ask() == b"hello"
        with pytest.raises(P2PError, match="answered already"), board.plug("/test/1", hello, per_peer=2, total=2):
            pass
        running = await client.open(server.peer_id, "/test/1")
        await running.receive(100)
    with pytest.raises(P2PError):
        await running.receive(100)  # unplugging ended what ran
    with pytest.raises(P2PError):
        await ask()
    with board.plug("/test/1", hello, per_peer=2, total=2):
        assert await ask() == b"hello"
