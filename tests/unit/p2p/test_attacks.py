"""What hostile peers send to a real host on loopback, and what must not come of it.

Numbers (A1-A10, B, C) are those of the attacks that ended, wedged or bloated stock libp2p 0.8.1. After each attack an
honest peer must still be served by the same victim over the same connection.
"""

import struct
from functools import partial

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from p2p import Network, P2PError, Stream, StreamFailed, limits
from p2p.framing import BufferedReader
from p2p.hardened.pubsub import _is_signed_by_author
from p2p.hardened.streams import Libp2pStream
from p2p.hardened.yamux import HardenedYamux
from tests.unit.p2p.scene import ECHO, GOSSIP, TOPIC, Scene, for_ever
from tests.unit.p2p.worlds import Libp2pWorld, accept, until


def framed(rpc: rpc_pb2.RPC) -> bytes:
    frame: bytes = encode_varint_prefixed(rpc.SerializeToString())
    return frame


def message(**fields: object) -> rpc_pb2.Message:
    given = {"data": b"x", "topicIDs": [TOPIC], "from_id": b"\x00\x24\x08\x01\x12\x20" + bytes(32), "seqno": b"1"}
    return rpc_pb2.Message(**{**given, **fields})


def publish(**fields: object) -> bytes:
    return framed(rpc_pb2.RPC(publish=[message(**fields)]))


# Frames no honest implementation sends: the stream is cut and the sender loses score (A1-A3 ended stock processes)

RSA_LIKE_AUTHOR = b"\x12\x20" + bytes(range(32))

MALFORMED = {
    "A1_not_protobuf": encode_varint_prefixed(b"\xff" * 40),
    "A2_key_that_is_garbage": publish(from_id=RSA_LIKE_AUTHOR, key=b"\xff" * 20, signature=b"s" * 64),
    "A2_key_of_another_author": publish(
        from_id=RSA_LIKE_AUTHOR, key=b"\x08\x01\x12\x20" + bytes(32), signature=b"s" * 64
    ),
    "A3_empty_author": publish(from_id=b"", signature=b"s" * 64),
    "A3_author_of_one_byte": publish(from_id=b"\x00", signature=b"s" * 64),
    "A3_author_with_a_short_key": publish(from_id=b"\x00\x06\x08\x01\x12\x02ab", signature=b"s" * 64),
    "A3_author_with_a_bad_point": publish(from_id=b"\x00\x24\x08\x01\x12\x20" + b"\xff" * 32, signature=b"s" * 64),
    "no_signature": publish(),
    "wrong_signature": publish(signature=b"s" * 64),
    "two_topics": publish(topicIDs=[TOPIC, TOPIC], signature=b"s" * 64),
    "no_topic": publish(topicIDs=[], signature=b"s" * 64),
    "overlong_number": publish(seqno=bytes(limits.SEQNO_MAX_BYTES + 1), signature=b"s" * 64),
    "too_many_messages": framed(rpc_pb2.RPC(publish=[rpc_pb2.Message()] * (limits.RPC_MESSAGES_MAX + 1))),
    "too_many_subscriptions": framed(
        rpc_pb2.RPC(subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=True, topicid=str(n)) for n in range(80_000)])
    ),
    "topic_that_is_not_text": encode_varint_prefixed(b"\x0a\x06\x08\x01\x12\x02\xff\xfe"),
    "too_many_grafts": framed(
        rpc_pb2.RPC(control=rpc_pb2.ControlMessage(graft=[rpc_pb2.ControlGraft(topicID="t")] * 2000))
    ),
    "too_many_wanted_ids": framed(
        rpc_pb2.RPC(control=rpc_pb2.ControlMessage(iwant=[rpc_pb2.ControlIWant(messageIDs=[b"i"] * 5000)]))
    ),
    "overlong_control": framed(
        rpc_pb2.RPC(control=rpc_pb2.ControlMessage(prune=[rpc_pb2.ControlPrune(topicID="t" * 600_000)]))
    ),
}


