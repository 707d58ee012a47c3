"""Who leads, who proposes and what is a quorum: docs/protocol.md, "Authorities", "Production", "Certificates"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.reference.follower.shapes import (
    AUTHORITIES,
    VALUE_BYTES,
    Authority,
    Certificate,
    Evidence,
    Header,
    LockProof,
    Proposal,
    Quorum,
    Vote,
    read_authority,
)
from tests.reference.follower.wire import Fields, Struct, h, pack, plain, require, signed, unpack

ROTA = 1_024
Members = tuple[Authority, ...]


@dataclass(frozen=True)
class AuthoritySet(Struct):
    """The state item `authority.current`: a number and members by ascending key."""

    set_id: int
    members: Members

    @property
    def hash(self) -> bytes:
        return members_hash(self.members)

    @property
    def has_weight(self) -> bool:
        return any(member.weight for member in self.members)

    @property
    def has_stake(self) -> bool:
        return any(member.stake for member in self.members)

    @property
    def is_joint(self) -> bool:
        return self.has_weight and self.has_stake

    def has(self, account: bytes) -> bool:
        return any(member.account == account for member in self.members)

    def is_quorum(self, accounts: Iterable[bytes], *, abort: bool) -> bool:
        """More than two thirds of each kind that the set has; for an abort block of the weight alone."""
        inside = set(accounts)
        ours = [member for member in self.members if member.account in inside]
        weight = sum(member.weight for member in ours), sum(member.weight for member in self.members)
        stake = sum(member.stake for member in ours), sum(member.stake for member in self.members)
        kinds = [weight] if abort else [weight, stake]
        return all(3 * part > 2 * total for part, total in kinds if total)

    def is_abort(self, header: Header) -> bool:
        """Whether the block of `header` takes the joint phase back."""
        return self.is_joint and bool(header.next_set) and not any(member.stake for member in header.next_set)

    def leader(self, slot: int, off: Iterable[bytes]) -> bytes:
        turns = rota(self.members, tuple(sorted(off)))
        return turns[slot % len(turns)]

    def proposer(self, instance: int, round_number: int, convicted: Iterable[bytes]) -> bytes:
        turns = rota(self.members, tuple(sorted(convicted)))
        return turns[(instance + round_number) % len(turns)]


def members_hash(members: Sequence[Authority]) -> bytes:
    return h("authorities", pack(plain(list(members))))


def set_in(raw: bytes) -> AuthoritySet:
    """The set in the bytes of a state row. Raises Refused."""
    each = Fields(unpack(raw, VALUE_BYTES), 2)
    found = AuthoritySet(each.number(), each.each(read_authority, AUTHORITIES, 1))
    check_members(found.members)
    return found


def check_members(members: Members) -> None:
    keys = [member.account for member in members]
    require(0 < len(keys) <= AUTHORITIES, "a set has 1 to 1 000 members")
    require(keys == sorted(set(keys)), "members by ascending key, each once")


@lru_cache(64)
def rota(members: Members, off: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The leaders in order, without those off duty unless that leaves nobody."""
    leading = [member for member in members if member.weight] or list(members)
    on_duty = [member for member in leading if member.account not in off] or leading
    if on_duty[0].weight:
        return tuple(member.account for member in on_duty)
    total = sum(member.stake for member in on_duty)
    claims = {member.account: 0 for member in on_duty}
    turns = []
    for _ in range(ROTA):
        for member in on_duty:
            claims[member.account] += member.stake
        first = min(claims, key=lambda account: (-claims[account], account))
        claims[first] -= total
        turns.append(first)
    return tuple(turns)


# --- what members sign ------------------------------------------------------------------------------------------------


