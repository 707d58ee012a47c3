"""Seals: whether a header was signed by its slot's leader, and whether that leader signed two for one slot.

Source: docs/protocol.md, "Production".
"""

from node.consensus.authority import AuthoritySet
from node.consensus.errors import BadSeal, WrongSet
from node.consensus.evidence import DoubleHeader
from node.consensus.limits import SEALS_REMEMBERED_MAX
from node.ledger.header import Header, seal_message
from node.primitives.crypto import Verifier
from node.primitives.types import AccountId, Hash, Slot


def check_seal(header: Header, authorities: AuthoritySet, genesis_hash: Hash, verify: Verifier) -> None:
    """Refuse a header that the leader of its slot did not sign; `authorities` are those above its parent.

    Raises:
        WrongSet: it names another set than `authorities`.
        BadSeal: not the leader, or a wrong signature.
    """
    _check_set(header, authorities)
    if header.proposer != authorities.slot_leader(header.slot):
        raise BadSeal(f"The producer of this block does not lead slot {header.slot}.")
    _check_signature(header, genesis_hash, verify)


def check_member_seal(header: Header, authorities: AuthoritySet, genesis_hash: Hash, verify: Verifier) -> None:
    """Refuse a header that no member of a set sealed; who leads its slot only its parent's state tells.

    Raises as `check_seal`.
    """
    _check_set(header, authorities)
    if header.proposer not in authorities:
        raise BadSeal("The producer of this block is no authority.")
    _check_signature(header, genesis_hash, verify)


def _check_set(header: Header, authorities: AuthoritySet) -> None:
    if header.set_id != authorities.set_id:
        raise WrongSet(f"This block is of authority set {header.set_id}, not {authorities.set_id}.")


def _check_signature(header: Header, genesis_hash: Hash, verify: Verifier) -> None:
    if not verify(header.proposer, seal_message(genesis_hash, header), header.signature):
        raise BadSeal("The seal of this block is wrong.")


class SealBook:
    """Remembers the sealed headers of recent slots: at most two of each producer and slot."""

    def __init__(self, genesis_hash: Hash) -> None:
        self._genesis_hash = genesis_hash
        self._headers: dict[tuple[AccountId, Slot], tuple[Header, ...]] = {}

    def count(self, header: Header) -> int:
        """Return how many other headers of this producer and slot are known."""
        known = self._headers.get((header.proposer, header.slot), ())
        return sum(other != header for other in known)

    def note(self, header: Header) -> DoubleHeader | None:
        """Remember a checked header; return the proof when it is the second of its producer and slot."""
        place = (header.proposer, header.slot)
        known = self._headers.get(place, ())
        if len(known) >= 2 or header in known:
            return None
        if not known and len(self._headers) >= SEALS_REMEMBERED_MAX:
            del self._headers[next(iter(self._headers))]
        self._headers[place] = (*known, header)
        if not known or self._message(known[0]) == self._message(header):
            return None
        return DoubleHeader(known[0], header)

    def _message(self, header: Header) -> bytes:
        return seal_message(self._genesis_hash, header)