async def test_every_malformed_gossip_frame_cuts_its_stream_and_costs_score(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BAN_SCORE", float("-inf"))
    for number, (name, frame) in enumerate(MALFORMED.items(), start=1):
        stream = await scene.send_gossip(frame)
        with trio.fail_after(5.0), pytest.raises(StreamFailed):
            await stream.read(1)
        assert scene.count("gossip.refused.malformed") == number, name
        score = scene.victim.reputation.score(scene.hostile.peer_id, trio.current_time())
        assert score < -limits.MALFORMED_POINTS * number * 0.9, name
    await scene.honest_peer_is_served()


async def test_a_peer_that_keeps_sending_malformed_frames_is_banned(scene: Scene) -> None:
    for _ in range(3):
        await scene.send_gossip(MALFORMED["A1_not_protobuf"])
    await until(lambda: not scene.hostile_is_connected())
    assert scene.count("bans") == 1
    with pytest.raises(P2PError):
        await scene.hostile.dial(scene.victim.addresses[0], timeout_s=2.0)
    await scene.honest_peer_is_served()


def test_hostile_keys_are_refused_without_an_exception() -> None:
    for name, frame in MALFORMED.items():
        if name.startswith(("A2", "A3", "wrong")):
            rpc = rpc_pb2.RPC.FromString(frame[2:] if frame[0] & 0x80 else frame[1:])
            assert not _is_signed_by_author(rpc.publish[0]), name


# Frames that are allowed but useless or greedy: no harm, no growth


async def test_an_announced_frame_over_the_bound_is_refused_before_it_is_read(scene: Scene) -> None:
    stream = await scene.send_gossip(b"\xff\xff\xff\x7f")
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.read(1)
    await scene.honest_peer_is_served()


async def test_endless_length_bytes_are_refused(scene: Scene) -> None:
    stream = await scene.send_gossip(b"\x80" * 64)
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await stream.read(1)
    await scene.honest_peer_is_served()


async def test_control_parts_about_foreign_topics_leave_nothing_behind(scene: Scene) -> None:
    topics = [f"invented/{number}" for number in range(200)]
    control = rpc_pb2.ControlMessage(
        graft=[rpc_pb2.ControlGraft(topicID=topic) for topic in topics],
        prune=[rpc_pb2.ControlPrune(topicID=topic, backoff=1 << 60) for topic in topics],
        ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=[b"id"]) for topic in topics],
    )
    await scene.send_gossip(framed(rpc_pb2.RPC(control=control)))
    await scene.send_gossip(MALFORMED["A1_not_protobuf"])
    await until(lambda: scene.count("gossip.refused.malformed"))
    router = scene.victim.host.router
    assert not set(topics) & {*router.back_off, *router.mesh}
    tracked = (router.ihave_message_limits, router.graft_flood_tracking)
    assert not any(scene.hostile.host.id in table for table in tracked)
    await scene.honest_peer_is_served()


async def test_a_prune_cannot_make_us_dial_whom_it_names(scene: Scene) -> None:
    router = scene.victim.host.router
    followed: list[object] = []

    async def record(peers: list[object]) -> None:
        followed.extend(peers)

    router._do_px = record
    await until(lambda: TOPIC in router.mesh)
    named = rpc_pb2.PeerInfo(peerID=scene.honest.host.id.to_bytes(), signedPeerRecord=b"record")
    control = rpc_pb2.ControlMessage(prune=[rpc_pb2.ControlPrune(topicID=TOPIC, peers=[named])])
    await scene.send_gossip(framed(rpc_pb2.RPC(control=control)))
    await until(lambda: scene.hostile.host.id in router.back_off.get(TOPIC, {}))
    assert followed == []


