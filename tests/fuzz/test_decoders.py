"""Every decoder of bytes from outside: whatever comes in, a sound value or an error of the tree comes out.

What a canonical decoder accepts encodes to the very same bytes again; each check below also runs on what was accepted.
"""

import base58
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.control.errors import ProtocolError
from node.control.protocol import BadLine, parse_answer, parse_line
from node.gateway.openai import chat
from node.ledger.genesis import format_genesis, genesis_state, parse_genesis
from node.market.challenge import acknowledged
from node.market.errors import BadRequest, MalformedMessage
from node.market.frames import frame, open_frame
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.errors import AddressError, LedgerError
from node.service.errors import BadInvite
from node.service.invite import PREFIX, read_invite
from node.subnets.base import Code, decode_message
from node.subnets.nineteen.messages import ChatTask, chat_of, sampling_of, to_task
from tests.fuzz import samples
from tests.fuzz.canonical import CANONICAL
from tests.fuzz.mutations import bent_json, hostile
from tests.fuzz.tokens import cut_keys, other_numbers, widened

ADDRESS = to_ss58(samples.ALICE.public)
FEW = settings(max_examples=120, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", CANONICAL)
def test_sound_bytes_are_decoded_and_encoded_to_the_same(name: str) -> None:
    decoder = CANONICAL[name]
    for sample in decoder.samples:
        assert encode(decoder.decode(sample)) == sample


@pytest.mark.parametrize("name", CANONICAL)
def test_whatever_comes_in_only_documented_errors_or_canonical_values_come_out(name: str) -> None:
    decoder = CANONICAL[name]

    @FEW
    @given(hostile(decoder.samples))
    def check(data: bytes) -> None:
        try:
            value = decoder.decode(data)
        except decoder.errors:
            return
        assert encode(value) == data

    check()


@pytest.mark.parametrize("name", CANONICAL)
def test_every_cut_and_every_appended_byte_is_refused(name: str) -> None:
    decoder = CANONICAL[name]
    shortest = min(decoder.samples, key=len)
    for damaged in (*(shortest[:size] for size in range(0, len(shortest), 1 + len(shortest) // 60)), shortest + b"\0"):
        with pytest.raises(decoder.errors):
            decoder.decode(damaged)


@pytest.mark.parametrize("name", CANONICAL)
def test_the_same_value_in_another_encoding_is_refused(name: str) -> None:
    decoder = CANONICAL[name]
    respelled = [data for sample in decoder.samples for data in widened(sample)]
    assert respelled
    for data in respelled:
        with pytest.raises(decoder.errors):
            decoder.decode(data)


@pytest.mark.parametrize("name", sorted(set(CANONICAL) - {"evidence", "transaction batch"}))
def test_a_hash_key_or_signature_of_another_length_is_refused(name: str) -> None:
    """Evidence is looked at more closely by its check, and a batch is only taken apart by its decoder."""
    decoder = CANONICAL[name]
    for data in (data for sample in decoder.samples for data in cut_keys(sample)):
        with pytest.raises(decoder.errors):
            decoder.decode(data)


@pytest.mark.parametrize("name", CANONICAL)
def test_numbers_at_the_ends_of_their_range_are_refused_or_kept(name: str) -> None:
    decoder = CANONICAL[name]
    for data in (data for sample in decoder.samples for data in other_numbers(sample)):
        try:
            value = decoder.decode(data)
        except decoder.errors:
            continue
        assert encode(value) == data


@FEW
@given(hostile(samples.CALL_FRAMES))
def test_a_frame_of_a_call_is_its_kind_and_its_body_or_malformed(data: bytes) -> None:
    try:
        kind, body = open_frame(data)
    except MalformedMessage:
        return
    assert frame(kind, body) == data


@FEW
@given(st.binary(max_size=100))
def test_an_acknowledgement_is_always_some_code(data: bytes) -> None:
    assert isinstance(acknowledged(data), Code)


# --- text -------------------------------------------------------------------------------------------------------------


@FEW
@given(hostile((samples.INVITE.encode(),)))
def test_an_invite_is_sound_or_a_bad_invite(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        body = read_invite(text, 1000)
    except BadInvite:
        return
    assert body == read_invite(samples.INVITE, 1000)


@FEW
@given(hostile((samples.INVITE_BYTES,)))
def test_no_bent_invite_keeps_its_signature(data: bytes) -> None:
    if data != samples.INVITE_BYTES:
        with pytest.raises(BadInvite):
            read_invite(PREFIX + base58.b58encode(data).decode(), 1000)


@FEW
@given(st.one_of(st.text(max_size=80), hostile((ADDRESS.encode(),)).map(lambda data: data.decode("latin-1"))))
def test_an_address_is_sound_or_an_address_error(text: str) -> None:
    try:
        account = from_ss58(text)
    except AddressError:
        return
    assert to_ss58(account) == text.strip()


@settings(FEW, max_examples=400)
@given(st.one_of(hostile((samples.GENESIS_FILE,)), bent_json(samples.GENESIS_FILE), bent_json(samples.GENESIS_FILE)))
def test_a_genesis_file_makes_a_state_or_a_ledger_error(data: bytes) -> None:
    try:
        spec = parse_genesis(data)
        genesis_state(spec)
    except LedgerError:
        return
    assert parse_genesis(format_genesis(spec)) == spec


# --- local clients ----------------------------------------------------------------------------------------------------


@settings(FEW, max_examples=300)
@given(st.one_of(hostile(samples.CONTROL_CALLS), st.sampled_from(samples.CONTROL_CALLS).flatmap(bent_json)))
def test_a_control_line_is_a_call_or_a_refusal_of_one_line(line: bytes) -> None:
    answer = b"\n"
    try:
        parse_line(line)
    except BadLine as refusal:
        answer = refusal.answer
    assert answer.count(b"\n") == 1


@settings(FEW, max_examples=200)
@given(st.one_of(hostile(samples.CONTROL_ANSWERS), st.sampled_from(samples.CONTROL_ANSWERS).flatmap(bent_json)))
def test_an_answer_of_a_daemon_is_understood_or_a_protocol_error(line: bytes) -> None:
    try:
        parse_answer(line)
    except ProtocolError:
        return


@settings(FEW, max_examples=300)
@given(st.one_of(hostile(samples.CHAT_BODIES), st.sampled_from(samples.CHAT_BODIES).flatmap(bent_json)))
def test_a_chat_body_becomes_a_sound_task_or_a_bad_request(body: bytes) -> None:
    try:
        task = to_task(chat(body).requests[0], bytes(32))
    except BadRequest as error:
        named = error.param
    else:
        named = "nothing is wrong"
        check_task(task)
    assert named


def check_task(task: ChatTask) -> None:
    decode_message(ChatTask, encode(task), max_bytes=1 << 20)
    assert sampling_of(task, samples.BOB.public)
    assert chat_of(task)
