"""More gossip than a connection or a node can take: votes arrive all the same, and what gives way is counted."""

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from libp2p.pubsub.pb import rpc_pb2

from p2p import Check, Message, Network, Priority, Verdict, limits
from p2p.counters import Counters
from p2p.hardened.gossipsub import BoundedMessageCache
from p2p.hardened.outbound import OutboundQueue, encode_frame
from p2p.hardened.rates import JudgeBudget, TokenBucket, work_units
from p2p.identity import Identity
from tests.unit.p2p.worlds import Libp2pWorld, World, accept, connected, until

VOTES, TRANSACTIONS, TASKS = "votes", "transactions", "tasks"
PRIORITIES = {VOTES: Priority.HIGH, TRANSACTIONS: Priority.NORMAL, TASKS: Priority.LOW}
OVERLOAD = 10
PEER, OTHER = "one", "other"


def frame(topic: str, text: str) -> rpc_pb2.RPC:
    data = text.ljust(30 - len(topic)).encode()  # frames of one size, whatever their topic
    return rpc_pb2.RPC(publish=[rpc_pb2.Message(data=data, topicIDs=[topic])])


def data_in(raw: bytes) -> str:
    rpc = rpc_pb2.RPC()
    length_bytes = next(at for at, byte in enumerate(raw, 1) if byte < 0x80)
    rpc.ParseFromString(raw[length_bytes:])
    return rpc.publish[0].data.decode().rstrip()


def push(queue: OutboundQueue, topic: str, text: str) -> bool:
    return queue.push_frame(encode_frame(frame(topic, text), PRIORITIES[topic]))


async def popped(queue: OutboundQueue) -> str:
    got = await queue.pop()
    assert got is not None
    return data_in(got.data)


# The queue of one neighbour


async def test_votes_leave_before_transactions_and_those_before_the_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = OutboundQueue(Counters())
    for topic in (TASKS, TRANSACTIONS, VOTES):
        push(queue, topic, f"1 {topic}")
        push(queue, topic, f"2 {topic}")
    assert [await popped(queue) for _ in range(6)] == [
        "1 votes", "2 votes", "1 transactions", "2 transactions", "1 tasks", "2 tasks",
    ]  # fmt: skip


async def test_what_is_not_a_vote_leaves_at_a_pace_and_a_vote_does_not_wait_for_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = OutboundQueue(Counters())
    burst = round(limits.PACED_PER_S * limits.PACED_BURST_S)
    for number in range(3 * burst):
        push(queue, TRANSACTIONS, str(number))
    begin = trio.current_time()
    for _ in range(burst):
        await popped(queue)
    assert trio.current_time() == begin
    push(queue, VOTES, "vote")
    assert await popped(queue) == "vote"
    assert trio.current_time() == begin
    for _ in range(burst):
        await popped(queue)
    assert trio.current_time() - begin == pytest.approx(limits.PACED_BURST_S, rel=0.1)


async def test_a_writer_that_waits_for_its_pace_is_woken_by_a_vote(autojump_clock: trio.testing.MockClock) -> None:
    queue = OutboundQueue(Counters())
    for _ in range(round(limits.PACED_PER_S * limits.PACED_BURST_S) + 2):
        push(queue, TRANSACTIONS, "x" * limits.WORK_UNIT_BYTES * 80)
    for _ in range(2):
        await popped(queue)
    begin = trio.current_time()
    got: list[str] = []

    async def write() -> None:
        got.append(await popped(queue))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await trio.sleep(0.001)
        push(queue, VOTES, "vote")
    assert got == ["vote"]
    assert trio.current_time() - begin < 0.01


@pytest.mark.parametrize("by_bytes", [False, True])
async def test_a_full_queue_gives_up_the_least_important_first_the_oldest_of_them_and_counts_it(
    monkeypatch: pytest.MonkeyPatch, *, by_bytes: bool
) -> None:
    monkeypatch.setattr(limits, "OUTBOUND_RPC_MAX", 100 if by_bytes else 4)
    size = len(encode_frame(frame(VOTES, "0")).data)
    monkeypatch.setattr(limits, "OUTBOUND_RPC_MAX_BYTES", 4 * size if by_bytes else 1 << 20)
    counters = Counters()
    queue = OutboundQueue(counters)
    for topic, text in ((TASKS, "a"), (TASKS, "b"), (TRANSACTIONS, "c"), (TRANSACTIONS, "d")):
        assert push(queue, topic, text)
    for text in ("1", "2", "3"):
        assert push(queue, VOTES, text)
    assert not push(queue, TASKS, "too late")
    assert [await popped(queue) for _ in range(4)] == ["1", "2", "3", "d"]
    dropped = counters.snapshot()
    assert dropped["gossip.dropped.slow_peer.low"] == 3
    assert dropped["gossip.dropped.slow_peer.normal"] == 1
    assert "gossip.dropped.slow_peer.high" not in dropped


async def test_votes_that_nobody_reads_give_way_to_newer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTBOUND_RPC_MAX", 3)
    counters = Counters()
    queue = OutboundQueue(counters)
    for text in "12345":
        assert push(queue, VOTES, text)
    assert [await popped(queue) for _ in range(3)] == ["3", "4", "5"]
    assert counters.snapshot()["gossip.dropped.slow_peer.high"] == 2


