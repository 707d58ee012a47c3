"""The promises of `Network`, kept by both implementations alike."""

import pytest
import trio

from p2p import (
    AddressError,
    BannedError,
    EndOfStream,
    Message,
    MessageTooLargeError,
    Network,
    P2PError,
    ProtocolRefusedError,
    Stream,
    StreamFailed,
    UnreachableError,
    Verdict,
    limits,
    peer_id_of,
)
from tests.unit.p2p.worlds import World, accept, connected, until

TOPIC = "test/topic/1"
ECHO = "/test/echo/1"


async def echo(stream: Stream) -> None:
    await stream.send(await stream.receive(1 << 20))


async def receive(channel: trio.MemoryReceiveChannel[Message], *, within_s: float = 5.0) -> Message:
    with trio.fail_after(within_s):
        return await channel.receive()


async def pair(world: World) -> tuple[Network, Network]:
    first = await world.start("first")
    second = await world.start("second", first)
    await connected(first, second)
    return first, second


async def subscribed(channel: trio.MemoryReceiveChannel[Message], publisher: Network, mark: bytes) -> None:
    """Wait until messages of `publisher` arrive on `channel`."""
    with trio.fail_after(5.0):
        await publisher.publish(TOPIC, mark)
        while (await channel.receive()).data != mark:
            pass


# Gossip


async def test_a_published_message_reaches_the_other_node_once_and_not_the_publisher(world: World) -> None:
    first, second = await pair(world)
    inbox, outbox = second.subscribe(TOPIC, accept), first.subscribe(TOPIC, accept)
    await first.publish(TOPIC, b"hello")
    assert await receive(inbox) == Message(TOPIC, first.peer_id, b"hello")
    await subscribed(outbox, second, b"marker")
    assert inbox.statistics().current_buffer_used == 0


async def test_a_message_crosses_nodes_that_are_not_connected_to_its_publisher(world: World) -> None:
    nodes = [await world.start(name, max_peers=2) for name in ("a", "b", "c")]
    inboxes = [node.subscribe(TOPIC, accept) for node in nodes]
    await nodes[0].dial(nodes[1].addresses[0])
    await nodes[1].dial(nodes[2].addresses[0])
    await nodes[0].drop(nodes[2].peer_id)
    await nodes[0].publish(TOPIC, b"relayed")
    assert (await receive(inboxes[2])).data == b"relayed"


async def test_eight_nodes_of_one_bootstrap_all_receive_a_message(world: World) -> None:
    first = await world.start("0")
    nodes = [first, *[await world.start(str(number), first) for number in range(1, 8)]]
    inboxes = [node.subscribe(TOPIC, accept) for node in nodes[:-1]]
    await until(lambda: all(node.peers() for node in nodes))
    await nodes[-1].publish(TOPIC, b"to all")
    for inbox in inboxes:
        assert (await receive(inbox, within_s=30.0)).data == b"to all"  # by repair where a mesh was not yet there


async def test_the_same_content_from_two_publishers_is_delivered_once(world: World) -> None:
    first, second = await pair(world)
    third = await world.start("third", first, second)
    await connected(first, second, third)
    inbox = third.subscribe(TOPIC, accept)
    await first.publish(TOPIC, b"same")
    assert (await receive(inbox)).data == b"same"
    await second.publish(TOPIC, b"same")
    await second.publish(TOPIC, b"marker")
    assert (await receive(inbox)).data == b"marker"


async def test_publishing_again_reaches_a_node_that_came_late(world: World) -> None:
    first, second = await pair(world)
    early = second.subscribe(TOPIC, accept)
    await first.publish(TOPIC, b"again")
    assert (await receive(early)).data == b"again"
    late = (await world.start("late", first)).subscribe(TOPIC, accept)
    await until(lambda: len(first.peers()) == 2)
    await first.publish(TOPIC, b"again")
    assert (await receive(late)).data == b"again"


