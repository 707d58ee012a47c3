"""Quorums of signatures in one value: the certificate that finalises a block, and the proof that locks a vote.

Both hold a bitmap over the set's members and the signatures of those marked, in order. A `Certificate` consists of
precommits; a `LockProof` of prevotes. Source: docs/protocol.md, "Certificates".
"""

from collections.abc import Iterable

from node.consensus.authority import AuthoritySet, Power
from node.consensus.errors import BadCertificate, BadVote, WrongSet
from node.consensus.votes import NIL, BlockRef, Step, Vote, check_numbers, vote_message
from node.ledger.header import Header
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Verifier
from node.primitives.errors import invariant
from node.primitives.limits import AUTHORITIES_MAX, CERTIFICATE_BYTES_MAX
from node.primitives.types import HASH_BYTES, SIGNATURE_BYTES, ZERO_HASH, Hash, Height, SetId

_BITS = 8
_BITMAP_BYTES_MAX = -(-AUTHORITIES_MAX // _BITS)


class _Quorum(Wire, frozen=True):
    set_id: SetId
    instance: int
    round: int
    height: Height
    block_hash: Hash
    bitmap: bytes
    signatures: tuple[bytes, ...]

    @property
    def block(self) -> BlockRef:
        """The block that the quorum voted for."""
        return BlockRef(self.block_hash, self.height)


class Certificate(_Quorum, frozen=True, tag=3):
    """More than two thirds precommitted this block: it is final."""


class LockProof(_Quorum, frozen=True, tag=4):
    """More than two thirds prevoted this block in this round: it may be locked, and frees locks of earlier rounds."""


def build_certificate(votes: Iterable[Vote], authorities: AuthoritySet) -> Certificate:
    """Return the certificate that these checked precommits for one block make."""
    first, bitmap, signatures = _collect(votes, authorities, Step.PRECOMMIT)
    return Certificate(
        first.set_id, first.instance, first.round, first.height, first.block_hash, bitmap, signatures
    )  # fmt: skip


def build_lock_proof(votes: Iterable[Vote], authorities: AuthoritySet) -> LockProof:
    """Return the lock proof that these checked prevotes for one block make."""
    first, bitmap, signatures = _collect(votes, authorities, Step.PREVOTE)
    return LockProof(
        first.set_id, first.instance, first.round, first.height, first.block_hash, bitmap, signatures
    )  # fmt: skip


def check_certificate(
    certificate: Certificate,
    authorities: AuthoritySet,
    genesis_hash: bytes,
    verify: Verifier,
    *,
    header: Header | None,
) -> None:
    """Refuse a certificate that does not hold; `header` is that of the certified block, where it is known.

    Without the header a joint set's certificate passes with a quorum of authorities alone, which is enough for an abort
    block only: check it again when the header is there.

    Raises:
        WrongSet: it belongs to another set.
        BadCertificate: malformed, too little weight, or a wrong signature.
    """
    abort = header is None or authorities.is_abort(header)
    _check(certificate, Step.PRECOMMIT, authorities, genesis_hash, verify, abort=abort)


def check_lock_proof(proof: LockProof, authorities: AuthoritySet, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a lock proof that does not hold; raises as `check_certificate`.

    One of a quorum of authorities alone passes: whether its block is an abort block, the voter looks when it has it.
    """
    _check(proof, Step.PREVOTE, authorities, genesis_hash, verify, abort=True)


def has_quorum(quorum: Certificate | LockProof, authorities: AuthoritySet, *, abort: bool) -> bool:
    """Tell whether the signers of a checked certificate or proof are a quorum for a block that is (not) an abort."""
    return authorities.is_quorum(_power(quorum, authorities), abort=abort)


def decode_certificate(data: bytes) -> Certificate:
    """Return the certificate in `data`; DecodeError or BadCertificate otherwise. Its signatures are not checked."""
    certificate = decode_canonical(Certificate, data, max_bytes=CERTIFICATE_BYTES_MAX)
    check_quorum_shape(certificate)
    return certificate


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the canonical bytes of `certificate`."""
    return encode(certificate)


def decode_lock_proof(data: bytes) -> LockProof:
    """Return the lock proof in `data`; DecodeError or BadCertificate otherwise. Its signatures are not checked."""
    proof = decode_canonical(LockProof, data, max_bytes=CERTIFICATE_BYTES_MAX)
    check_quorum_shape(proof)
    return proof


def check_quorum_shape(quorum: Certificate | LockProof) -> None:
    """Refuse a certificate or proof that is malformed on its own (BadCertificate)."""
    try:
        check_numbers(quorum.set_id, quorum.instance, quorum.round, quorum.height)
    except BadVote as error:
        raise BadCertificate(error.message) from error
    if len(quorum.block_hash) != HASH_BYTES or quorum.block_hash == ZERO_HASH or quorum.height == 0:
        raise BadCertificate("A certificate names a block above genesis.")
    if len(quorum.bitmap) > _BITMAP_BYTES_MAX:
        raise BadCertificate("The bitmap of this certificate is longer than any authority set.")
    if any(len(signature) != SIGNATURE_BYTES for signature in quorum.signatures):
        raise BadCertificate("A signature of this certificate has the wrong length.")
    if sum(byte.bit_count() for byte in quorum.bitmap) != len(quorum.signatures):
        raise BadCertificate("The signatures of this certificate do not fit its bitmap.")


def _collect(votes: Iterable[Vote], authorities: AuthoritySet, step: Step) -> tuple[Vote, bytes, tuple[bytes, ...]]:
    by_seat = {authorities.index_of(vote.voter): vote for vote in votes}
    seats = sorted(seat for seat in by_seat if seat is not None)
    invariant(bool(seats) and len(seats) == len(by_seat), "a certificate is made of members' votes")
    first = by_seat[seats[0]]
    said = {
        (vote.set_id, vote.instance, vote.round, vote.step, vote.block_hash, vote.height) for vote in by_seat.values()
    }
    invariant(len(said) == 1 and first.step is step, "votes of one quorum agree")
    invariant(first.block != NIL, "nothing cannot be certified")
    bitmap = bytearray(-(-len(authorities) // _BITS))
    for seat in seats:
        bitmap[seat // _BITS] |= 1 << seat % _BITS
    return first, bytes(bitmap), tuple(by_seat[seat].signature for seat in seats)


def _check(
    quorum: Certificate | LockProof,
    step: Step,
    authorities: AuthoritySet,
    genesis_hash: bytes,
    verify: Verifier,
    *,
    abort: bool,
) -> None:
    check_quorum_shape(quorum)
    if quorum.set_id != authorities.set_id:
        raise WrongSet(f"This certificate is of authority set {quorum.set_id}, here {authorities.set_id} decides.")
    if len(quorum.bitmap) != -(-len(authorities) // _BITS):
        raise BadCertificate("The bitmap of this certificate does not fit the authority set.")
    seats = _seats(quorum)
    if seats and seats[-1] >= len(authorities):
        raise BadCertificate("The bitmap of this certificate marks a member that does not exist.")
    if not authorities.is_quorum(_power(quorum, authorities), abort=abort):
        raise BadCertificate("The signers of this certificate are no quorum.")
    message = vote_message(genesis_hash, quorum.set_id, quorum.instance, quorum.round, step, quorum.block)
    for seat, signature in zip(seats, quorum.signatures, strict=True):
        if not verify(authorities.members[seat].account, message, signature):
            raise BadCertificate("A signature of this certificate is wrong.")


def _power(quorum: Certificate | LockProof, authorities: AuthoritySet) -> Power:
    return authorities.power_of_all(authorities.members[seat].account for seat in _seats(quorum))


def _seats(quorum: Certificate | LockProof) -> list[int]:
    bitmap = quorum.bitmap
    return [seat for seat in range(len(bitmap) * _BITS) if bitmap[seat // _BITS] >> seat % _BITS & 1]
