"""What a node puts into its invites, what is shown of one before joining, and what a running node makes of one."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from node.control.limits import INVITE_ADDRESSES_MAX
from node.ledger.genesis import format_genesis, genesis_state
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Hash
from node.service.app import Running
from node.service.chain import now_ms
from node.service.errors import BadAddress, BadInvite, NobodyAnswered, NoKey
from node.service.home import Home
from node.service.invite import read_invite, write_invite
from node.service.invite_preview import preview, sort_addresses
from node.service.inviting import join_running, own_addresses, sign_invite
from p2p import AddressReach, MemorySwarm, PeerView, Reachability
from tests.unit.service.network import spec_of

SIGNER = Ed25519Signer(bytes(32))
GENESIS = Hash(b"\x07" * 32)
PEER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
LOOPBACK, PRIVATE = f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}", f"/ip4/10.0.0.7/tcp/1/p2p/{PEER}"
PUBLIC, OTHER = f"/ip4/8.8.8.8/tcp/1/p2p/{PEER}", f"/ip4/9.9.9.9/tcp/1/p2p/{PEER}"
RELAYED = f"/ip4/9.9.9.9/tcp/4001/p2p/{PEER}/p2p-circuit/p2p/{PEER}"
UNKNOWN = Reachability("unknown")


def running(*addresses: str, reach: Reachability = UNKNOWN, peers: tuple[PeerView, ...] = ()) -> Running:
    """As much of a running node as an invite needs."""
    network = SimpleNamespace(
        peer_id=PEER, addresses=addresses, reachability=lambda: reach, peers=lambda: peers
    )  # fmt: skip
    chain = SimpleNamespace(spec=SimpleNamespace(name="lab"), genesis_hash=GENESIS)
    return cast(Running, SimpleNamespace(keys=SimpleNamespace(hotkey=SIGNER), network=network, chain=chain))


def neighbour(address: str, direction: str) -> PeerView:
    return PeerView("x", (address,), direction, None, "", 0.0, 0.0)  # type: ignore[arg-type]


# --- which addresses --------------------------------------------------------------------------------------------------


def test_addresses_that_peers_proved_come_first_and_loopback_only_when_alone() -> None:
    found = Reachability("direct", "", (AddressReach(OTHER, 2, 2), AddressReach(PUBLIC, 0, 2)))
    ranked = own_addresses((LOOPBACK, PRIVATE, RELAYED, PUBLIC, OTHER), found, ())
    assert ranked == [OTHER, PUBLIC, RELAYED, PRIVATE]
    assert own_addresses((LOOPBACK,), UNKNOWN, ()) == [LOOPBACK]


@pytest.mark.parametrize("state", ["unreachable", "not_listening", "relayed"])
def test_a_node_that_nobody_can_dial_names_nodes_that_it_has_dialled(state: str) -> None:
    found = Reachability(state)  # type: ignore[arg-type]
    peers = (neighbour(PUBLIC, "out"), neighbour(OTHER, "in"))
    assert own_addresses((), found, peers) == [PUBLIC]
    assert own_addresses((), UNKNOWN, peers) == []


def test_given_addresses_come_first_are_completed_and_may_stand_alone() -> None:
    made = sign_invite(running(PRIVATE), 60, ("/dns4/node.example.org/tcp/4001",))
    assert made.addresses == (f"/dns4/node.example.org/tcp/4001/p2p/{PEER}", PRIVATE)
    assert sign_invite(running(PRIVATE), 60, (PUBLIC,), only_these=True).addresses == (PUBLIC,)


@pytest.mark.parametrize(
    "address",
    ["node.example.org:4001", "/ip4/0.0.0.0/tcp/4001", "/ip4/8.8.8.8/tcp/0", "/ip4/8.8.8.8/udp/1/quic-v1", ""],
)
def test_an_address_that_nobody_could_dial_is_refused_with_a_remedy(address: str) -> None:
    with pytest.raises(BadInvite) as refused:
        sign_invite(running(PRIVATE), 60, (address,))
    assert "/tcp/" in refused.value.hint or "address and port" in refused.value.hint


def test_a_node_without_key_or_address_says_what_is_missing() -> None:
    with pytest.raises(BadInvite, match="no address"):
        sign_invite(running(), 60, ())
    keyless = running(PRIVATE)
    keyless.keys = cast("object", SimpleNamespace(hotkey=None))  # type: ignore[assignment]
    with pytest.raises(NoKey):
        sign_invite(keyless, 60, ())


def test_an_invite_of_a_node_with_many_addresses_can_be_read_and_lasts_as_asked() -> None:
    many = tuple(f"/ip4/8.8.8.{number}/tcp/1/p2p/{PEER}/p2p-circuit/p2p/{PEER}" for number in range(12))
    before_ms = now_ms()
    made = sign_invite(running(*many), 3600, ())
    body = read_invite(made.text, before_ms)
    assert len(body.addresses) == INVITE_ADDRESSES_MAX
    assert 3_600_000 <= body.expires_ms - before_ms < 3_700_000
    assert made.inviter.startswith("5")


# --- before joining ---------------------------------------------------------------------------------------------------


def text_of(*addresses: str, valid_ms: int = 10_000, genesis: Hash = GENESIS) -> str:
    return write_invite(SIGNER, "lab", genesis, addresses, 1000, valid_ms)[0]


def test_a_preview_tells_what_the_invite_says_and_that_nothing_speaks_against_it(tmp_path: Path) -> None:
    found = preview(text_of(PUBLIC, "/ip4/8.8.8.8/udp/1/quic-v1"), Home(tmp_path), 2000)
    assert (found.network, found.genesis_hash, found.addresses) == ("lab", GENESIS.hex(), (PUBLIC,))
    assert found.unusable == ("/ip4/8.8.8.8/udp/1/quic-v1",)
    assert (found.expires_ms, found.problem) == (11_000, "")


def test_a_preview_says_what_speaks_against_joining(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "expired" in preview(text_of(PUBLIC), home, 11_001).problem
    assert "dial" in preview(text_of("/ip4/8.8.8.8/udp/1/quic-v1"), home, 2000).problem
    spec = spec_of(1)
    home.genesis.write_bytes(format_genesis(spec))
    assert "another network" in preview(text_of(PUBLIC), home, 2000).problem
    own = Hash(genesis_state(spec)[1].hash)
    assert preview(text_of(PUBLIC, genesis=own), home, 2000).problem == ""
    home.genesis.write_bytes(b"{")
    assert "cannot be read" in preview(text_of(PUBLIC), home, 2000).problem


def test_a_forged_invite_is_refused_before_anything_of_it_is_shown(tmp_path: Path) -> None:
    with pytest.raises(BadInvite):
        preview(text_of(PUBLIC)[:-1] + "1", Home(tmp_path), 2000)


def test_a_bare_address_names_no_network(tmp_path: Path) -> None:
    found = preview(PUBLIC, Home(tmp_path), 2000)
    assert (found.addresses, found.network, found.expires_ms, found.problem) == ((PUBLIC,), "", None, "")


def test_addresses_of_a_kind_that_is_not_understood_keep_nobody_out() -> None:
    nowhere = f"/ip4/0.0.0.0/tcp/4001/p2p/{PEER}"
    usable, unusable = sort_addresses((PUBLIC, "/ip4/8.8.8.8/tcp/1", nowhere, "/unix/tmp/x", OTHER))
    assert usable == (PUBLIC, OTHER)
    assert unusable == ("/ip4/8.8.8.8/tcp/1", nowhere, "/unix/tmp/x")


# --- a running node ---------------------------------------------------------------------------------------------------


def joined(swarm: MemorySwarm, name: str) -> Running:
    chain = SimpleNamespace(spec=SimpleNamespace(name="lab"), genesis_hash=GENESIS)
    return cast(Running, SimpleNamespace(network=swarm.join(name), chain=chain))


def invite_to(*addresses: str, genesis: Hash = GENESIS) -> str:
    return write_invite(SIGNER, "lab", genesis, addresses, now_ms())[0]


async def test_one_dead_address_of_an_invite_keeps_a_running_node_from_nothing() -> None:
    swarm = MemorySwarm()
    here, there, gone = joined(swarm, "here"), swarm.join("there"), swarm.join("gone")
    swarm.leave(gone)
    found = await join_running(here, invite_to(gone.addresses[0], there.addresses[0]))
    assert found.peer_id == there.peer_id


async def test_when_nobody_answers_every_address_is_told_with_its_reason() -> None:
    swarm = MemorySwarm()
    here, gone, away = joined(swarm, "here"), swarm.join("gone"), swarm.join("away")
    for network in (gone, away):
        swarm.leave(network)
    with pytest.raises(NobodyAnswered) as refused:
        await join_running(here, invite_to(gone.addresses[0], away.addresses[0]))
    for network in (gone, away):
        assert network.addresses[0].rpartition("/p2p/")[0] in refused.value.message
    assert refused.value.hint


async def test_an_invite_to_another_network_is_refused_by_both_names() -> None:
    with pytest.raises(BadInvite, match=r"leads to lab .* belongs to lab"):
        await join_running(joined(MemorySwarm(), "here"), invite_to(PUBLIC, genesis=Hash(bytes(32))))


async def test_ones_own_invite_and_address_are_told_as_such_and_nobody_is_dialled() -> None:
    swarm = MemorySwarm()
    here = joined(swarm, "here")
    with pytest.raises(BadInvite, match="leads to this node itself") as refused:
        await join_running(here, invite_to(*here.network.addresses))
    assert "another machine" in (refused.value.hint or "")
    with pytest.raises(BadAddress, match="this node itself"):
        await join_running(here, here.network.addresses[0])
    there = swarm.join("there")
    assert (await join_running(here, invite_to(*here.network.addresses, *there.addresses))).peer_id == there.peer_id
