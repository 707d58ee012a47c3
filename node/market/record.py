"""A validator's record of one epoch: its head, whose digest stands on chain, the tree over its lines, and conversions.

From the lines and the book it began with, anybody can compute the book and the weights again (`node.market.recount`).
Wire forms and their checks only; nothing here decides.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from node.ledger import merkle
from node.market.errors import MalformedMessage
from node.market.frames import Challenge, ChallengeHead, challenge_digest
from node.market.limits import FACT_NAME_CHARS_MAX, FACTS_MAX, RECORD_ANSWER_BYTES_MAX, RECORD_HEAD_BYTES_MAX
from node.market.record_lines import (
    KINDS,
    NOTHING,
    Booked,
    Opened,
    SeatRow,
    bits,
    check_lengths,
    decode_line,
    from_bits,
)
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Signer, Verifier, digest
from node.primitives.errors import DecodeError
from node.primitives.limits import COMMITMENT_BYTES_MAX
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, SIGNATURE_BYTES, AccountId, Hash, Height, NetUid
from node.subnets.base import Answer, Code, Judged, Message, Neuron, Usage, Verdict, View

RECORD_VERSION: Final = 1


class SeedNote(Wire, frozen=True):
    """A chain of seeds: the first round it is for, and its end."""

    first_round: int
    end: Hash


class SeedNotes(Wire, frozen=True):
    """What a validator publishes as its commitment: the chain of seeds in use and, before its end, the next."""

    version: int
    chains: tuple[SeedNote, ...]


class RecordHead(Wire, frozen=True):
    """One epoch's record in brief. Its digest is what goes on chain.

    `root` is over the lines; `before` and `after` are digests of the book; `previous` is the digest of the head before.
    """

    version: int
    genesis: Hash
    netuid: NetUid
    validator: AccountId
    epoch: int
    first_height: Height
    last_height: Height
    lines: int
    root: Hash
    before: Hash
    after: Hash
    previous: Hash
    seeds: tuple[SeedNote, ...]


class SignedHead(Wire, frozen=True):
    """A head and its validator's signature."""

    head: RecordHead
    signature: bytes


class KeptAnswer(Wire, frozen=True):
    """The canonical task of a challenge and the canonical parts of one answer."""

    task: bytes
    parts: tuple[bytes, ...]


# --- bytes ------------------------------------------------------------------------------------------------------------


def decode_head(data: bytes) -> SignedHead:
    """The checked head in `data`. Raises MalformedMessage."""
    try:
        signed = decode_canonical(SignedHead, data, max_bytes=RECORD_HEAD_BYTES_MAX)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    head = signed.head
    check_lengths(HASH_BYTES, head.genesis, head.root, head.before, head.after, head.previous)
    check_lengths(HASH_BYTES, *(note.end for note in head.seeds))
    check_lengths(ACCOUNT_BYTES, head.validator)
    check_lengths(SIGNATURE_BYTES, signed.signature)
    numbers = (head.version, head.netuid, head.epoch, head.first_height, head.last_height, head.lines)
    if min(numbers) < 0 or any(note.first_round < 0 for note in head.seeds):
        raise MalformedMessage("A number of a record is negative.")
    return signed


def decode_notes(data: bytes) -> tuple[SeedNote, ...]:
    """The chains of seeds in a commitment; none when it is something else."""
    try:
        notes = decode_canonical(SeedNotes, data, max_bytes=COMMITMENT_BYTES_MAX)
    except DecodeError:
        return ()
    sound = notes.version == RECORD_VERSION and all(len(note.end) == HASH_BYTES for note in notes.chains)
    return notes.chains if sound and all(note.first_round >= 0 for note in notes.chains) else ()


def record_digest(head: RecordHead) -> Hash:
    """Identity of a record: what stands on chain and what its validator signs."""
    return digest("record", encode(head))


def sign_head(head: RecordHead, signer: Signer) -> SignedHead:
    """The head under its validator's signature."""
    return SignedHead(head, signer.sign(record_digest(head)))


def head_holds(signed: SignedHead, verify: Verifier) -> bool:
    """Whether the signature of a head holds."""
    return verify(signed.head.validator, record_digest(signed.head), signed.signature)


# --- the tree over lines --------------------------------------------------------------------------------------------


def line_path(number: int) -> Hash:
    """Where line `number` hangs in the tree."""
    return digest("record-line", number.to_bytes(8, "big"))


def line_tree(lines: Iterable[bytes]) -> merkle.Node:
    """The tree over the encoded lines of a record."""
    return merkle.build(sorted((line_path(number), line) for number, line in enumerate(lines)))


def lines_root(lines: Iterable[bytes]) -> Hash:
    """The root over the encoded lines of a record."""
    return merkle.root_hash(line_tree(lines))


