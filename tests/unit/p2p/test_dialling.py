"""Dialling by name, and several dials of one peer at once: each tells the reason of its own address."""

import socket

import pytest
import trio

from p2p import UnreachableError
from tests.unit.p2p.worlds import Libp2pWorld


def _dead_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def _port_of(address: str) -> str:
    return address.split("/tcp/")[1].split("/")[0]


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