async def test_a_closed_queue_ends_its_writer_and_counts_what_was_lost() -> None:
    counters = Counters()
    queue = OutboundQueue(counters)
    push(queue, VOTES, "lost")
    queue.close()
    assert await queue.pop() is None
    assert not push(queue, VOTES, "late")
    assert counters.snapshot()["gossip.dropped.slow_peer.high"] == 1


# What is judged


def test_a_bucket_may_be_overdrawn_once_and_then_refills() -> None:
    bucket = TokenBucket(10.0, 5.0, 0.0)
    assert bucket.take(100.0, 0.0)
    assert not bucket.take(1.0, 9.0)
    assert bucket.wait_s(9.0) == pytest.approx(0.5)
    assert bucket.take(1.0, 9.6)


def test_a_flood_of_one_priority_takes_nothing_from_another() -> None:
    budget = JudgeBudget(0.0)
    while budget.take(PEER, Priority.NORMAL, 1000, 0.0) or budget.take(PEER, Priority.LOW, 1000, 0.0):
        pass
    expected = round(limits.JUDGED_HIGH_PER_S * limits.JUDGED_BURST_S)
    assert sum(budget.take(PEER, Priority.HIGH, 1000, 0.0) for _ in range(2 * expected)) >= expected


def test_a_flooder_leaves_every_other_neighbour_its_share() -> None:
    budget = JudgeBudget(0.0)
    judged = sum(budget.take(PEER, Priority.NORMAL, 1000, second / 10) for second in range(100) for _ in range(1000))
    assert judged <= 1.2 * limits.JUDGED_NORMAL_PER_S * (10 + limits.JUDGED_BURST_S)
    share = round(limits.JUDGED_NORMAL_PER_S * limits.JUDGED_BURST_S / limits.JUDGED_SHARES)
    assert sum(budget.take(OTHER, Priority.NORMAL, 1000, 10.0) for _ in range(share)) == share


def test_a_large_message_costs_more_of_the_budget() -> None:
    assert work_units(200) == 1
    assert work_units(64 << 10) == 9
    small, large = JudgeBudget(0.0), JudgeBudget(0.0)
    assert sum(small.take(PEER, Priority.LOW, 0, 0.0) for _ in range(1000)) > 5 * sum(
        large.take(PEER, Priority.LOW, 64 << 10, 0.0) for _ in range(1000)
    )


def test_peers_that_come_and_go_do_not_fill_the_budget_with_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PEER_RATES_MAX", 3)
    budget = JudgeBudget(0.0)
    for number in range(50):
        budget.take(str(number), Priority.HIGH, 0, 0.0)
    assert len(budget._own) == 3


def test_a_cache_full_of_transactions_still_keeps_votes_for_who_missed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RELAY_CACHE_MAX_BYTES", 10_000)
    cache = BoundedMessageCache(3, 5, PRIORITIES.__getitem__)
    for number in range(100):
        seqno = number.to_bytes(8, "big")
        cache.put(rpc_pb2.Message(data=bytes(1000), topicIDs=[TRANSACTIONS], from_id=b"a", seqno=seqno))
    cache.put(rpc_pb2.Message(data=bytes(200), topicIDs=[VOTES], from_id=b"a", seqno=b"vote"))
    assert len(cache.window(VOTES)) == 1


# Whole hosts


class Listener:
    """What one node heard, in order."""

    def __init__(self, node: Network, check: Check) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.again: list[tuple[str, bytes]] = []
        self.inboxes = [
            node.subscribe(
                topic, check, priority=priority, capacity=10_000,
                again=lambda peer_id, data: self.again.append((peer_id, data)),
            )
            for topic, priority in PRIORITIES.items()
        ]  # fmt: skip

    def count(self, topic: str) -> int:
        return sum(name == topic for name, _ in self.heard)

    async def run(self) -> None:
        async def read(inbox: trio.MemoryReceiveChannel[Message]) -> None:
            async for message in inbox:
                self.heard.append((message.topic, message.data))

        async with trio.open_nursery() as nursery:
            for inbox in self.inboxes:
                nursery.start_soon(read, inbox)


async def met(nursery: trio.Nursery, *nodes: Network, checks: Sequence[Check] = ()) -> list[Listener]:
    """Let every node listen, and wait until what the first one says is heard by all."""
    listeners = [Listener(node, check) for node, check in zip(nodes, checks or [accept] * len(nodes), strict=True)]
    for listener in listeners:
        nursery.start_soon(listener.run)
    await connected(*nodes)
    with trio.fail_after(10.0):
        while any(listener.count(topic) == 0 for listener in listeners[1:] for topic in PRIORITIES):
            for topic in PRIORITIES:
                await nodes[0].publish(topic, b"hello %f" % trio.current_time())
            await trio.sleep(0.05)
    for listener in listeners:
        listener.heard.clear()
    return listeners


