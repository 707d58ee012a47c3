"""The authority's pen: nothing is signed before the durable record says that it may be.

Blocks are lane "block" at (slot); proposals lane "proposal" at (instance, round); votes lane "vote" at (instance,
round, step). Instances count through all authority sets, so the set id needs no place of its own. A refusal is silent
for the network: the message is simply never sent.
"""

import msgspec

from node.consensus.certificate import LockProof, decode_lock_proof
from node.consensus.events import Signed
from node.consensus.messages import Proposal, proposal_message
from node.consensus.votes import Vote, message_of_vote
from node.ledger.header import Header, seal_message
from node.primitives.codec import encode
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, Hash, Slot
from node.service.silence import Silence
from storage.errors import SignRefused
from storage.signing import SignGuard

_BLOCK = "block"
_PROPOSAL = "proposal"
_VOTE = "vote"
_LOCK = "lock"


class GuardedSigner:
    """Signs for one authority, through its signing record. Calls block for a disk write (about 0.5 ms)."""

    def __init__(self, signer: Signer, guard: SignGuard, genesis_hash: Hash, silence: Silence | None = None) -> None:
        """While `silence` holds nothing is signed."""
        self._silence = silence
        self._signer = signer
        self._guard = guard
        self._genesis_hash = genesis_hash

    @property
    def public(self) -> AccountId:
        """The authority's account."""
        return self._signer.public

    def silent_until(self) -> Slot | None:
        """Return the slot before which this key signs nothing, None when it may sign."""
        return self._silence.until if self._silence is not None and self._silence.holds() else None

    def sealed_slot(self) -> int | None:
        """Return the slot of the last block that was sealed with this record."""
        place = self._guard.position(_BLOCK)
        return None if place is None else place[0]

    def seal(self, header: Header) -> bytes | None:
        """Return the seal of an own block, None when this slot was signed in already."""
        return self._sign(_BLOCK, (header.slot,), seal_message(self._genesis_hash, header))

    def sign(self, message: Proposal | Vote, lock: LockProof | None) -> Proposal | Vote | None:
        """Return the signed message, None when something else was signed at or after its place."""
        match message:
            case Vote():
                lane = _VOTE
                position: tuple[int, ...] = (message.instance, message.round, int(message.step))
                digest = message_of_vote(message, self._genesis_hash)
            case Proposal():
                lane = _PROPOSAL
                position = (message.instance, message.round)
                digest = proposal_message(message, self._genesis_hash)
        signature = self._sign(lane, position, digest, b"" if lock is None else encode(lock))
        return None if signature is None else msgspec.structs.replace(message, signature=signature)

    def signed_before(self) -> Signed | None:
        """Return what this key signed before a restart, None for a new key."""
        places = [self._guard.position(lane) for lane in (_VOTE, _PROPOSAL)]
        reached = [place for place in places if place is not None]
        if not reached:
            return None
        instance = max(place[0] for place in reached)
        round_number = max(place[1] for place in reached if place[0] == instance)
        note = self._guard.note(_LOCK)
        return Signed(instance, round_number, decode_lock_proof(note) if note else None)

    def _sign(self, lane: str, position: tuple[int, ...], digest: bytes, lock: bytes = b"") -> bytes | None:
        if self._silence is not None and self._silence.holds():
            return None
        try:
            self._guard.advance(lane, position, digest, note=(_LOCK, lock) if lock else None)
        except SignRefused:
            return None
        return self._signer.sign(digest)
