"""Every decoder of bytes from outside: whatever comes in, a sound value or an error of the tree comes out.

What a canonical decoder accepts encodes to the very same bytes again; each check below also runs on what was accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import base58
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.consensus.certificate import decode_certificate, decode_lock_proof
from node.consensus.evidence import decode_evidence
from node.consensus.messages import decode_message as decode_finality
from node.control.errors import ProtocolError
from node.control.protocol import BadLine, parse_answer, parse_line
from node.gateway.openai import parse_chat, to_market
from node.ledger.genesis import format_genesis, genesis_state, parse_genesis
from node.ledger.header import decode_block, decode_header
from node.ledger.transaction import decode_transaction
from node.light.chain import LightChain, LightState
from node.light.errors import BadLightState
from node.light.steps import LightStep, decode_set, decode_step, encode_set
from node.market.challenge import acknowledged
from node.market.errors import BadRequest, MalformedMessage
from node.market.frames import decode, frame, open_frame
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import decode_canonical, encode
from node.primitives.crypto import verify
from node.primitives.errors import AddressError, ConsensusError, DecodeError, LedgerError, NodeError
from node.service.errors import BadInvite
from node.service.gossip import decode_batch, decode_news
from node.service.invite import PREFIX, read_invite
from node.subnets.base import Code, decode_message
from node.subnets.nineteen.messages import ChatPiece, ChatTask, chat_of, sampling_of, to_task
from node.sync.messages import Blocks, Headers, Steps, blocks_in, decode_answer, decode_request, headers_in
from node.sync.snapshot import decode_chunk, decode_manifest
from tests.fuzz import samples
from tests.fuzz.mutations import bent_json, hostile
from tests.fuzz.tokens import cut_keys, other_numbers, widened

ADDRESS = to_ss58(samples.ALICE.public)
FEW = settings(max_examples=120, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Canonical:
    """A decoder whose values have one encoding; `samples` are sound, `errors` is all it may raise."""

    decode: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    errors: tuple[type[NodeError], ...]


def sync_answer(data: bytes) -> object:
    """An answer with everything that travels as bytes inside it taken apart too."""
    match answer := decode_answer(data):
        case Blocks():
            return Blocks(tuple(encode(block) for block in blocks_in(answer)), answer.certificate)
        case Headers():
            return Headers(tuple(encode(header) for header in headers_in(answer)))
        case Steps():
            return Steps(tuple(taken_apart(step) for step in answer.steps))
        case _:
            return answer


def taken_apart(step: LightStep) -> LightStep:
    sets = tuple(replace(each, value=encode_set(decode_set(each.value))) for each in step.next_set)
    return replace(step, next_set=sets)


def light_state(data: bytes) -> object:
    return decode_canonical(LightState, LightChain.restore(data, None, verify).save(), max_bytes=1 << 20)


MALFORMED = (MalformedMessage,)
CANONICAL = {
    "header": Canonical(decode_header, (encode(samples.HEADER), encode(samples.ANNOUNCING)), (DecodeError,)),
    "block": Canonical(decode_block, (encode(samples.BLOCK),), (DecodeError,)),
    "transaction": Canonical(decode_transaction, samples.TRANSACTIONS, (LedgerError,)),
    "block news": Canonical(decode_news, samples.NEWS, (DecodeError,)),
    "transaction batch": Canonical(decode_batch, samples.BATCHES, (DecodeError,)),
    "finality message": Canonical(decode_finality, samples.FINALITY, (DecodeError, ConsensusError)),
    "certificate": Canonical(decode_certificate, (encode(samples.CERTIFICATE),), (DecodeError, ConsensusError)),
    "lock proof": Canonical(decode_lock_proof, (encode(samples.LOCK),), (DecodeError, ConsensusError)),
    "evidence": Canonical(decode_evidence, samples.EVIDENCE, (DecodeError,)),
    "sync request": Canonical(decode_request, samples.SYNC_REQUESTS, (DecodeError,)),
    "sync answer": Canonical(sync_answer, samples.SYNC_ANSWERS, (DecodeError, ConsensusError)),
    "manifest": Canonical(decode_manifest, (encode(samples.MANIFEST),), (DecodeError,)),
    "chunk": Canonical(decode_chunk, tuple(map(encode, samples.CHUNKS)), (DecodeError,)),
    "light step": Canonical(
        lambda data: decode_step(data, max_bytes=1 << 20), (encode(samples.STEP),), (DecodeError, ConsensusError)
    ),
    "light state": Canonical(light_state, (samples.LIGHT_STATE,), (BadLightState,)),
    "chat task": Canonical(
        lambda data: decode_message(ChatTask, data, max_bytes=1 << 16), (encode(samples.TASK),), MALFORMED
    ),
    "chat piece": Canonical(
        lambda data: decode_message(ChatPiece, data, max_bytes=1 << 16), tuple(map(encode, samples.PIECES)), MALFORMED
    ),
    **{
        kind.__name__: Canonical(lambda data, kind=kind: decode(kind, data), (encode(sample),), MALFORMED)
        for kind, sample in samples.FRAMES.items()
    },
}


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
        task = to_task(to_market(parse_chat(body)), bytes(32))
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
