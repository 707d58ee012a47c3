"""The frames of a shared stream of requests: many questions to one peer and their answers, in any order.

Whoever opened the stream asks and cancels, the other side answers or fails. Pure: bytes in, values out. Nothing here
may accept a frame that the encoder would not write.
"""

import enum
import struct
from dataclasses import dataclass

from p2p import limits
from p2p.errors import StreamFailed

_HEAD = struct.Struct(">BI")
_ASK_HEAD = struct.Struct(">IIB")
ID_MAX = 0xFFFF_FFFF
"""Numbers of requests have 32 bits."""
FRAME_MAX_BYTES = _HEAD.size + _ASK_HEAD.size + limits.PROTOCOL_NAME_MAX_BYTES + limits.CALL_ASK_MAX_BYTES
"""The longest frame: a question."""


class _Kind(enum.IntEnum):
    ASK = 1
    CANCEL = 2
    PART = 3
    LAST = 4
    FAILURE = 5


class Failure(enum.IntEnum):
    """Why a request has no answer."""

    BUSY = 1
    """Too many requests are being answered; it was not begun."""
    NOT_SERVED = 2
    """The protocol is not spoken here."""
    FAILED = 3
    """Answering it went wrong."""
    TOO_LARGE = 4
    """The answer, or the question, is larger than the other side accepts."""
    NO_ANSWER = 5
    """It was taken in and ended without an answer."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; the answer has at most `max_bytes`, and after `patience_ms` nobody waits for it any more."""

    number: int
    patience_ms: int
    max_bytes: int
    protocol: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Cancel:
    """The answer to this question is not wanted any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer; with `is_last` the answer is whole."""

    number: int
    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer."""

    number: int
    failure: Failure


CallFrame = Ask | Cancel | Part | Failed


def encode_call(frame: CallFrame) -> bytes:
    """The bytes of a frame. The caller keeps to the bounds of `p2p.limits`."""
    match frame:
        case Part(number, data, is_last):
            return _HEAD.pack(_Kind.LAST if is_last else _Kind.PART, number) + data
        case Ask(number, patience_ms, max_bytes, protocol, payload):
            name = protocol.encode()
            return _HEAD.pack(_Kind.ASK, number) + _ASK_HEAD.pack(patience_ms, max_bytes, len(name)) + name + payload
        case Cancel(number):
            return _HEAD.pack(_Kind.CANCEL, number)
        case Failed(number, failure):
            return _HEAD.pack(_Kind.FAILURE, number) + bytes([failure])


def decode_call(raw: bytes) -> CallFrame:
    """The frame that `raw` encodes. Raises StreamFailed for anything malformed or over its bound."""
    if len(raw) < _HEAD.size:
        raise StreamFailed("a frame of a shared stream is too short")
    kind, number = _HEAD.unpack_from(raw)
    body = raw[_HEAD.size :]
    match kind:
        case _Kind.PART | _Kind.LAST:
            if len(body) > limits.CALL_PART_BYTES or (kind == _Kind.PART and not body):
                raise StreamFailed("a piece of an answer is empty or too long")
            return Part(number, body, kind == _Kind.LAST)
        case _Kind.ASK:
            return _decode_ask(number, body)
        case _Kind.CANCEL if not body:
            return Cancel(number)
        case _Kind.FAILURE if len(body) == 1:
            try:
                return Failed(number, Failure(body[0]))
            except ValueError as error:
                raise StreamFailed("a request failed for a reason that is not known here") from error
        case _:
            raise StreamFailed("a frame of a shared stream is of no known form")


def _decode_ask(number: int, body: bytes) -> Ask:
    if len(body) < _ASK_HEAD.size:
        raise StreamFailed("a question on a shared stream is too short")
    patience_ms, max_bytes, name_bytes = _ASK_HEAD.unpack_from(body)
    name, payload = body[_ASK_HEAD.size :][:name_bytes], body[_ASK_HEAD.size + name_bytes :]
    if len(name) != name_bytes or not 0 < name_bytes <= limits.PROTOCOL_NAME_MAX_BYTES:
        raise StreamFailed("a question on a shared stream names no protocol")
    if max_bytes > limits.CALL_ANSWER_MAX_BYTES or len(payload) > limits.CALL_ASK_MAX_BYTES or not patience_ms:
        raise StreamFailed("a question on a shared stream is over its bounds")
    try:
        return Ask(number, patience_ms, max_bytes, name.decode(), payload)
    except UnicodeDecodeError as error:
        raise StreamFailed("a protocol name is not text") from error
