"""What a light client is sent: a certified header and, where the deciding set changes, the new set with its proof.

Values only; `node.light.chain` judges them. Source: docs/protocol.md, "Light client".
"""

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, check_quorum_shape
from node.ledger import merkle
from node.ledger.header import Header, check_header_shape
from node.ledger.merkle import Proof
from node.ledger.pallets import authority
from node.ledger.state import StateView
from node.light.proofs import check_proof_shape
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import DecodeError
from node.primitives.limits import STATE_VALUE_BYTES_MAX
from node.primitives.types import HASH_BYTES, Hash


class ProvenSet(Wire, frozen=True):
    """The bytes of the state item `authority.current` and their proof under a header's state root."""

    value: bytes
    proof: Proof


class LightStep(Wire, frozen=True):
    """A certified header; `next_set` has one element exactly when another set decides after this block."""

    header: Header
    certificate: Certificate
    next_set: tuple[ProvenSet, ...]


def check_step_shape(step: LightStep) -> None:
    """Refuse a step that is malformed on its own (DecodeError or BadCertificate)."""
    check_header_shape(step.header)
    check_quorum_shape(step.certificate)
    if len(step.next_set) > 1:
        raise DecodeError("A light step has at most one new authority set.")
    for proven in step.next_set:
        if len(proven.value) > STATE_VALUE_BYTES_MAX:
            raise DecodeError("The authority set of this light step is larger than a value may be.")
        check_proof_shape(proven.proof)


def decode_step(data: bytes, *, max_bytes: int) -> LightStep:
    """Return the well-formed step in `data`; DecodeError or BadCertificate otherwise. Nothing is verified."""
    step = decode_canonical(LightStep, data, max_bytes=max_bytes)
    check_step_shape(step)
    return step


def encode_step(step: LightStep) -> bytes:
    """Return the canonical bytes of `step`."""
    return encode(step)


def make_step(header: Header, certificate: Certificate, view: StateView, tree: merkle.Node) -> LightStep:
    """Return the step over a certified block, given the state after it.

    `view` and `tree` must be of one state; the set that `certificate` names is the one that decided on the block.
    """
    if authority.CURRENT.get(view).set_id == certificate.set_id:
        return LightStep(header, certificate, ())
    value = view.get(authority.CURRENT.path) or b""
    return LightStep(header, certificate, (ProvenSet(value, merkle.prove(tree, authority.CURRENT.path)),))


def decode_set(value: bytes) -> AuthoritySet:
    """Return the set in the bytes of `authority.current` or of one of `authority.sets`.

    Raises DecodeError or BadAuthoritySet.
    """
    stored = decode_canonical(authority.AuthoritySet, value, max_bytes=STATE_VALUE_BYTES_MAX)
    if stored.set_id < 0 or any(len(member.account) != HASH_BYTES for member in stored.members):
        raise DecodeError("An authority set with a malformed number or key.")
    return AuthoritySet(stored.set_id, stored.members)


def encode_set(authorities: AuthoritySet) -> bytes:
    """Return the bytes that `decode_set` reads."""
    return encode(authority.AuthoritySet(authorities.set_id, authorities.members))


def set_path() -> Hash:
    """Return the path under which a state holds the set that decides on its block's children."""
    return authority.CURRENT.path