def check_quorum(quorum: Quorum, members: AuthoritySet, genesis_hash: bytes, *, abort: bool) -> None:
    """Raises Refused unless a quorum of the set signed it."""
    require(quorum.set_id == members.set_id, f"of set {quorum.set_id}, but {members.set_id} decides")
    require(len(quorum.bitmap) == -(-len(members.members) // 8), "a bitmap for a set of another size")
    seats = quorum.seats
    require(all(seat < len(members.members) for seat in seats), "a seat that does not exist")
    signers = [members.members[seat].account for seat in seats]
    require(members.is_quorum(signers, abort=abort), "the signers are no quorum")
    message = quorum.message(genesis_hash)
    for signer, signature in zip(signers, quorum.signatures, strict=True):
        require(signed(signer, message, signature), "a signature is wrong")


def check_certificate(certificate: Certificate, header: Header, members: AuthoritySet, genesis_hash: bytes) -> None:
    """Raises Refused unless the certificate makes the block of `header` final."""
    require((certificate.height, certificate.block_hash) == (header.height, header.hash), "of another block")
    check_quorum(certificate, members, genesis_hash, abort=members.is_abort(header))


def check_vote(vote: Vote, members: AuthoritySet, genesis_hash: bytes) -> None:
    require(vote.set_id == members.set_id, "a vote of another set")
    require(members.has(vote.voter), "the voter is no member")
    require(signed(vote.voter, vote.message(genesis_hash), vote.signature), "the signature is wrong")


def check_lock_proof(proof: LockProof, members: AuthoritySet, genesis_hash: bytes) -> None:
    """An abort block's proof has authorities alone; whether the block is one, only its header tells."""
    check_quorum(proof, members, genesis_hash, abort=True)


def check_proposal(made: Proposal, members: AuthoritySet, genesis_hash: bytes, convicted: Iterable[bytes]) -> None:
    require(made.set_id == members.set_id, "a proposal of another set")
    require(made.proposer == members.proposer(made.instance, made.round, convicted), "not this round's proposer")
    require(signed(made.proposer, made.message(genesis_hash), made.signature), "the signature is wrong")
    for proof in made.proof:
        check_lock_proof(proof, members, genesis_hash)


# --- evidence ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offence:
    """What evidence proves; `set_id` and `height` are those that the ledger holds it to."""

    offender: bytes
    set_id: int
    height: int
    identity: bytes


def convict(evidence: Evidence, genesis_hash: bytes) -> Offence:
    """The offence that evidence of the kinds 1 to 3 proves. Raises Refused."""
    first, second = evidence.first, evidence.second
    if isinstance(first, Header) and isinstance(second, Header):
        places = [(each.proposer, each.slot) for each in (first, second)]
        differ = first.seal_message(genesis_hash) != second.seal_message(genesis_hash)
        place: list[int] = [first.slot]
        offender, set_id = first.proposer, min(first.set_id, second.set_id)
        messages = [(each.seal_message(genesis_hash), each.signature) for each in (first, second)]
        same = places[0] == places[1]
    elif isinstance(first, Vote) and isinstance(second, Vote):
        place = [first.set_id, first.instance, first.round, first.step]
        same = (first.voter, place) == (second.voter, [second.set_id, second.instance, second.round, second.step])
        differ = (first.height, first.block_hash) != (second.height, second.block_hash)
        offender, set_id = first.voter, first.set_id
        messages = [(each.message(genesis_hash), each.signature) for each in (first, second)]
    elif isinstance(first, Proposal) and isinstance(second, Proposal):
        place = [first.set_id, first.instance, first.round]
        same = (first.proposer, place) == (second.proposer, [second.set_id, second.instance, second.round])
        differ = (first.height, first.block_hash) != (second.height, second.block_hash)
        offender, set_id = first.proposer, first.set_id
        messages = [(each.message(genesis_hash), each.signature) for each in (first, second)]
    else:
        require(False, "certificates are weighed against a set, not convicted")
        raise AssertionError
    require(same and differ, "not two statements for one place")
    require(all(signed(offender, message, signature) for message, signature in messages), "not signed by the accused")
    identity = h("offence", pack([evidence.kind, offender, place]))
    return Offence(offender, set_id, max(first.height, second.height), identity)


@dataclass(frozen=True)
class Turns:
    """Who is off duty above a block: what its state says under `authority.disabled`, `.idle` and `.missed`."""

    convicted: frozenset[bytes] = frozenset()
    idle: frozenset[bytes] = frozenset()
    idle_until: int = 0
    epoch: int = 0
    missed: tuple[tuple[bytes, int], ...] = ()

    def off(self, slot: int) -> frozenset[bytes]:
        """Who leads nothing in a slot, convicted or idle."""
        return self.convicted | (self.idle if slot < self.idle_until else frozenset())

    def after(self, members: AuthoritySet, parent_slot: int, slot: int, epoch_slots: int) -> "Turns":
        """The turns once the block of `slot` has counted the slots that were missed before it."""
        counts = dict(self.missed)
        end = min(slot, parent_slot + 1 + 8 * len(members.members))
        for missed in range(parent_slot + 1, end):
            leader = members.leader(missed, self.off(missed))
            counts[leader] = min(counts.get(leader, 0) + 1, 8)
        epoch = slot // epoch_slots
        if epoch == self.epoch:
            return replace(self, missed=tuple(sorted(counts.items())))
        idle = frozenset(account for account, count in counts.items() if count == 8)
        until = (epoch + 1) * epoch_slots if idle else 0
        return Turns(self.convicted, idle, until, epoch, ())

    def enacted(self, members: AuthoritySet) -> "Turns":
        """A conviction ends for the turns with the set, unless the account is in the next one as well."""
        return replace(self, convicted=frozenset(account for account in self.convicted if members.has(account)))

    def with_convicted(self, account: bytes) -> "Turns":
        return replace(self, convicted=self.convicted | {account})
