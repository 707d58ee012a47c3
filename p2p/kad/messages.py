"""Kademlia's messages in bytes, as libp2p's `/ipfs/kad/1.0.0` has them: protobuf, each behind its length as a varint.

Every message is bounded before it is read and checked before it is used. What cannot be used (another transport, an
address the teller cannot know of) is left out; what no honest implementation sends raises MalformedFrame.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.message import DecodeError
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.utils import encode_varint_prefixed
from multiaddr import Multiaddr

from p2p import base58, limits
from p2p.addresses import TcpAddress, check_peer_id, parse_address
from p2p.errors import AddressError, MalformedFrame
from p2p.kad.lookup import Told

FIND_NODE = Message.MessageType.FIND_NODE
GET_PROVIDERS = Message.MessageType.GET_PROVIDERS
GET_VALUE = Message.MessageType.GET_VALUE
PING = Message.MessageType.PING


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asks: one of the kinds above or one that is not served, and the key, empty for a ping."""

    kind: Message.MessageType
    key: bytes


def find_node(key: bytes) -> bytes:
    """The question who is nearest to `key`, ready to be sent."""
    return _framed(Message(type=FIND_NODE, key=key))


def read_query(raw: bytes) -> Query:
    """A question. Raises MalformedFrame."""
    message = _parse(raw)
    if message.type != PING and not 1 <= len(message.key) <= limits.KAD_KEY_MAX_BYTES:
        raise MalformedFrame(f"a key has 1 to {limits.KAD_KEY_MAX_BYTES} bytes, this one {len(message.key)}")
    return Query(message.type, bytes(message.key))


def answer(query: Query, peers: Iterable[tuple[str, tuple[TcpAddress, ...]]]) -> bytes:
    """The answer that names `peers`, ready to be sent."""
    message = Message(type=query.kind, key=b"" if query.kind == FIND_NODE else query.key)
    for peer_id, addresses in peers:
        raw = [_binary(address) for address in addresses]
        message.closerPeers.append(Message.Peer(id=base58.decode(peer_id), addrs=raw))
    return _framed(message)


def read_answer(raw: bytes, kind: Message.MessageType, scope: int) -> Told:
    """The peers an answer names, with the addresses that somebody of `scope` can know of and we can dial.

    Names of hosts are left out: who resolves them may be led anywhere, this machine included. Raises MalformedFrame.
    """
    message = _parse(raw)
    if message.type != kind:
        raise MalformedFrame("the answer is not of the kind that was asked for")
    if len(message.closerPeers) > limits.KAD_ANSWER_PEERS_MAX:
        raise MalformedFrame(f"an answer names at most {limits.KAD_ANSWER_PEERS_MAX} peers")
    told: dict[str, tuple[TcpAddress, ...]] = {}
    for peer in message.closerPeers:
        peer_id = _peer_id(peer.id)
        addresses = (_address(raw_address, peer_id) for raw_address in peer.addrs[: limits.ADDRESSES_PER_PEER])
        told[peer_id] = tuple(a for a in addresses if a is not None and is_fit(a, scope))
    return told


def is_fit(address: TcpAddress, scope: int) -> bool:
    """Whether an address may be told to, or taken from, somebody of `scope`."""
    return address.is_dialable and address.kind.startswith("ip") and address.scope >= scope


def _peer_id(raw: bytes) -> str:
    if len(raw) > limits.KAD_KEY_MAX_BYTES:
        raise MalformedFrame("an answer names a peer id that is too long")
    try:
        return check_peer_id(base58.encode(raw))
    except AddressError as error:
        raise MalformedFrame(f"an answer names no peer: {error}") from error


def _address(raw: bytes, peer_id: str) -> TcpAddress | None:
    """The address of a peer, None for one we do not speak or that belongs to somebody else."""
    if len(raw) > limits.ADDRESS_MAX_BYTES:
        return None
    suffix = f"/p2p/{peer_id}"
    try:
        text = str(Multiaddr(raw))
        address = parse_address(text if text.endswith(suffix) else text + suffix)
    except Exception:  # the library raises many kinds for hostile bytes; such an address is no use to us
        return None
    return address if address.peer_id == peer_id else None


@lru_cache(maxsize=1024)
def _binary(address: TcpAddress) -> bytes:
    """An address in bytes without the peer it ends in, which stands beside it; 50 us without the cache."""
    raw: bytes = Multiaddr(str(address).removesuffix(f"/p2p/{address.peer_id}")).to_bytes()
    return raw


def _parse(raw: bytes) -> Message:
    message = Message()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise MalformedFrame("a message of the hash table is not protobuf") from error
    return message


def _framed(message: Message) -> bytes:
    frame: bytes = encode_varint_prefixed(message.SerializeToString())
    return frame
