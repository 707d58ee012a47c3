"""What must hold at every moment, looked at after every event; and what happened, so that a corpus can be judged.

A broken promise raises `Violation` where it breaks, with the virtual time in the kernel still standing there.
"""

from collections import Counter
from collections.abc import Callable

from node.consensus.certificate import Certificate, LockProof
from node.consensus.events import Finalised, NewHead
from node.consensus.evidence import Evidence, offender
from node.ledger.header import Header
from node.ledger.phases import PosPhase, phase_of
from node.primitives.types import AccountId, Hash
from tests.simulation.chain import SUPPLY, State


class Violation(AssertionError):
    """A promise of consensus was broken."""


class Watch:
    """Sees what all nodes do. `guilty` keys may sign twice and be convicted, `dishonest` nodes may be penalised."""

    def __init__(self, genesis: State | None = None) -> None:
        self.guilty: set[AccountId] = set()
        self.convicted: set[AccountId] = set()
        self.dishonest: set[str] = set()
        self.clocks_are_off = False  # then honest blocks may seem to come from the future
        self.ambush: Callable[[str, str], None] | None = None  # told (what, node) when a vote matters most
        self.seen: Counter[str] = Counter()
        self._hash_at: dict[int, Hash] = {}
        self._root_at: dict[int, Hash] = {}
        self._states: dict[int, State] = {} if genesis is None else {0: genesis}
        self._certified: dict[int, tuple[Hash, int]] = {}
        self._height: dict[str, int] = {}
        self._signed: dict[tuple[AccountId, str, tuple[int, ...]], bytes] = {}

    def count(self, what: str) -> None:
        """Note that something worth reaching was reached."""
        self.seen[what] += 1

    # --- safety -------------------------------------------------------------------------------------------------------

    def certificate(self, certificate: Certificate) -> None:
        """No two certificates conflict: neither with one of its instance nor with what is final."""
        mine = (certificate.block_hash, certificate.height)
        if self._certified.setdefault(certificate.instance, mine) != mine:
            raise Violation(f"two certificates of instance {certificate.instance}")
        if self._hash_at.get(certificate.height, mine[0]) != mine[0]:
            raise Violation(f"a certificate of another block than the final one at height {certificate.height}")
        if certificate.round > 0:
            self.count("decided in a later round")

    def finalised(self, name: str, final: Finalised[State]) -> None:
        """Each node's finalised blocks follow each other, and are everybody's, with everybody's state."""
        is_first = final.certificate.instance not in self._certified
        self.certificate(final.certificate)
        if is_first and self.ambush is not None:
            self.ambush("decider", name)
        height = self._height.get(name, 0)
        self._weigh(final, self._states.get(height))
        for block, block_hash, state in zip(final.blocks, final.hashes, final.states, strict=True):
            height += 1
            if block.header.height != height:
                raise Violation(f"{name} finalised height {block.header.height} where {height} follows")
            if self._hash_at.setdefault(height, block_hash) != block_hash:
                raise Violation(f"{name} finalised another block at height {height}")
            if self._root_at.setdefault(height, state.root) != state.root or state.root != block.header.state_root:
                raise Violation(f"{name} has another state at height {height}")
            self._states.setdefault(height, state)
            self._follows(block.header, self._states.get(height - 1))
            if sum(state.balances) != SUPPLY:
                raise Violation(f"the balances at height {height} sum to {sum(state.balances)}, not {SUPPLY}")
        self._height[name] = height
        if len(final.blocks) > 1:
            self.count("one certificate for several blocks")

    def _weigh(self, final: Finalised[State], before: State | None) -> None:
        """A certificate has two thirds of each kind of the set that decides; that of an abort block, of authorities."""
        if before is None:
            return
        certificate, members = final.certificate, before.authorities.members
        signers = [member for seat, member in enumerate(members) if certificate.bitmap[seat // 8] >> seat % 8 & 1]
        weight, total = sum(member.weight for member in signers), sum(member.weight for member in members)
        stake, staked = sum(member.stake for member in signers), sum(member.stake for member in members)
        listed = final.blocks[-1].header.next_set
        is_abort = bool(total and staked and listed) and not any(member.stake for member in listed)
        if certificate.set_id != before.authorities.set_id or len(certificate.signatures) != len(signers):
            raise Violation(f"the certificate of height {certificate.height} is of another set")
        if (total and 3 * weight <= 2 * total) or (staked and 3 * stake <= 2 * staked and not is_abort):
            raise Violation(f"the certificate of height {certificate.height} has too little weight")

    def _follows(self, header: Header, before: State | None) -> None:
        """A final block was its producer's to make, and enacts a set only if the announcement was final before it."""
        if before is None:
            return
        if header.proposer != before.authorities.slot_leader(header.slot):
            raise Violation(f"the final block at height {header.height} is not of its slot's leader")
        if not header.next_set:
            return
        heights = (height for _, height in self._certified.values())
        if before.announced and not any(before.announced <= height < header.height for height in heights):
            raise Violation(f"the final block at height {header.height} enacts a set before its announcement was final")
        phase, deciding = phase_of(header.next_set), before.authorities.phase
        self.count(f"a final block lists a set: {phase.name.lower()}")
        if deciding is PosPhase.JOINT and phase is PosPhase.AUTHORITIES:
            self.count("the joint phase taken back")
        if deciding is PosPhase.STAKE:
            self.count("stake alone decided on a set")

    def lost_power(self, name: str, blocks: int) -> None:
        """A loss of power took finalised blocks that nothing was signed on: they must come back as they were."""
        if blocks:
            self._height[name] -= blocks
            self.count("power loss took a finalised block")

    def started(self, name: str, height: int) -> None:
        """A node comes back with exactly what it had."""
        if height != self._height.get(name, 0):
            raise Violation(f"{name} came back at height {height}, it had finalised {self._height.get(name, 0)}")

    def head(self, name: str, new: NewHead[State]) -> None:
        """The best tip is never below what is final."""
        if new.height < self._height.get(name, 0):
            raise Violation(f"{name} has its head at {new.height}, below its finalised block")
        if new.undone:
            self.count("reorganisation")
            if len(new.undone) >= 3:
                self.count("reorganisation of three blocks")
            if len({block.header.set_id for block in (*new.undone, *new.applied)}) > 1:
                self.count("undo across an epoch boundary")

    def locked(self, name: str, before: LockProof | None, lock: LockProof) -> None:
        """A node is about to say that it will not vote otherwise."""
        if before is not None and before.instance == lock.instance and before.block_hash != lock.block_hash:
            self.count("a lock changed its block")
        if self.ambush is not None:
            self.ambush("locker", name)

    def proposed(self, name: str) -> None:
        """A node is about to propose."""
        if self.ambush is not None:
            self.ambush("proposer", name)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def signed(self, who: AccountId, lane: str, place: tuple[int, ...], what: bytes) -> None:
        """An honest key signs one thing for one place, in all its lives."""
        if who not in self.guilty and self._signed.setdefault((who, lane, place), what) != what:
            raise Violation(f"an honest key signed two things as {lane} {place}")

    def evidence(self, evidence: Evidence) -> None:
        """Only the guilty are convicted."""
        who = offender(evidence)
        self.count(f"evidence: {type(evidence).__name__}")
        if who is None:
            raise Violation("two certificates conflict")
        if who not in self.guilty:
            raise Violation(f"an honest key was convicted: {type(evidence).__name__}")
        self.convicted.add(who)

    def penalised(self, name: str, peer: str, reason: str) -> None:
        """Only liars lose standing; where clocks are off, a block from the future is no lie."""
        self.count("penalty")
        if peer in self.dishonest or (self.clocks_are_off and "slot that has not come" in reason):
            return
        raise Violation(f"{name} penalised the honest {peer}: {reason}")
