"""Whoever comes often, takes much or sends us elsewhere: what strangers cost, before and after the handshake."""

from contextlib import suppress
from functools import partial

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.utils import encode_varint_prefixed

from p2p import P2PError, Stream, limits
from p2p.addresses import TcpAddress
from p2p.doorsteps import Doorsteps
from p2p.hardened import doors
from tests.attacks.wire import Cut, Line, Target
from tests.attacks.wire import connected as wire_connected
from tests.unit.p2p.scene import ECHO, TOPIC, Scene
from tests.unit.p2p.worlds import until

NOT_PROTOBUF = encode_varint_prefixed(b"\xff" * 40)


async def test_many_connections_of_one_peer_at_once_do_not_pass_the_bound(scene: Scene) -> None:
    """Stock, and our own check alone, count what has come in, not what is on its way."""
    host, port = "127.0.0.1", scene.victim.listeners[0].bound.port
    keys = create_new_key_pair()
    target = Target(host, port, scene.victim.peer_id, ECHO, TOPIC)
    stayed: list[Line] = []
    looked = trio.Event()

    async def one() -> None:
        with suppress(Cut):
            async with wire_connected(target, keys=keys) as line:
                await line.open("/ipfs/ping/1.0.0")
                stayed.append(line)
                await looked.wait()

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(one)
        await until(lambda: scene.count("connections.refused.not_admitted") >= 7)
        await trio.sleep(0.2)
        assert sum(not line.dead.is_set() for line in stayed) == limits.CONNECTIONS_PER_PEER
        looked.set()
    await scene.honest_peer_is_served()


async def test_one_address_cannot_connect_without_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARRIVALS_PER_IP_BURST", 3.0)
    monkeypatch.setattr(limits, "ARRIVALS_PER_IP_PER_S", 0.01)
    scene.victim.host.swarm._arrivals = doors.arrivals()
    port = scene.victim.listeners[0].bound.port
    for _ in range(8):
        await (await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2")).aclose()
    await until(lambda: scene.count("connections.refused.rate") == 5)
    newcomer = await scene.world.open("newcomer")
    await newcomer.dial(scene.victim.addresses[0])
    await scene.honest_peer_is_served()


async def test_one_address_cannot_take_all_places(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.victim.host.swarm._per_ip_max = 4
    port = scene.victim.listeners[0].bound.port
    idle = [await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2") for _ in range(6)]
    await until(lambda: scene.count("connections.refused.per_ip") == 2)
    for stream in idle:
        await stream.aclose()
    await scene.honest_peer_is_served()


async def test_a_ban_costs_the_address_it_came_from(scene: Scene) -> None:
    swarm = scene.victim.host.swarm
    for _ in range(3):
        await scene.send_gossip(NOT_PROTOBUF)
    await until(lambda: scene.count("bans") == 1)
    level = swarm._arrivals._levels["127.0.0.1"].tokens
    assert level < limits.ARRIVALS_PER_IP_BURST - limits.ARRIVALS_PER_BAN + 1


async def test_places_that_are_hoarded_go_to_those_who_have_none(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PLACE_KEPT_S", 0.05)

    async def one_frame(stream: Stream) -> None:
        await stream.send(await stream.receive(16))

    scene.victim.serve("/test/scarce/1", one_frame, per_peer=4, total=4)
    hoard = [await scene.hostile.open(scene.victim.peer_id, "/test/scarce/1") for _ in range(4)]
    await trio.sleep(0.2)
    for _ in range(3):
        with trio.fail_after(3.0):
            answer = await scene.honest.request(scene.victim.peer_id, "/test/scarce/1", b"x", max_bytes=1)
        assert answer == b"x"
    assert 1 <= scene.count("streams.given_to_others") <= 3
    await hoard[-1].send(b"y")
    assert await hoard[-1].receive(1) == b"y"


async def test_streams_opened_and_thrown_away_cost_the_connection_and_then_a_ban(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PEER_WASTED_STREAMS_BURST", 20.0)
    scene.victim.host._wasted = doors.wasted()
    for number in range(3):
        connection = scene.hostile.host.connections(scene.victim.peer_id)[0]
        with suppress(Exception):
            for _ in range(200):
                await (await connection.new_stream()).reset()
                await trio.lowlevel.checkpoint()
        await until(lambda: not scene.hostile_is_connected())
        assert scene.count("streams.wasted") >= number + 1
        with suppress(P2PError):
            await until(lambda: not scene.hostile.host.connections(scene.victim.peer_id))
            await scene.hostile.dial(scene.victim.addresses[0], timeout_s=2.0)
    assert scene.count("bans") == 1
    await scene.honest_peer_is_served()


async def test_streams_opened_too_fast_wait(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PEER_STREAMS_BURST", 5.0)
    monkeypatch.setattr(limits, "PEER_STREAMS_PER_S", 20.0)
    scene.victim.host._openings = doors.openings()
    began_s = trio.current_time()
    for _ in range(15):
        stream = await scene.hostile.open(scene.victim.peer_id, ECHO)
        await stream.send(b"x")
        assert await stream.receive(1) == b"x"
        await stream.aclose()
    assert trio.current_time() - began_s > 0.3
    assert scene.count("streams.slowed") >= 5
    await scene.honest_peer_is_served()


async def test_hearsay_cannot_send_us_to_a_third_party_again_and_again(scene: Scene) -> None:
    """Five hundred peers that are all said to live at one door."""
    knocks = 0

    async def count(stream: trio.SocketStream) -> None:
        nonlocal knocks
        knocks += 1
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, count, 0, host="127.0.0.77"))
        port = listeners[0].socket.getsockname()[1]
        book = scene.victim.book
        for _ in range(500):
            peer_id = str(ID.from_pubkey(create_new_key_pair().public_key))
            book.add(TcpAddress("ip4", "127.0.0.77", port, peer_id))
        scene.victim.dialer.wake()
        await until(lambda: knocks >= limits.HEARSAY_FAILURES_PER_HOST // 2)
        await trio.sleep(2.0)
        nursery.cancel_scope.cancel()
    assert knocks <= limits.HEARSAY_FAILURES_PER_HOST + 2
    await scene.honest_peer_is_served()


def test_a_host_at_which_nobody_answers_is_left_alone_longer_each_time() -> None:
    doorsteps = Doorsteps()
    now_s, knocked_s = 0.0, []
    while now_s < 600.0:
        if doorsteps.may_knock("203.0.113.5", now_s):
            knocked_s.append(now_s)
        now_s += 0.5
    assert len(knocked_s) < limits.HEARSAY_FAILURES_PER_HOST + 12
    doorsteps.answered("203.0.113.5")
    assert doorsteps.may_knock("203.0.113.5", now_s)


def test_dials_on_hearsay_have_a_rate_in_all() -> None:
    doorsteps = Doorsteps()
    knocked = sum(doorsteps.may_knock(f"198.51.{n // 250}.{n % 250}", 0.0) for n in range(2000))
    assert knocked == limits.HEARSAY_DIALS_BURST


def test_rates_are_remembered_for_a_bounded_number_of_keys() -> None:
    rates = doors.Rates(1.0, 2.0, 10)
    for number in range(100):
        assert rates.take(str(number), 0.0)
    assert len(rates) == 10
    assert [rates.take("99", 0.0), rates.take("99", 0.0), rates.take("99", 1.0)] == [True, False, True]