# --- conversions ----------------------------------------------------------------------------------------------------


def seat_row(neuron: Neuron) -> SeatRow:
    """A seat as a record tells it."""
    return SeatRow(
        neuron.uid, neuron.hotkey, neuron.coldkey, neuron.peer_id, neuron.addresses, neuron.stake_rao,
        neuron.validator_permit, neuron.last_update,
    )  # fmt: skip


def neuron_of(row: SeatRow) -> Neuron:
    """A seat as subnets see it."""
    return Neuron(
        row.uid, row.hotkey, row.coldkey, row.peer_id, row.addresses, row.stake_rao, row.validator_permit,
        row.last_update,
    )  # fmt: skip


def opened_line(challenge: Challenge, view: View, secret: Hash, seed_block: Hash) -> Opened:
    """A challenge as a record tells it."""
    head = challenge.head
    return Opened(
        round=head.round,
        height=view.height,
        block_hash=view.block_hash,
        secret=secret,
        seed_block=seed_block,
        asked_at=head.height,
        peer_id=head.peer_id,
        targets=head.targets,
        body_digest=head.body_digest,
        signature=challenge.signature,
    )


def challenge_of(line: Opened, genesis: Hash, netuid: NetUid, validator: AccountId) -> Hash:
    """Identity of a challenge, from what its line tells."""
    head = ChallengeHead(
        genesis, netuid, line.round, line.asked_at, validator, line.peer_id, line.targets, line.body_digest
    )  # fmt: skip
    return challenge_digest(head)


def unjudged(
    lines: Iterable[bytes], genesis: Hash, netuid: NetUid, validator: AccountId
) -> set[tuple[Hash, AccountId]]:
    """Challenges and targets in these lines that have no verdict in them. Raises MalformedMessage."""
    asked: set[tuple[Hash, AccountId]] = set()
    for line in map(decode_line, lines):
        if isinstance(line, Opened):
            name = challenge_of(line, genesis, netuid, validator)
            asked |= {(name, miner) for miner in line.targets}
        elif isinstance(line, Booked):
            asked.discard((line.question, line.miner))
    return asked


def kept_answer(task: Message, answer: Answer) -> bytes:
    """A challenge's task and what a miner answered, as they are kept for audits."""
    return encode(KeptAnswer(encode(task), tuple(encode(part) for part in answer.parts)))


def decode_kept(data: bytes) -> KeptAnswer:
    """What `kept_answer` made. Raises MalformedMessage."""
    try:
        return decode_canonical(KeptAnswer, data, max_bytes=RECORD_ANSWER_BYTES_MAX)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error


def facts_of(facts: Mapping[str, float]) -> tuple[tuple[str, bytes], ...]:
    """Facts in the order of their names. Raises MalformedMessage when a verdict states too many, or none that fit."""
    if len(facts) > FACTS_MAX or any(not 0 < len(name) <= FACT_NAME_CHARS_MAX for name in facts):
        raise MalformedMessage(f"A verdict has at most {FACTS_MAX} facts with names of {FACT_NAME_CHARS_MAX} letters.")
    rows = tuple(sorted((name, bits(float(value))) for name, value in facts.items()))
    for _, value in rows:
        from_bits(value)
    return rows


def booked_line(
    question: Hash, kind: str, miner: AccountId, verdict: Verdict, height: Height, answer: Answer | None
) -> Booked:
    """A verdict as a record tells it."""
    try:
        facts = facts_of(verdict.facts)
    except (MalformedMessage, TypeError, ValueError, OverflowError):
        verdict, facts = Verdict(None, Code.VALIDATOR_FAULT), ()
    score, weight = verdict.score, verdict.weight
    if score is None or not (math.isfinite(score) and math.isfinite(weight)):
        score, weight = None, 0.0
    return Booked(
        question=question,
        kind=KINDS.index(kind),
        miner=miner,
        height=height,
        score=NOTHING if score is None else bits(score),
        code=int(verdict.code),
        weight=bits(weight),
        facts=facts,
        usage=Usage() if answer is None else answer.usage,
        t_first_ms=0 if answer is None else answer.t_first_ms,
        t_done_ms=0 if answer is None else answer.t_done_ms,
        answer=NOTHING if answer is None else answer.digest,
        signature=NOTHING if answer is None else answer.signature,
    )


def judged_of(line: Booked) -> Judged:
    """A booked verdict as the book keeps it: without the evidence, which nothing is computed from."""
    verdict = Verdict(
        score=from_bits(line.score) if line.score else None,
        code=Code(line.code),
        weight=from_bits(line.weight),
        facts={name: from_bits(value) for name, value in line.facts},
    )
    return Judged(
        line.question, KINDS[line.kind], line.height, verdict, line.usage, line.t_first_ms, line.t_done_ms
    )  # fmt: skip
