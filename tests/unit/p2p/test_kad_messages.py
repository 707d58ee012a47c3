"""Promises of the hash table's messages: what honest implementations send is read, all else is refused in order."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from multiaddr import Multiaddr

from p2p import base58, limits
from p2p.addresses import TcpAddress, parse_address
from p2p.errors import MalformedFrame
from p2p.identity import Identity
from p2p.kad import messages
from p2p.kad.messages import FIND_NODE, Query, answer, find_node, read_answer, read_query

PEER = Identity.from_seed(b"p" * 32).peer_id
RELAY = Identity.from_seed(b"r" * 32).peer_id
KEY = base58.decode(PEER)
LOOPBACK, PRIVATE, PUBLIC = 0, 1, 2


def unframed(frame: bytes) -> bytes:
    return frame[1:] if frame[0] < 0x80 else frame[2:]


def raw_answer(*addresses: str, peer: bytes = KEY) -> bytes:
    named = Message.Peer(id=peer, addrs=[Multiaddr(text).to_bytes() for text in addresses])
    raw: bytes = Message(type=FIND_NODE, closerPeers=[named]).SerializeToString()
    return raw


def test_a_question_and_an_answer_come_back_as_they_were_made() -> None:
    query = read_query(unframed(find_node(KEY)))
    assert query == Query(FIND_NODE, KEY)
    address = parse_address(f"/ip4/198.41.7.1/tcp/4001/p2p/{PEER}")
    assert read_answer(unframed(answer(query, [(PEER, (address,))])), FIND_NODE, PUBLIC) == {PEER: (address,)}


def test_the_bytes_are_those_of_libp2p() -> None:
    assert find_node(KEY) == bytes([42]) + bytes.fromhex("0804" + "1226") + KEY
    address = parse_address(f"/ip4/198.41.7.1/tcp/4001/p2p/{PEER}")
    message = Message.FromString(unframed(answer(Query(FIND_NODE, KEY), [(PEER, (address,))])))
    assert message.closerPeers[0].id == KEY
    assert str(Multiaddr(message.closerPeers[0].addrs[0])) == "/ip4/198.41.7.1/tcp/4001"


def test_an_address_through_a_relay_travels_both_ways() -> None:
    through = parse_address(f"/ip4/198.41.7.1/tcp/4001/p2p/{RELAY}/p2p-circuit/p2p/{PEER}")
    raw = unframed(answer(Query(FIND_NODE, KEY), [(PEER, (through,))]))
    assert read_answer(raw, FIND_NODE, PUBLIC) == {PEER: (through,)}


@pytest.mark.parametrize(
    ("text", "scope", "is_taken"),
    [
        ("/ip4/127.0.0.1/tcp/22", LOOPBACK, True),
        ("/ip4/127.0.0.1/tcp/22", PRIVATE, False),
        ("/ip4/127.0.0.1/tcp/22", PUBLIC, False),
        ("/ip6/::1/tcp/22", PUBLIC, False),
        ("/ip4/10.0.0.1/tcp/22", PRIVATE, True),
        ("/ip4/10.0.0.1/tcp/22", PUBLIC, False),
        ("/ip4/169.254.169.254/tcp/80", PUBLIC, False),
        ("/ip4/198.41.7.1/tcp/4001", PUBLIC, True),
        ("/ip4/0.0.0.0/tcp/22", LOOPBACK, False),
        ("/ip4/198.41.7.1/tcp/0", LOOPBACK, False),
        ("/dns4/localhost/tcp/22", PUBLIC, False),
        ("/dns4/metadata.internal/tcp/80", LOOPBACK, False),
        ("/ip4/198.41.7.1/udp/4001/quic-v1", LOOPBACK, False),
    ],
)
def test_only_addresses_the_teller_can_know_of_and_we_can_dial_are_taken(text: str, scope: int, is_taken: bool) -> None:
    told = read_answer(raw_answer(text), FIND_NODE, scope)
    assert [address.host for address in told[PEER]] == ([parse_address(text).host] if is_taken else [])


def test_an_address_that_ends_in_another_peer_is_left_out() -> None:
    assert read_answer(raw_answer(f"/ip4/198.41.7.1/tcp/1/p2p/{RELAY}"), FIND_NODE, PUBLIC) == {PEER: ()}
    named = read_answer(raw_answer(f"/ip4/198.41.7.1/tcp/1/p2p/{PEER}"), FIND_NODE, PUBLIC)
    assert named == {PEER: (TcpAddress("ip4", "198.41.7.1", 1, PEER),)}


def test_few_addresses_of_one_peer_are_read() -> None:
    told = read_answer(raw_answer(*[f"/ip4/198.41.7.1/tcp/{port}" for port in range(1, 200)]), FIND_NODE, PUBLIC)
    assert len(told[PEER]) == limits.ADDRESSES_PER_PEER


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 40,
        Message(type=Message.MessageType.GET_VALUE).SerializeToString(),
        raw_answer(peer=b""),
        raw_answer(peer=b"\x12\x20short"),
        raw_answer(peer=b"\x00" * 5000),
        Message(type=FIND_NODE, closerPeers=[Message.Peer(id=KEY)] * 65).SerializeToString(),
    ],
    ids=["not_protobuf", "another_kind", "no_id", "bad_id", "huge_id", "too_many"],
)
def test_an_answer_no_honest_implementation_sends_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read_answer(raw, FIND_NODE, PUBLIC)


@pytest.mark.parametrize("key", [b"", bytes(limits.KAD_KEY_MAX_BYTES + 1)])
def test_a_question_without_a_key_or_with_a_huge_one_is_malformed(key: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read_query(Message(type=FIND_NODE, key=key).SerializeToString())
    assert read_query(Message(type=messages.PING).SerializeToString()).kind == messages.PING


@given(st.binary(max_size=300), st.integers(LOOPBACK, PUBLIC))
def test_no_bytes_raise_anything_else(raw: bytes, scope: int) -> None:
    with contextlib.suppress(MalformedFrame):
        read_query(raw)
    with contextlib.suppress(MalformedFrame):
        read_answer(raw, FIND_NODE, scope)


@given(st.lists(st.tuples(st.binary(max_size=40), st.lists(st.binary(max_size=40), max_size=3)), max_size=5))
def test_no_peers_and_addresses_in_an_answer_raise_anything_else(named: list[tuple[bytes, list[bytes]]]) -> None:
    peers = [Message.Peer(id=peer, addrs=addresses) for peer, addresses in [(KEY, [KEY]), *named]]
    with contextlib.suppress(MalformedFrame):
        for told in read_answer(Message(type=FIND_NODE, closerPeers=peers).SerializeToString(), FIND_NODE, 0).values():
            assert all(address.is_dialable for address in told)
