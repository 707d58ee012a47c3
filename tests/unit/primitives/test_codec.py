"""The canonical encoding: one value, one sequence of bytes, everything else refused."""

import subprocess
import sys
from typing import cast

import pytest

from node.ledger.calls import Call
from node.ledger.header import Authority, Block, Header, decode_block, decode_header, header_hash, seal_message
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import DecodeError

TWO_THREADS = """
import sys, threading, time
from node.primitives.codec import Wire, build_decoders, decode_canonical, encode

begun = threading.Event()

def slowly():  # what the library asks of a struct's annotations; other threads run meanwhile
    begun.set()
    time.sleep(0.2)
    return int

class Inner(Wire):
    number: "slowly()"

class Outer(Wire):
    inner: Inner

if "built" in sys.argv:
    build_decoders()
raw = encode(Outer(Inner(7)))
threading.Thread(target=lambda: decode_canonical(Outer, raw, max_bytes=99)).start()
begun.wait()
sys.exit(decode_canonical(Outer, raw, max_bytes=99).inner.number)
"""


class Pair(Wire, frozen=True):
    number: int
    data: bytes


HEADER = Header(
    1, 7, 9, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32, 5, b"\x06" * 32, (), b"\x07" * 64
)  # fmt: skip


def test_what_is_none_of_many_kinds_is_told_in_one_line() -> None:
    kinds = cast("type[Wire]", Call)
    with pytest.raises(DecodeError) as told:
        decode_canonical(kinds, b"\x6e", max_bytes=10)
    assert len(told.value.message) < 120


def test_decoders_that_were_built_beforehand_serve_two_threads_that_meet_a_struct_at_once() -> None:
    def ended(*arguments: str) -> int:
        words = [sys.executable, "-c", TWO_THREADS, *arguments]
        return subprocess.run(words, timeout=60, capture_output=True, check=False).returncode

    assert ended("built") == 7
    if ended() == 7:
        pytest.fail("the library has become safe by itself: build_decoders may go")


def test_the_encoding_of_a_value_is_pinned_byte_by_byte() -> None:
    assert encode(Pair(300, b"ab")).hex() == "92cd012cc4026162"


def test_the_encoding_of_a_header_is_pinned_byte_by_byte() -> None:
    assert encode(HEADER).hex() == (
        "9b010709c420" + "01" * 32 + "c420" + "02" * 32 + "c420" + "03" * 32 + "c420" + "04" * 32 + "05"
        "c420" + "06" * 32 + "90c440" + "07" * 64
    )


@pytest.mark.parametrize(
    "twin",
    [
        "92cd012cc5000261 62",  # bytes with a longer length form
        "92ce0000012cc4026162",  # integer with a longer form
        "dc0002cd012cc4026162",  # array with a longer length form
        "92cd012cc402616200",  # a trailing byte
        "93cd012cc402616200",  # a field too many
        "91cd012c",  # a field too few
        "92cd012ca26162",  # text where bytes belong
        "92cb4072c00000000000c4026162",  # a float
        "",
    ],
)
def test_a_second_form_of_the_same_value_is_refused(twin: str) -> None:
    with pytest.raises(DecodeError):
        decode_canonical(Pair, bytes.fromhex(twin), max_bytes=100)


def test_more_bytes_than_allowed_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(DecodeError, match="at most 5"):
        decode_canonical(Pair, encode(Pair(1, b"abcdef")), max_bytes=5)


def test_a_deeply_nested_array_is_refused_and_does_not_crash() -> None:
    with pytest.raises(DecodeError):
        decode_canonical(Pair, b"\x91" * 100_000 + b"\x00", max_bytes=200_000)


def test_a_block_survives_the_wire() -> None:
    block = Block(HEADER, (b"tx1", b"tx2"))
    assert decode_block(encode(block)) == block


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"parent": b"short"},
        {"proposer": b"\x02" * 31},
        {"signature": b""},
        {"height": -1},
        {"next_set": (Authority(b"\x01" * 31, 1),)},
        {"next_set": (Authority(b"\x01" * 32, 0),)},
    ],
)
def test_a_malformed_header_is_refused(change: dict[str, object]) -> None:
    fields = {name: getattr(HEADER, name) for name in HEADER.__struct_fields__} | change
    with pytest.raises(DecodeError):
        decode_header(encode(Header(**fields)))


def test_the_signature_is_part_of_the_hash_but_not_of_what_is_signed() -> None:
    fields = {name: getattr(HEADER, name) for name in HEADER.__struct_fields__}
    other = Header(**(fields | {"signature": b"\x08" * 64}))
    assert header_hash(other) != header_hash(HEADER)
    assert seal_message(b"\x00" * 32, other) == seal_message(b"\x00" * 32, HEADER)
    assert seal_message(b"\x01" * 32, HEADER) != seal_message(b"\x00" * 32, HEADER)