async def test_a_vote_overtakes_ten_times_what_its_neighbour_reads(
    libp2p_world: Libp2pWorld, nursery: trio.Nursery
) -> None:
    first = await libp2p_world.start("first")
    second = await libp2p_world.start("second", first)
    _, listener = await met(nursery, first, second)
    for number in range(OVERLOAD * round(limits.PEER_MESSAGES_PER_S)):
        await first.publish(TRANSACTIONS, b"%d" % number + bytes(1000))
        await first.publish(TASKS, b"%d" % number + bytes(1000))
    await first.publish(VOTES, b"vote")
    await until(lambda: listener.count(VOTES), within_s=10.0)
    assert len(listener.heard) < 2 * limits.PACED_PER_S * (limits.PACED_BURST_S + 2)
    dropped = first.counters()
    assert dropped["gossip.dropped.slow_peer.low"] > limits.PEER_MESSAGES_PER_S
    assert "gossip.dropped.slow_peer.high" not in dropped
    await until(lambda: listener.count(TRANSACTIONS) > 2 * limits.PACED_PER_S, within_s=10.0)  # they go on afterwards


async def test_a_flood_is_dropped_unjudged_and_the_votes_behind_it_are_heard(
    libp2p_world: Libp2pWorld, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = await libp2p_world.open("victim")
    flooder = await libp2p_world.open("flooder", bootstrap=victim.addresses)
    _, listener = await met(nursery, flooder, victim)
    monkeypatch.setattr(limits, "PEER_MESSAGES_PER_S", 1e6)  # the reader is not what holds it up
    monkeypatch.setattr("p2p.hardened.outbound._FIRST_PACED", 99)  # and the flooder keeps to no pace
    victim.host.pubsub._rates.clear()
    monkeypatch.setattr(limits, "OUTBOUND_RPC_MAX", 100_000)
    await flooder.drop(victim.peer_id)
    await flooder.dial(victim.addresses[0])
    await met_again(flooder, listener)
    flood = OVERLOAD * round(limits.JUDGED_LOW_PER_S)
    for number in range(flood):
        await flooder.publish(TASKS, b"%d" % number + bytes(1000))
    for number in range(20):
        await flooder.publish(VOTES, b"vote %d" % number)
    await until(lambda: listener.count(VOTES) == 20, within_s=10.0)
    await until(lambda: victim.counters().get("gossip.dropped.over_budget.low", 0) > flood // 3, within_s=10.0)
    assert "gossip.dropped.over_budget.high" not in victim.counters()


async def met_again(publisher: Network, listener: Listener) -> None:
    """Wait until the publisher is heard on a new connection."""
    with trio.fail_after(10.0):
        while not listener.count(VOTES):
            await publisher.publish(VOTES, b"again %f" % trio.current_time())
            await trio.sleep(0.05)
    await trio.sleep(0.2)
    listener.heard.clear()


# Repetition and single neighbours, in both worlds


async def test_what_found_its_reader_full_is_delivered_when_it_is_published_again(world: World) -> None:
    first, second = await world.start("first"), await world.start("second")
    inbox = second.subscribe(VOTES, accept, capacity=1, priority=Priority.HIGH)
    first.subscribe(VOTES, accept, priority=Priority.HIGH)
    await second.dial(first.addresses[0])
    await until(lambda: first.peers())
    with trio.fail_after(5.0):
        while not second.counters().get("gossip.delivered"):
            await first.publish(VOTES, b"fills the queue")
            await trio.sleep(0.05)
        await first.publish(VOTES, b"vote")
        await until(lambda: second.counters().get("gossip.dropped.slow_reader"))
        await inbox.receive()
        await first.publish(VOTES, b"vote")
        assert (await inbox.receive()).data == b"vote"


async def test_known_content_published_again_is_told_and_not_delivered(world: World, nursery: trio.Nursery) -> None:
    first, second = await world.start("first"), await world.start("second")
    await second.dial(first.addresses[0])
    _, listener = await met(nursery, first, second)
    listener.again.clear()
    await first.publish(VOTES, b"vote")
    await until(lambda: listener.heard == [(VOTES, b"vote")])
    assert listener.again == []
    await first.publish(VOTES, b"vote")
    await until(lambda: listener.again == [(first.peer_id, b"vote")])
    assert listener.heard == [(VOTES, b"vote")]


async def test_what_is_told_to_one_neighbour_goes_to_it_alone(world: World, nursery: trio.Nursery) -> None:
    handed: list[tuple[str, str]] = []

    def check_of(name: str) -> Check:
        def check(peer_id: str, data: bytes) -> Verdict:
            if data != b"for you":
                return Verdict.ACCEPT
            handed.append((name, peer_id))
            return Verdict.IGNORE

        return check

    first = await world.start("first")
    nodes = [first, await world.start("second", first), await world.start("third", first)]
    await met(nursery, *nodes, checks=[check_of("first"), check_of("second"), check_of("third")])
    await first.tell(Identity.from_seed(b"nobody".ljust(32)).peer_id, VOTES, b"for you")
    await first.tell(nodes[1].peer_id, VOTES, b"for you")
    await until(lambda: handed)
    await trio.sleep(0.1)
    assert handed == [("second", first.peer_id)]