async def test_one_want_does_not_multiply_a_message(scene: Scene) -> None:
    await scene.victim.publish(TOPIC, bytes(100_000))
    router = scene.victim.host.router
    (message_id,) = router.mcache.window(TOPIC)
    greedy = rpc_pb2.ControlMessage(iwant=[rpc_pb2.ControlIWant(messageIDs=[message_id] * 4000)])
    await until(lambda: scene.hostile.host.id in scene.victim.host.pubsub.peer_queues)
    await until(lambda: scene.count("gossip.out") == 1)  # to the honest peer, the only one on the topic
    stream = await scene.send_gossip(framed(rpc_pb2.RPC(control=greedy)))
    await stream.write(MALFORMED["A1_not_protobuf"])
    await until(lambda: scene.count("gossip.refused.malformed"))
    await until(lambda: scene.count("gossip.out") == 2)
    await scene.honest_peer_is_served()


async def test_invented_subscriptions_are_bounded(scene: Scene) -> None:
    stream = await scene.raw_stream(GOSSIP)
    for start in range(0, 1000, 200):
        changes = [rpc_pb2.RPC.SubOpts(subscribe=True, topicid=f"t{n}") for n in range(start, start + 200)]
        await stream.write(framed(rpc_pb2.RPC(subscriptions=changes)))
    await stream.write(MALFORMED["A1_not_protobuf"])
    await until(lambda: scene.count("gossip.refused.malformed"))
    remembered = sum(scene.hostile.host.id in peers for peers in scene.victim.host.pubsub.peer_topics.values())
    assert remembered <= limits.TOPICS_PER_PEER_MAX


