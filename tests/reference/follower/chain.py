"""Follows the final blocks of a network: docs/protocol.md, "Blocks", "Authorities", "Production", "Certificates".

Every block is held to its parent's state as far as headers and transactions tell it: links, slot, set, leader, seal,
lists of transactions and their signatures, announcements and enactments of sets. Certificates say what is final. The
state root and everything behind it are certified, not computed.
"""

from dataclasses import dataclass, field, replace

from tests.reference.follower.sets import AuthoritySet, Turns, check_certificate, check_members, convict, members_hash
from tests.reference.follower.shapes import Authority, Block, Certificate, Header, evidence_in
from tests.reference.follower.transactions import EVIDENCE_BYTES, reported, reports_by_proxy, transaction_in
from tests.reference.follower.trees import list_root
from tests.reference.follower.wire import UNSIGNED, ZEROS, Refused, require, signed


@dataclass(frozen=True)
class Network:
    """What the genesis file, or the row `system.network`, says."""

    genesis_hash: bytes
    epoch_slots: int


@dataclass(frozen=True)
class Head:
    """What is known of the state after a block: who decides, who follows, who is off duty."""

    header: Header
    members: AuthoritySet
    turns: Turns
    following: tuple[Authority, ...] = ()
    announced_epoch: int = 0
    doubtful: bool = False
    """A report came by proxy: whether somebody was convicted, only a proof of `authority.disabled` can tell."""


def genesis_header(raw_header: Header, genesis_hash: bytes) -> None:
    """Raises Refused unless this is block 0 of the network."""
    header = raw_header
    require(header.hash == genesis_hash, "not the block that the genesis hash names")
    empty = (header.height, header.slot, header.parent, header.transactions_root, header.proposer, header.set_id)
    require(empty == (0, 0, ZEROS, ZEROS, ZEROS, 0), "block 0 has no parent, slot, transactions or producer")
    require(not header.next_set and header.signature == UNSIGNED, "block 0 announces nothing and has no seal")


@dataclass
class Follower:
    """Grows block by block; what a certificate covers is final for ever."""

    network: Network
    base: Head
    head: Head
    instance: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)
    headers: dict[int, Header] = field(default_factory=dict)
    sets: dict[int, AuthoritySet] = field(default_factory=dict)
    waiting: list[Head] = field(default_factory=list)

    @classmethod
    def at_genesis(cls, network: Network, header: Header, authorities: list[bytes]) -> "Follower":
        """Begin with block 0 and the authorities of the genesis file, each of weight 1."""
        genesis_header(header, network.genesis_hash)
        members = AuthoritySet(0, tuple(Authority(account, 1, 0) for account in sorted(authorities)))
        check_members(members.members)
        require(members.hash == header.next_set_hash, "block 0 commits to other authorities")
        base = Head(header, members, Turns())
        made = cls(network, base, base, sets={0: members})
        made._remember(header)
        return made

    @property
    def final(self) -> Header:
        return self.base.header

    @property
    def deciding(self) -> AuthoritySet:
        """Who certifies next: the set in the state after the last final block, whatever is enacted above it."""
        return self.base.members

    def extend(self, block: Block) -> Head:
        """Take the next block above the head. Raises Refused and stays as it was."""
        header, parent = block.header, self.head
        self._check_header(header, parent)
        require(list_root(block.transactions) == header.transactions_root, "not the transactions of this header")
        turns = parent.turns.after(parent.members, parent.header.slot, header.slot, self.network.epoch_slots)
        head = self._next_set(header, parent, turns)
        for raw in block.transactions:
            head = self._look_at(raw, head)
        self.head = head
        self.waiting.append(head)
        self.sets[head.members.set_id] = head.members
        self._remember(header)
        return head

    def finalise(self, certificate: Certificate) -> Header:
        """Take a certificate for one of the blocks above the last final one. Raises Refused."""
        at = next((at for at, head in enumerate(self.waiting) if head.header.height == certificate.height), None)
        if at is None:
            raise Refused("a certificate of a block that is not here")
        head = self.waiting[at]
        require(certificate.instance > self.instance, "an instance that was decided before")
        check_certificate(certificate, head.header, self.deciding, self.network.genesis_hash)
        self.base, self.instance = head, certificate.instance
        self.waiting = self.waiting[at + 1 :]
        return self.final

    def rewind(self) -> None:
        """Forget what is not final; the head is the last final block's again."""
        self.head, self.waiting = self.base, []

    # --- one block ----------------------------------------------------------------------------------------------------

    def _check_header(self, header: Header, parent: Head) -> None:
        above = parent.header
        require((header.height, header.parent) == (above.height + 1, self.hashes[above.height]), "not the next block")
        require(header.slot > above.slot, "a slot that is over")
        require(header.set_id == parent.members.set_id, "another set produces here")
        require(parent.members.has(header.proposer), "the producer is no member")
        if not parent.doubtful:
            leader = parent.members.leader(header.slot, parent.turns.off(header.slot))
            require(header.proposer == leader, "not the leader of its slot")
        message = header.seal_message(self.network.genesis_hash)
        require(signed(header.proposer, message, header.signature), "the seal is wrong")

    def _next_set(self, header: Header, parent: Head, turns: Turns) -> Head:
        """What the header says of the set that follows, held to what was announced before."""
        epoch = header.slot // self.network.epoch_slots
        members, following = parent.members, parent.following
        if not header.next_set:
            if following and header.next_set_hash == members_hash(following):
                return Head(header, members, turns, following, parent.announced_epoch, parent.doubtful)
            require(header.next_set_hash == members.hash, "a set that nobody announced")
            return Head(header, members, turns, doubtful=parent.doubtful)  # nothing follows, or no longer
        listed = header.next_set
        check_members(listed)
        require(header.next_set_hash == members_hash(listed), "the listed set has another hash")
        enacts = bool(following) and listed == following and epoch > parent.announced_epoch
        if members.is_abort(header) or enacts:
            after = AuthoritySet(members.set_id + 1, listed)
            return Head(header, after, turns.enacted(after), doubtful=parent.doubtful)
        require(not following, "a second set is announced before the first is enacted")
        require(epoch > parent.turns.epoch, "a set is announced by the first block of an epoch")
        return Head(header, members, turns, listed, epoch, parent.doubtful)

    def _look_at(self, raw: bytes, head: Head) -> Head:
        """Check a transaction's form, era and signature, and see whether it convicts somebody."""
        made = transaction_in(raw)
        birth = self.hashes.get(made.era.birth_height)
        if birth is None:
            raise Refused("born in a block that is not here")
        made.check(head.header.height, self.network.genesis_hash, birth)
        report = reported(made.call)
        if report is not None:
            offence = convict(evidence_in(report, EVIDENCE_BYTES), self.network.genesis_hash)
            held_to = self.sets.get(offence.set_id)
            require(held_to is not None and held_to.has(offence.offender), "the accused was no authority of that set")
            if head.members.has(offence.offender):
                turns = head.turns.with_convicted(offence.offender)
                return replace(head, turns=turns)
        if reports_by_proxy(made.call):
            return replace(head, doubtful=True)
        return head

    def _remember(self, header: Header) -> None:
        self.hashes[header.height] = header.hash
        self.headers[header.height] = header
