"""Decoders of values with one encoding: what each accepts encodes to the very same bytes again."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from node.consensus.certificate import decode_certificate, decode_lock_proof
from node.consensus.evidence import decode_evidence
from node.consensus.messages import decode_message as decode_finality
from node.ledger.header import decode_block, decode_header
from node.ledger.transaction import decode_transaction
from node.light.chain import LightChain, LightState
from node.light.errors import BadLightState
from node.light.steps import LightStep, decode_set, decode_step, encode_set
from node.market.errors import MalformedMessage
from node.market.frames import decode
from node.market.journal import decode_entry, decode_fork
from node.market.journal_sync import decode_entries, decode_heads, decode_question
from node.market.offers import decode_offer
from node.market.record import decode_head, decode_kept
from node.market.record_desk import RecordPage, RecordQuestion
from node.market.record_lines import decode_line
from node.primitives.codec import decode_canonical, encode
from node.primitives.crypto import verify
from node.primitives.errors import ConsensusError, DecodeError, LedgerError, NodeError
from node.service.gossip import decode_batch, decode_news
from node.subnets.base import decode_message
from node.subnets.nineteen.messages import ChatPiece, ChatTask
from node.sync.messages import Blocks, Headers, Steps, blocks_in, decode_answer, decode_request, headers_in
from node.sync.snapshot import decode_chunk, decode_manifest
from tests.fuzz import journals, records, samples


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
    "journal entry": Canonical(decode_entry, journals.ENTRY_BYTES, MALFORMED),
    "journal fork": Canonical(decode_fork, journals.FORK_BYTES, MALFORMED),
    "journal question": Canonical(decode_question, journals.QUESTION_BYTES, MALFORMED),
    "journal heads": Canonical(decode_heads, journals.HEADS_BYTES, MALFORMED),
    "journal range": Canonical(decode_entries, journals.RANGE_BYTES, MALFORMED),
    "offer": Canonical(decode_offer, journals.OFFER_BYTES, MALFORMED),
    "record line": Canonical(decode_line, records.LINE_BYTES, MALFORMED),
    "record head": Canonical(decode_head, records.HEAD_BYTES, MALFORMED),
    "score book": Canonical(records.book_rows, records.BOOK_BYTES, MALFORMED),
    "kept answer": Canonical(decode_kept, records.KEPT_BYTES, MALFORMED),
    "record question": Canonical(
        lambda data: decode_message(RecordQuestion, data, max_bytes=1 << 9), records.QUESTION_BYTES, MALFORMED
    ),
    "record page": Canonical(
        lambda data: decode_message(RecordPage, data, max_bytes=1 << 19), records.PAGE_BYTES, MALFORMED
    ),
    **{
        kind.__name__: Canonical(lambda data, kind=kind: decode(kind, data), (encode(sample),), MALFORMED)
        for kind, sample in samples.FRAMES.items()
    },
}