async def test_a_flood_is_slowed_however_many_streams_carry_it(scene: Scene) -> None:
    scene.hostile.subscribe(TOPIC, accept)
    flood = framed(rpc_pb2.RPC()) * (int(limits.PEER_MESSAGES_BURST) // 2)
    for _ in range(3):
        stream = await scene.send_gossip(flood)
        await stream.aclose()
    await until(lambda: scene.count("gossip.slowed"))
    await scene.honest_peer_is_served()


async def test_a_peer_cannot_open_gossip_streams_without_end(scene: Scene) -> None:
    for _ in range(limits.PUBSUB_STREAMS_PER_PEER - 1):  # the host of the hostile peer has one of its own
        await scene.raw_stream(GOSSIP)
    await until(lambda: scene.victim.host.pubsub._readers[scene.hostile.peer_id] == limits.PUBSUB_STREAMS_PER_PEER)
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await (await scene.raw_stream(GOSSIP)).read(1)
    assert scene.count("streams.refused.busy") == 1


# Handlers and checks of our own (A4 is in test_network: a check that raises)


async def test_a5_a_handler_that_raises_hurts_neither_host_nor_connection(scene: Scene) -> None:
    async def broken(_stream: Stream) -> None:
        raise ValueError("a bug")

    scene.victim.serve("/test/broken/1", broken)
    for _ in range(3):
        with pytest.raises(StreamFailed):
            await scene.honest.request(scene.victim.peer_id, "/test/broken/1", b"x", max_bytes=1)
    await scene.honest_peer_is_served()


async def test_a6_a_stream_reset_under_a_handler_leaves_the_connection_able_to_hear(scene: Scene) -> None:
    async def let_the_failure_out(stream: Stream) -> None:
        while True:
            await stream.receive(16)

    scene.victim.serve("/test/reader/1", let_the_failure_out, per_peer=100)
    for _ in range(5):
        stream = await scene.honest.open(scene.victim.peer_id, "/test/reader/1")
        await stream.send(b"x")
        await stream.reset()
    await until(lambda: scene.count("streams.handler_failed") == 5)
    await scene.honest_peer_is_served()


async def test_a_raw_protocol_that_gets_garbage_leaves_the_connection_able_to_hear(scene: Scene) -> None:
    for protocol in ("/neurond/peers/1", "/ipfs/ping/1.0.0", ECHO):
        stream = await scene.raw_stream(protocol)
        await stream.write(b"\x00\x00\x00\x05{{{{{")
        await stream.close_write()
    with trio.fail_after(5.0):
        assert await scene.hostile.request(scene.victim.peer_id, ECHO, b"x", max_bytes=1) == b"x"
    await scene.honest_peer_is_served()


async def test_a_garbled_protocol_negotiation_ends_its_stream_only(scene: Scene) -> None:
    connection = scene.hostile.host.connections(scene.victim.peer_id)[0]
    for opening in (b"\xff" * 32, b"\x13/multistream/9.9.9\n", b"\x01\xff", b"\x80\x80\x80\x80\x01"):
        stream = Libp2pStream(await connection.new_stream(), scene.hostile.spawn)
        await stream.write(opening)
        with trio.fail_after(5.0), pytest.raises(StreamFailed):
            await for_ever(partial(stream.read, 1024))
    await scene.honest_peer_is_served()


# Connections


async def test_both_ends_of_a_connection_run_on_the_hardened_multiplexer(scene: Scene) -> None:
    """The library has a path that makes its own multiplexer whatever it was told to use."""
    for owner, other in ((scene.victim, scene.honest), (scene.honest, scene.victim)):
        assert isinstance(owner.host.connections(other.peer_id)[0].muxed_conn, HardenedYamux)


async def test_a7_inbound_places_are_given_back(libp2p_world: Libp2pWorld) -> None:
    """Stock frees a place only when the host stops: with room for three connections the fourth was refused."""
    victim = await libp2p_world.open("victim", max_peers=1, target_peers=0)
    visitor = await libp2p_world.open("visitor", target_peers=0)
    tasks = trio.lowlevel.current_statistics().tasks_living
    for _ in range(5):
        await visitor.dial(victim.addresses[0])
        await visitor.drop(victim.peer_id)
        await until(lambda: not victim.connected)
    assert victim.counters()["connections.inbound"] == 5
    await until(lambda: trio.lowlevel.current_statistics().tasks_living < tasks + 5)


async def test_a8_unfinished_handshakes_are_bounded_and_do_not_keep_others_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PENDING_UPGRADES_PER_IP", 3)
    port = scene.victim.listeners[0].bound.port
    idle = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(6)]
    await until(lambda: scene.count("connections.refused.pending") == 3)
    await scene.honest_peer_is_served()
    for stream in idle:
        await stream.aclose()
    newcomer = await scene.world.open("newcomer")
    await newcomer.dial(scene.victim.addresses[0])


async def test_a10_bytes_nobody_reads_cost_the_sender_its_connection(scene: Scene) -> None:
    async def deaf(_stream: Stream) -> None:
        await trio.sleep_forever()

    scene.victim.serve("/test/deaf/1", deaf)
    connection = scene.hostile.host.connections(scene.victim.peer_id)[0]
    stream = await scene.raw_stream("/test/deaf/1")
    number = stream._net_stream.muxed_stream.stream_id
    piece = struct.pack("!BBHII", 0, 0, 0, number, 60_000) + bytes(60_000)
    sent = 0

    async def send_past_every_window() -> None:
        nonlocal sent
        await connection.muxed_conn._write_frame(piece)
        sent += 60_000

    with trio.fail_after(10.0), pytest.raises(ConnectionClosedError):
        await for_ever(send_past_every_window)
    assert sent < 3 * limits.UNREAD_BUDGET_BYTES
    await until(lambda: not scene.hostile_is_connected())
    await scene.honest_peer_is_served()


async def test_a_peer_that_reads_nothing_cannot_make_us_queue_answers_without_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTBOX_CONTROL_BYTES", 600)
    connection = scene.victim.host.connections(scene.hostile.peer_id)[0].muxed_conn
    blocked = trio.Event()

    async def never_write(_data: bytes) -> None:
        blocked.set()
        await trio.sleep_forever()

    connection.secured_conn.write = never_write
    attacker = scene.hostile.host.connections(scene.victim.peer_id)[0].muxed_conn
    with trio.fail_after(5.0), pytest.raises(ConnectionClosedError):
        await for_ever(lambda: attacker._write_frame(struct.pack("!BBHII", 0, 2, 1, 0, 0)))
    assert blocked.is_set()
    await until(lambda: not scene.hostile_is_connected())
    await scene.honest_peer_is_served()


