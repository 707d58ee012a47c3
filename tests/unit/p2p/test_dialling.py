"""Dialling by name, several dials of one peer at once, and how peers that were lost are found again."""

import random
import socket

import pytest
import trio

from p2p import UnreachableError, limits
from p2p.addresses import TcpAddress
from p2p.counters import Counters
from p2p.hardened.transport import BufferedSocket
from p2p.identity import Identity
from p2p.peerbook import PeerBook
from tests.unit.p2p.worlds import Libp2pWorld


def _dead_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def _port_of(address: str) -> str:
    return address.split("/tcp/")[1].split("/")[0]


def test_a_peer_that_was_connected_lately_is_tried_often_and_kept_and_later_like_any_other() -> None:
    own, other = (Identity.from_seed(bytes([number]) * 32).peer_id for number in (0, 1))
    book = PeerBook(own, random.Random(1))
    book.add(TcpAddress("ip4", "8.8.8.8", 1, other))
    now_s = 1000.0
    book.lost(other, now_s)
    for _ in range(limits.REDIAL_FAILURES_MAX + 4):
        due_s = book.next_due_s(())
        assert due_s is not None
        assert due_s - now_s <= limits.REDIAL_LOST_MAX_S * 1.25
        now_s = due_s
        book.failed(other, now_s)
    book.failed(other, 1000.0 + limits.REDIAL_LOST_FOR_S)
    assert book.addresses(other) == ()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends connections that are silent")
async def test_the_system_is_told_to_end_connections_that_are_cut_silently() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, lambda stream: trio.sleep_forever(), 0)
        stream = await trio.open_tcp_stream("127.0.0.1", listeners[0].socket.getsockname()[1])
        BufferedSocket(stream, Counters())
        patience_ms = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert patience_ms == limits.SILENCE_MAX_S * 1000
        assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == limits.KEEPALIVE_S
        await stream.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["dns", "dns4"])
async def test_a_peer_is_dialled_by_name(libp2p_world: Libp2pWorld, kind: str) -> None:
    here, there = await libp2p_world.start("here"), await libp2p_world.start("there")
    address = f"/{kind}/localhost/tcp/{_port_of(there.addresses[0])}/p2p/{there.peer_id}"
    assert await here.dial(address, timeout_s=5) == there.peer_id


async def test_a_name_that_is_not_known_says_so(libp2p_world: Libp2pWorld) -> None:
    here, there = await libp2p_world.start("here"), await libp2p_world.start("there")
    with pytest.raises(UnreachableError) as refused:
        await here.dial(f"/dns4/no-such-host.invalid/tcp/4001/p2p/{there.peer_id}", timeout_s=8)
    said = str(refused.value).lower()
    assert any(word in said for word in ("name", "resol", "address", "nodename", "did not answer")), said
    assert "multiaddr" not in said


async def test_a_dead_address_does_not_spoil_another_dial_of_the_same_peer(libp2p_world: Libp2pWorld) -> None:
    here, there = await libp2p_world.start("here"), await libp2p_world.start("there")
    dead = f"/ip4/127.0.0.1/tcp/{_dead_port()}/p2p/{there.peer_id}"
    reached, reasons = [], []

    async def dial(address: str) -> None:
        try:
            reached.append(await here.dial(address, timeout_s=5))
        except UnreachableError as error:
            reasons.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial, dead)
        await trio.sleep(0)  # the dead one is under way first
        nursery.start_soon(dial, there.addresses[0])
    assert reached.count(there.peer_id) >= 1
    assert all("refused" in reason for reason in reasons)


async def test_two_dials_of_one_dead_address_both_hear_why(libp2p_world: Libp2pWorld) -> None:
    here, there = await libp2p_world.start("here"), await libp2p_world.start("there")
    dead = f"/ip4/127.0.0.1/tcp/{_dead_port()}/p2p/{there.peer_id}"
    reasons: list[str] = []

    async def dial() -> None:
        with pytest.raises(UnreachableError) as refused:
            await here.dial(dead, timeout_s=5)
        reasons.append(str(refused.value))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial)
        nursery.start_soon(dial)
    assert len(reasons) == 2
    assert all("refused" in reason for reason in reasons), reasons