async def test_ignored_and_rejected_messages_are_neither_delivered_nor_passed_on(world: World) -> None:
    nodes = [await world.start(name) for name in ("a", "b", "c")]
    verdicts = {b"ignored": Verdict.IGNORE, b"rejected": Verdict.REJECT}
    middle = nodes[1].subscribe(TOPIC, lambda _peer, data: verdicts.get(data, Verdict.ACCEPT))
    end = nodes[2].subscribe(TOPIC, accept)
    await nodes[0].dial(nodes[1].addresses[0])
    await nodes[1].dial(nodes[2].addresses[0])
    await nodes[0].drop(nodes[2].peer_id)
    for data in (b"ignored", b"rejected", b"good"):
        await nodes[0].publish(TOPIC, data)
    assert (await receive(middle)).data == b"good"
    assert nodes[1].counters()["gossip.refused.ignored"] == 1
    assert nodes[1].counters()["gossip.refused.rejected"] == 1
    if len(nodes[2].peers()) == 1:
        assert (await receive(end)).data == b"good"


async def test_a_rejected_message_costs_its_sender_score_and_an_ignored_one_does_not(world: World) -> None:
    first, second = await pair(world)
    second.subscribe(TOPIC, lambda _peer, data: Verdict.REJECT if data == b"bad" else Verdict.IGNORE)
    await first.publish(TOPIC, b"early")
    await until(lambda: second.counters().get("gossip.refused.ignored"))
    assert second.peers()[0].score == 0.0
    await first.publish(TOPIC, b"bad")
    await until(lambda: second.counters().get("gossip.refused.rejected"))
    assert second.peers()[0].score == pytest.approx(-limits.REJECTED_POINTS, rel=0.01)


async def test_a_check_that_raises_ignores_the_message_and_hurts_nobody(world: World) -> None:
    first, second = await pair(world)

    def check(_peer_id: str, data: bytes) -> Verdict:
        if data == b"boom":
            raise RuntimeError("a bug in a check")
        return Verdict.ACCEPT

    inbox = second.subscribe(TOPIC, check)
    await first.publish(TOPIC, b"boom")
    await first.publish(TOPIC, b"fine")
    assert (await receive(inbox)).data == b"fine"
    assert second.counters()["gossip.check_failed"] == 1
    assert second.peers()[0].score == 0.0


async def test_a_reader_that_falls_behind_loses_the_newest_messages_and_they_are_counted(world: World) -> None:
    first, second = await pair(world)
    inbox = second.subscribe(TOPIC, accept, capacity=2)
    for number in range(5):
        await first.publish(TOPIC, bytes([number]))
    await until(lambda: second.counters().get("gossip.dropped.slow_reader") == 3)
    assert [(await receive(inbox)).data[0] for _ in range(2)] == [0, 1]


async def test_an_oversized_message_and_a_bad_topic_are_refused_before_they_leave(world: World) -> None:
    node = await world.start("only")
    with pytest.raises(MessageTooLargeError):
        await node.publish(TOPIC, bytes(limits.MESSAGE_MAX_BYTES + 1))
    with pytest.raises(P2PError):
        node.subscribe("t" * (limits.TOPIC_NAME_MAX_BYTES + 1), accept)


async def test_a_topic_is_subscribed_once_and_again_after_its_channel_was_closed(world: World) -> None:
    first, second = await pair(world)
    inbox = second.subscribe(TOPIC, accept)
    with pytest.raises(P2PError, match="already"):
        second.subscribe(TOPIC, accept)
    inbox.close()
    await subscribed(second.subscribe(TOPIC, accept), first, b"marker")


async def test_a_large_message_arrives_whole(world: World) -> None:
    first, second = await pair(world)
    inbox = second.subscribe(TOPIC, accept)
    data = bytes(range(256)) * 4096
    await first.publish(TOPIC, data)
    assert (await receive(inbox)).data == data


async def test_the_channel_ends_when_its_node_stops(world: World) -> None:
    node = await world.start("only")
    inbox = node.subscribe(TOPIC, accept)
    await world.stop("only")
    with pytest.raises(trio.EndOfChannel):
        await receive(inbox)


# Streams