async def test_b_cancelled_sends_leave_the_connection_sound(scene: Scene) -> None:
    async def slow_reader(stream: Stream) -> None:
        await stream.receive(limits.FRAME_MAX_BYTES)

    scene.victim.serve("/test/slow/1", slow_reader, per_peer=100)
    cancelled = 0
    for number in range(20):
        stream = await scene.honest.open(scene.victim.peer_id, "/test/slow/1")
        with trio.move_on_after(0.0005 * (number % 8)) as scope:
            await stream.send(bytes(2 << 20))
        cancelled += scope.cancelled_caught
        await stream.reset()
    assert cancelled > 5
    await scene.honest_peer_is_served()


async def test_a_send_after_a_cancelled_send_is_refused(scene: Scene) -> None:
    async def hold(stream: Stream) -> None:
        await trio.sleep_forever()

    scene.victim.serve("/test/hold/1", hold)
    stream = await scene.honest.open(scene.victim.peer_id, "/test/hold/1")
    with trio.move_on_after(0.05):
        await stream.send(bytes(8 << 20))
    with pytest.raises(StreamFailed, match="did not finish"):
        await stream.send(b"more")
    await stream.reset()
    await scene.honest_peer_is_served()


async def test_c_bulk_in_both_directions_at_once_does_not_deadlock(scene: Scene) -> None:
    async def bulk(stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send, bytes(8 << 20))
            await stream.receive(8 << 20)

    scene.victim.serve("/test/bulk/1", bulk)
    with trio.fail_after(20.0):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(_exchange_bulk, scene.honest, scene.victim)
    await scene.honest_peer_is_served()


async def _exchange_bulk(client: Network, server: Network) -> None:
    stream = await client.open(server.peer_id, "/test/bulk/1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send, bytes(8 << 20))
        assert len(await stream.receive(8 << 20)) == 8 << 20
    await stream.aclose()


async def test_a_frozen_peer_is_noticed_and_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HEALTH_FIRST_S", 0.05), ("HEALTH_TIMEOUT_S", 0.1), ("HEALTH_INTERVAL_S", 0.1)):
        monkeypatch.setattr(limits, name, value)
    frozen = await scene.world.open("frozen", target_peers=0)
    frozen.handle_raw("/ipfs/ping/1.0.0", _never_answer)
    await frozen.dial(scene.victim.addresses[0])
    await until(lambda: scene.count("connections.deaf") == 1)
    await until(lambda: frozen.peer_id not in scene.victim.connected)


async def _never_answer(_stream: Libp2pStream, _reader: BufferedReader) -> None:
    await trio.sleep_forever()


async def test_nothing_is_left_of_streams_that_were_used_and_closed(scene: Scene) -> None:
    for _ in range(20):
        await scene.honest.request(scene.victim.peer_id, ECHO, b"x", max_bytes=1)
    ends = [
        owner.host.connections(other.peer_id)[0]
        for owner, other in ((scene.honest, scene.victim), (scene.victim, scene.honest))
    ]
    await until(lambda: all(len(end.muxed_conn.streams) <= 4 and len(end.get_streams()) <= 4 for end in ends))


async def test_a_peer_that_never_closes_its_side_does_not_keep_our_stream_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINGER_S", 0.05)
    stream = await scene.honest.open(scene.victim.peer_id, ECHO)
    await stream.send(b"x")
    assert await stream.receive(1) == b"x"
    with trio.fail_after(5.0), pytest.raises(StreamFailed):
        await for_ever(lambda: stream.send(b"ignored"))
