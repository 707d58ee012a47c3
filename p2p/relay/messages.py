"""The messages of circuit relay v2 (libp2p's own protobufs), bounded and checked: nothing of a peer is believed here.

Every message is a varint length and at most `limits.RELAY_MESSAGE_MAX_BYTES`.
"""

from typing import TypeVar

import trio
from google.protobuf.message import DecodeError
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Limit, Status, StopMessage
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch

from p2p import limits
from p2p.addresses import check_peer_id
from p2p.errors import AddressError, StreamFailed
from p2p.framing import BufferedReader, ByteStream
from p2p.wellknown import with_length

HOP = "/libp2p/circuit/relay/0.2.0/hop"
STOP = "/libp2p/circuit/relay/0.2.0/stop"

Message = TypeVar("Message", HopMessage, StopMessage, HolePunch)

_REFUSALS: dict[int, str] = {
    Status.RESERVATION_REFUSED: "it keeps no place for this node",
    Status.RESOURCE_LIMIT_EXCEEDED: "it is full",
    Status.PERMISSION_DENIED: "it does not allow this",
    Status.CONNECTION_FAILED: "the peer did not answer it",
    Status.NO_RESERVATION: "the peer has no place there any more",
}


async def read_message(reader: BufferedReader, kind: type[Message]) -> Message:
    """The next message. Raises StreamFailed for anything else, or when none comes in `limits.RELAY_TIMEOUT_S`."""
    with trio.move_on_after(limits.RELAY_TIMEOUT_S):
        frame = await reader.varint_frame(limits.RELAY_MESSAGE_MAX_BYTES)
        if frame is None:
            raise StreamFailed("the stream ended before a message of the relay protocol")
        message = kind()
        try:
            message.ParseFromString(frame)
        except DecodeError as error:
            raise StreamFailed("a message of the relay protocol is malformed") from error
        return message
    raise StreamFailed("no message of the relay protocol came in time")


async def send_message(stream: ByteStream, message: HopMessage | StopMessage | HolePunch) -> None:
    """Send one message. Raises StreamFailed."""
    with trio.move_on_after(limits.RELAY_TIMEOUT_S):
        return await stream.write(with_length(message.SerializeToString()))
    raise StreamFailed("a message of the relay protocol could not be sent in time")


def named_peer(message: HopMessage | StopMessage) -> str:
    """The peer a CONNECT speaks of. Raises StreamFailed when it names none."""
    try:
        return check_peer_id(str(ID(message.peer.id)))
    except (AddressError, ValueError) as error:
        raise StreamFailed("a message of the relay protocol names no peer") from error


def id_bytes(peer_id: str) -> bytes:
    """A peer id as the messages carry it."""
    raw: bytes = ID.from_base58(peer_id).to_bytes()
    return raw


def circuit_limit() -> Limit:
    """What one circuit of ours may carry, as it is told to both of its ends."""
    return Limit(duration=int(limits.RELAY_CIRCUIT_S), data=limits.RELAY_CIRCUIT_BYTES)


def refusal(status: int) -> str:
    """A relay's answer in words."""
    return _REFUSALS.get(status, f"it answered with status {status}")