async def test_a_request_is_answered(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    assert await second.request(first.peer_id, ECHO, b"ping", max_bytes=16) == b"ping"
    assert await second.request(first.peer_id, ECHO, b"", max_bytes=0) == b""


async def test_frames_flow_both_ways_until_each_side_says_it_ends(world: World) -> None:
    first, second = await pair(world)

    async def sum_up(stream: Stream) -> None:
        total = 0
        try:
            while True:
                total += len(await stream.receive(1 << 20))
        except EndOfStream:
            await stream.send(total.to_bytes(8, "big"))

    first.serve("/test/sum/1", sum_up)
    stream = await second.open(first.peer_id, "/test/sum/1")
    assert stream.peer_id == first.peer_id
    for size in (0, 1, 70_000, 1 << 20):
        await stream.send(bytes(size))
    await stream.close_write()
    assert int.from_bytes(await stream.receive(8), "big") == 70_001 + (1 << 20)
    with pytest.raises(EndOfStream):
        await stream.receive(8)
    await stream.aclose()


async def test_a_protocol_nobody_serves_is_refused_and_the_connection_stays(world: World) -> None:
    first, second = await pair(world)
    with pytest.raises(ProtocolRefusedError):
        await second.open(first.peer_id, "/test/unknown/1")
    first.serve(ECHO, echo)
    assert await second.request(first.peer_id, ECHO, b"x", max_bytes=1) == b"x"


async def test_a_stream_to_a_stranger_is_refused(world: World) -> None:
    first, second = await pair(world)
    await second.drop(first.peer_id)
    with pytest.raises(UnreachableError):
        await second.open(first.peer_id, ECHO)
    with pytest.raises(AddressError):
        await second.open("not a peer id", ECHO)


async def test_an_oversized_frame_fails_the_stream_and_not_the_connection(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    with pytest.raises(StreamFailed, match="at most 3"):
        await second.request(first.peer_id, ECHO, b"four", max_bytes=3)
    assert await second.request(first.peer_id, ECHO, b"four", max_bytes=4) == b"four"


async def test_a_frame_over_the_bound_is_not_sent(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    stream = await second.open(first.peer_id, ECHO)
    with pytest.raises(MessageTooLargeError):
        await stream.send(bytes(limits.FRAME_MAX_BYTES + 1))
    await stream.send(b"small")
    assert await stream.receive(16) == b"small"


async def test_a_handler_that_raises_fails_its_stream_only(world: World) -> None:
    first, second = await pair(world)

    async def broken(_stream: Stream) -> None:
        raise RuntimeError("a bug in a handler")

    first.serve("/test/broken/1", broken)
    first.serve(ECHO, echo)
    with pytest.raises(StreamFailed):
        await second.request(first.peer_id, "/test/broken/1", b"x", max_bytes=1)
    assert await second.request(first.peer_id, ECHO, b"x", max_bytes=1) == b"x"
    assert first.counters()["streams.handler_failed"] == 1


async def test_a_reset_is_seen_by_the_other_side_as_failure_and_not_as_end(world: World) -> None:
    first, second = await pair(world)
    outcome: list[type[BaseException]] = []

    async def wait_for_more(stream: Stream) -> None:
        await stream.send(await stream.receive(16))
        try:
            await stream.receive(16)
        except P2PError as error:
            outcome.append(type(error))

    first.serve("/test/wait/1", wait_for_more)
    stream = await second.open(first.peer_id, "/test/wait/1")
    await stream.send(b"hello")
    await stream.receive(16)
    await stream.reset()
    await until(lambda: outcome)
    assert outcome == [StreamFailed]


async def test_a_peer_that_vanishes_fails_its_streams(world: World) -> None:
    first, second = await pair(world)

    async def never_answer(stream: Stream) -> None:
        await trio.sleep_forever()

    first.serve("/test/silent/1", never_answer)
    stream = await second.open(first.peer_id, "/test/silent/1")
    await stream.send(b"hello")
    await world.stop("first")
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.receive(16)
    await until(lambda: not second.peers())


async def test_a_request_without_answer_ends_at_its_deadline(world: World) -> None:
    first, second = await pair(world)

    async def never_answer(stream: Stream) -> None:
        await trio.sleep_forever()

    first.serve("/test/silent/1", never_answer)
    with pytest.raises(UnreachableError, match="within"):
        await second.request(first.peer_id, "/test/silent/1", b"x", max_bytes=1, timeout_s=0.05)


async def test_one_peer_cannot_hold_more_streams_than_its_share(world: World) -> None:
    first, second = await pair(world)

    async def hold(stream: Stream) -> None:
        await stream.receive(16)
        await trio.sleep_forever()

    first.serve("/test/hold/1", hold, per_peer=2)
    for _ in range(2):
        await second.open(first.peer_id, "/test/hold/1")
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await (await second.open(first.peer_id, "/test/hold/1")).receive(16)
    assert first.counters()["streams.refused.busy"] == 1


async def test_a_closed_stream_gives_its_place_back(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo, per_peer=1, total=1)
    for _ in range(5):
        assert await second.request(first.peer_id, ECHO, b"x", max_bytes=1) == b"x"


async def test_sends_of_two_tasks_are_not_mixed(world: World) -> None:
    first, second = await pair(world)
    received: list[bytes] = []

    async def collect(stream: Stream) -> None:
        for _ in range(8):
            received.append(await stream.receive(1 << 20))

    first.serve("/test/collect/1", collect)
    stream = await second.open(first.peer_id, "/test/collect/1")
    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(stream.send, bytes([number]) * 200_000)
    await until(lambda: len(received) == 8)
    assert sorted(received) == [bytes([number]) * 200_000 for number in range(8)]


async def test_a_cancelled_receive_loses_nothing(world: World) -> None:
    first, second = await pair(world)
    go = trio.Event()

    async def late(stream: Stream) -> None:
        await go.wait()
        await stream.send(b"late")

    first.serve("/test/late/1", late)
    stream = await second.open(first.peer_id, "/test/late/1")
    with trio.move_on_after(0.02) as scope:
        await stream.receive(16)
    assert scope.cancelled_caught
    go.set()
    with trio.fail_after(5.0):
        assert await stream.receive(16) == b"late"


# Peers


async def test_peers_describe_both_ends_of_a_connection(world: World) -> None:
    first, second = await pair(world)
    await until(lambda: second.peers()[0].agent and second.peers()[0].latency_ms is not None)
    seen_by_second, seen_by_first = second.peers()[0], first.peers()[0]
    assert (seen_by_second.peer_id, seen_by_second.direction) == (first.peer_id, "out")
    assert (seen_by_first.peer_id, seen_by_first.direction) == (second.peer_id, "in")
    assert first.addresses[0] in seen_by_second.addresses


async def test_dialling_twice_keeps_one_connection_and_returns_the_same_peer(world: World) -> None:
    first, second = await pair(world)
    assert await second.dial(first.addresses[0]) == first.peer_id
    assert await second.dial(first.addresses[0]) == first.peer_id
    assert len(second.peers()) == 1


async def test_a_dial_to_nobody_to_oneself_or_to_nonsense_is_refused(world: World) -> None:
    first, second = await pair(world)
    gone = first.addresses[0]
    await world.stop("first")
    await until(lambda: not second.peers())
    with pytest.raises(UnreachableError):
        await second.dial(gone, timeout_s=1.0)
    with pytest.raises(AddressError):
        await second.dial(second.addresses[0])
    with pytest.raises(AddressError):
        await second.dial("/nonsense")


async def test_a_dropped_peer_is_gone_and_comes_back_when_dialled(world: World) -> None:
    first, second = await pair(world)
    first.serve(ECHO, echo)
    address = first.addresses[0]
    await second.drop(first.peer_id)
    assert second.peers() == ()
    await until(lambda: not first.peers() or first.peers()[0].direction == "out")
    await second.dial(address)
    assert await second.request(first.peer_id, ECHO, b"x", max_bytes=1) == b"x"


async def test_a_peer_reported_below_the_threshold_is_dropped_and_refused_both_ways(world: World) -> None:
    first, second = await pair(world)
    address = first.addresses[0]
    second.report(first.peer_id, 60.0, "test")
    assert second.peers()[0].score == pytest.approx(-60.0, rel=0.01)
    second.report(first.peer_id, 60.0, "test")
    await until(lambda: not second.peers() and not first.peers())
    assert second.counters()["bans"] == 1
    with pytest.raises(BannedError):
        await second.dial(address)
    with pytest.raises(BannedError):
        await second.open(first.peer_id, ECHO)
    with pytest.raises(UnreachableError):
        await first.dial(second.addresses[0], timeout_s=2.0)


async def test_a_banned_peer_is_dropped_kept_out_and_told_why_until_the_ban_is_lifted(world: World) -> None:
    first, second = await pair(world)
    address = second.addresses[0]
    ban = await first.ban(second.peer_id, "too loud", duration_s=90.0)
    assert (ban.peer_id, ban.reason, ban.remaining_s) == (second.peer_id, "too loud", 90.0)
    await until(lambda: not first.peers() and not second.peers())
    with pytest.raises(BannedError, match="too loud"):
        await first.dial(address)
    assert [(each.peer_id, each.reason) for each in first.bans()] == [(second.peer_id, "too loud")]
    assert first.unban(second.peer_id)
    assert not first.unban(second.peer_id)
    assert first.bans() == ()
    await first.dial(address)
    assert [peer.peer_id for peer in first.peers()] == [second.peer_id]


async def test_a_ban_ends_by_itself(world: World) -> None:
    first, second = await pair(world)
    await first.ban(second.peer_id, "briefly", duration_s=1.0)
    assert first.bans()
    await until(lambda: not first.bans(), within_s=3.0)
    await first.dial(second.addresses[0])


@pytest.mark.parametrize(
    ("duration_s", "error"), [(0.5, P2PError), (1e12, P2PError), (float("nan"), P2PError), (-1.0, P2PError)]
)
async def test_a_ban_nobody_can_mean_is_refused(world: World, duration_s: float, error: type[P2PError]) -> None:
    first, second = await pair(world)
    with pytest.raises(error):
        await first.ban(second.peer_id, "", duration_s=duration_s)
    with pytest.raises(AddressError):
        await first.ban("nonsense", "")
    with pytest.raises(AddressError):
        await first.ban(first.peer_id, "")
    assert first.bans() == ()


async def test_a_ping_measures_a_connected_peer_and_names_a_stranger(world: World) -> None:
    first, second = await pair(world)
    assert 0.0 <= await first.ping(second.peer_id) < 5_000.0
    await first.drop(second.peer_id)
    stranger = await world.start("stranger")
    with pytest.raises(UnreachableError):
        await first.ping(stranger.peer_id)
    with pytest.raises(AddressError):
        await first.ping("nonsense")


async def test_a_full_node_admits_nobody_else(world: World) -> None:
    full = await world.start("full", max_peers=1)
    await (await world.start("in time")).dial(full.addresses[0])
    late = await world.start("late")
    with pytest.raises(UnreachableError):
        await late.dial(full.addresses[0], timeout_s=2.0)
    assert len(full.peers()) == 1


async def test_a_newcomer_connects_to_the_peers_of_its_bootstrap_and_survives_its_death(world: World) -> None:
    first = await world.start("first")
    others = [await world.start(name, first) for name in ("second", "third")]
    await connected(first, *others)
    inbox = others[0].subscribe(TOPIC, accept)
    await world.stop("first")
    await until(lambda: all(len(node.peers()) == 1 for node in others))
    await others[1].publish(TOPIC, b"without bootstrap")
    assert (await receive(inbox)).data == b"without bootstrap"


# Finding


async def test_a_peer_is_found_by_its_id_and_a_stranger_is_not(world: World) -> None:
    first, second = await pair(world)
    assert first.addresses[0] in await second.find(first.peer_id)
    assert await second.find(peer_id_of(b"\x07" * 32)) == ()
    with pytest.raises(AddressError):
        await second.find("nobody")
