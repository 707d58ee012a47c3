"""Frames of shared streams and of streams with credit: whatever comes in, a sound frame or StreamFailed comes out."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings

from p2p import StreamFailed, limits
from p2p.call_frames import FRAME_MAX_BYTES, ID_MAX, Ask, Cancel, Failed, Failure, Part, decode_call, encode_call
from p2p.credit import CreditKind, decode_credit, encode_credit
from tests.fuzz.mutations import hostile

MANY = settings(max_examples=400, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Frames:
    """A decoder, the encoder that undoes it, and sound frames."""

    decode: Callable[[bytes], object]
    encode: Callable[..., bytes]
    sound: tuple[bytes, ...]

    def again(self, data: bytes) -> bytes:
        value = self.decode(data)
        return self.encode(*value) if isinstance(value, tuple) else self.encode(value)


FRAMES = {
    "call": Frames(
        decode_call,
        encode_call,
        (
            encode_call(Ask(1, 10_000, 4096, "/neurond/sync/1", b"question")),
            encode_call(Ask(ID_MAX, 0xFFFF_FFFF, limits.CALL_ANSWER_MAX_BYTES, "/é", b"")),
            encode_call(Cancel(7)),
            encode_call(Part(3, b"a piece", is_last=False)),
            encode_call(Part(3, b"", is_last=True)),
            *(encode_call(Failed(9, failure)) for failure in Failure),
        ),
    ),
    "credit": Frames(
        decode_credit,
        encode_credit,
        (
            encode_credit(CreditKind.PART, b"a part"),
            encode_credit(CreditKind.PART),
            encode_credit(CreditKind.CREDIT, b"\0\1\0\0"),
            encode_credit(CreditKind.ALIVE),
            encode_credit(CreditKind.END),
        ),
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_sound_frames_are_decoded_and_encoded_to_the_same(name: str) -> None:
    frames = FRAMES[name]
    for data in frames.sound:
        assert frames.again(data) == data


@pytest.mark.parametrize("name", FRAMES)
def test_whatever_comes_in_only_stream_failed_or_a_frame_with_one_encoding_comes_out(name: str) -> None:
    frames = FRAMES[name]

    @MANY
    @given(hostile(frames.sound))
    def check(data: bytes) -> None:
        try:
            assert frames.again(data) == data
        except StreamFailed:
            return

    check()


OVER = {
    "a question": encode_call(Ask(1, 1, 1, "/x", bytes(limits.CALL_ASK_MAX_BYTES + 1))),
    "an answer asked for": encode_call(Ask(1, 1, limits.CALL_ANSWER_MAX_BYTES + 1, "/x", b"")),
    "no patience": encode_call(Ask(1, 0, 1, "/x", b"")),
    "a name": encode_call(Ask(1, 1, 1, "/" * (limits.PROTOCOL_NAME_MAX_BYTES + 1), b"")),
    "no name": encode_call(Ask(1, 1, 1, "", b"x")),
    "a name that is not text": encode_call(Ask(1, 1, 1, "/x", b"")).replace(b"/x", b"\xff\xff"),
    "a name cut off": encode_call(Ask(1, 1, 1, "/name", b""))[:-1],
    "a piece": encode_call(Part(1, bytes(limits.CALL_PART_BYTES + 1), is_last=True)),
    "an empty piece": encode_call(Part(1, b"", is_last=False)),
    "a cancel with a tail": encode_call(Cancel(1)) + b"\0",
}


@pytest.mark.parametrize("data", OVER.values(), ids=OVER.keys())
def test_each_bound_of_a_frame_is_kept(data: bytes) -> None:
    with pytest.raises(StreamFailed):
        decode_call(data)


def test_the_longest_frame_named_is_the_longest_there_is() -> None:
    name = "/" * limits.PROTOCOL_NAME_MAX_BYTES
    longest = encode_call(Ask(ID_MAX, 1, 1, name, bytes(limits.CALL_ASK_MAX_BYTES)))
    assert len(longest) == FRAME_MAX_BYTES
    assert isinstance(decode_call(longest), Ask)
