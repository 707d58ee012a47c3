"""The door of the block tree: which blocks enter, when, and what is asked for.

A block enters when its slot has begun, its slot's leader sealed it, its parent is here and it executes; one that
enacts an authority set only once the block that announced the set is final. Anything else waits in a bounded room or is
refused. Source: docs/protocol.md, "Blocks".
"""

from collections.abc import Callable
from typing import Generic

from node.consensus.authority import AuthoritySet
from node.consensus.errors import BadSeal, WrongSet
from node.consensus.events import CatchUp, Effect, EvidenceFound, NeedBlocks, Penalise, S
from node.consensus.forkchoice import worst_leaf
from node.consensus.limits import (
    BAD_BLOCKS_MAX,
    POINTS_BAD_BLOCK,
    POINTS_FUTURE_BLOCK,
    SIBLINGS_MAX,
    TREE_BLOCKS_MAX,
)
from node.consensus.seals import SealBook, check_member_seal, check_seal
from node.consensus.slots import SlotClock
from node.consensus.tree import BlockTree, Entry
from node.consensus.waiting import Waiting, WaitingRoom, WantedList
from node.ledger.header import Block, Header, header_hash
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, digest
from node.primitives.errors import NodeError
from node.primitives.types import Hash, Height


class BlockKeeper(Generic[S]):
    """Owns the tree and the blocks on their way into it."""

    def __init__(
        self,
        *,
        tree: BlockTree[S],
        genesis_hash: Hash,
        clock: SlotClock,
        execute: Callable[[S, Block], S],
        set_of: Callable[[S], AuthoritySet],
        announced_of: Callable[[S], Height],
        verify: Verifier,
    ) -> None:
        self.tree = tree
        self._genesis_hash = genesis_hash
        self._clock = clock
        self._execute = execute
        self._set_of = set_of
        self._announced_of = announced_of
        self._verify = verify
        self._seals = SealBook(genesis_hash)
        self._waiting = WaitingRoom()
        self._wanted = WantedList(clock.slot_ms)
        self._bad: dict[Hash, None] = {}
        self._accepted: dict[Hash, Block] = {}
        self._evicted: dict[Hash, None] = {}  # of the blocks in the store, those that the tree gave up
        self.head = tree.root.hash
        self.preferred: Hash | None = None

    # --- blocks coming in -------------------------------------------------------------------------------------------

    def receive(
        self, block: Block, peer: str | None, now_ms: int, out: list[Effect[S]], *, relayed: bool = False
    ) -> None:
        """Take a block from a peer, or a stored one."""
        block_hash = header_hash(block.header)
        if self._is_known(block, block_hash) or self._is_bad(block):
            return
        guest = self._checked(block, block_hash, peer, out, relayed=relayed)
        if guest is None:
            return
        due_ms = self._clock.start_ms_of(block.header.slot)
        if due_ms > now_ms + self._clock.early_ms:
            _penalise(out, guest.blamed, POINTS_FUTURE_BLOCK, "a block of a slot that has not come")
            return
        if self._seals.count(block.header) >= SIBLINGS_MAX and block_hash not in self._wanted:
            return
        evidence = self._seals.note(block.header)
        if evidence is not None:
            out.append(EvidenceFound(evidence))
        if due_ms > now_ms:
            self._waiting.hold(guest, due_ms)
        else:
            self._admit(guest, now_ms, out)

    def take_own(self, block: Block, state: S | None, out: list[Effect[S]]) -> bool:
        """Take this node's own block; tell whether it is in the tree now."""
        block_hash = header_hash(block.header)
        guest = self._checked(block, block_hash, None, out)
        parent = self.tree.get(block.header.parent)
        if guest is None or parent is None or block_hash in self.tree:
            return False
        self._seals.note(block.header)
        return self._attach(guest, parent, out, state=state)

    def take_certified(self, block: Block, peer: str | None, out: list[Effect[S]]) -> bool:
        """Take a block that a checked certificate covers; tell whether it is in the tree now."""
        block_hash = header_hash(block.header)
        parent = self.tree.get(block.header.parent)
        if block_hash in self.tree:
            return True
        guest = None if parent is None else self._checked(block, block_hash, peer, out)
        if guest is None or parent is None:
            return False
        self._seals.note(block.header)
        return self._attach(guest, parent, out, bounded=False)

    def tick(self, now_ms: int, out: list[Effect[S]]) -> None:
        """Let in the blocks that nothing keeps out any more, and ask again for those that did not come.

        The children of a root that came with its certificate are among them: its own arrival let nobody in.
        """
        final, waiting = self.tree.root, self._waiting
        if not waiting and not self._wanted:
            return
        free = (*waiting.take_due(now_ms), *waiting.take_enacting(final.height), *waiting.take_children(final.hash))
        for guest in free:
            if guest.block.header.height > final.height:
                self._admit(guest, now_ms, out)
        out.extend(NeedBlocks(block_hash, None) for block_hash in self._wanted.take_due(now_ms))

    def want(self, block_hash: Hash, peer: str | None, now_ms: int, out: list[Effect[S]]) -> None:
        """Ask for a block that a vote, a certificate or a child names; for an orphan, for what it waits for."""
        missing = self._waiting.missing_below(block_hash)
        if missing in self.tree or missing in self._waiting:
            return
        if self._wanted.add(missing, now_ms):
            out.append(NeedBlocks(missing, peer))

    # --- blocks going out -------------------------------------------------------------------------------------------

    def finalise(self, block_hash: Hash) -> tuple[list[Entry[S]], tuple[Hash, ...]]:
        """Make a block the root; return the newly final blocks, oldest first, and the hashes of those that lost."""
        path, dropped = self.tree.finalise(block_hash)
        lost = (*(entry.hash for entry in dropped), *self._evicted)
        for entry_hash in (*(entry.hash for entry in path), *lost):
            self._accepted.pop(entry_hash, None)
        self._evicted.clear()
        self._waiting.forget_up_to(self.tree.root.height)
        self._wanted.clear()
        return path, lost

    def take_accepted(self) -> tuple[Block, ...]:
        """Return the blocks that entered since the last call and are still unfinalised, parents first."""
        accepted = tuple(self._accepted.values())
        self._accepted.clear()
        return accepted

    @property
    def next_deadline_ms(self) -> int | None:
        """When `tick` has something to do."""
        due = [due_ms for due_ms in (self._waiting.next_due_ms, self._wanted.next_due_ms) if due_ms is not None]
        return min(due, default=None)

    @property
    def waiting_count(self) -> int:
        """How many blocks wait for their slot or their parent."""
        return len(self._waiting)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _is_known(self, block: Block, block_hash: Hash) -> bool:
        height, root = block.header.height, self.tree.root
        if height <= root.height or block_hash in self.tree or block_hash in self._waiting:
            return True
        return height == root.height + 1 and block.header.parent != root.hash  # a fork that has lost already

    def _is_bad(self, block: Block) -> bool:
        return bool(self._bad) and digest("bad-block", encode(block)) in self._bad

    def _checked(
        self, block: Block, block_hash: Hash, peer: str | None, out: list[Effect[S]], *, relayed: bool = False
    ) -> Waiting | None:
        blamed = None if relayed else peer
        parent = self.tree.get(block.header.parent)
        authorities = None if parent is None else parent.authorities
        try:
            if authorities is None:
                check_member_seal(block.header, self.tree.root.authorities, self._genesis_hash, self._verify)
            else:
                check_seal(block.header, authorities, self._genesis_hash, self._verify)
        except WrongSet as error:
            if parent is not None:
                _penalise(out, blamed, POINTS_BAD_BLOCK, error.message)
            return None
        except BadSeal as error:
            _penalise(out, blamed, POINTS_BAD_BLOCK, error.message)
            return None
        return Waiting(block_hash, block, peer, authorities, blamed)

    def _admit(self, first: Waiting, now_ms: int, out: list[Effect[S]]) -> None:
        queue = [first]
        while queue:
            guest = queue.pop()
            parent = self.tree.get(guest.block.header.parent)
            if parent is None:
                self.want(self._waiting.add_orphan(guest), guest.peer, now_ms, out)
            elif self._enacts_too_early(guest.block.header, parent):
                self._waiting.hold_enacting(guest, parent.announced)
                out.append(CatchUp(guest.peer, parent.announced))
            elif self._attach(guest, parent, out):
                queue.extend(self._waiting.take_children(guest.hash))

    def _enacts_too_early(self, header: Header, parent: Entry[S]) -> bool:
        """Its producer says that the set's announcing block is final, which this node does not know yet."""
        return bool(header.next_set) and parent.announced > self.tree.root.height

    def _attach(
        self, guest: Waiting, parent: Entry[S], out: list[Effect[S]], *, state: S | None = None, bounded: bool = True
    ) -> bool:
        header = guest.block.header
        if header.height != parent.height + 1 or header.slot <= parent.slot:
            return self._refuse(guest, "a block whose height or slot does not follow its parent's", out)
        if bounded and not self._make_room(parent.hash):
            return False
        try:
            if parent.authorities != guest.authorities:
                check_seal(header, parent.authorities, self._genesis_hash, self._verify)
            after = self._execute(parent.state, guest.block) if state is None else state
            authorities, announced = self._set_of(after), self._announced_of(after)
        except NodeError as error:
            return self._refuse(guest, f"an invalid block: {error.message}", out)
        self.tree.add(guest.hash, guest.block, after, authorities, announced)
        self._wanted.discard(guest.hash)
        self._evicted.pop(guest.hash, None)
        self._accepted[guest.hash] = guest.block
        return True

    def _make_room(self, parent: Hash) -> bool:
        if len(self.tree) < TREE_BLOCKS_MAX:
            return True
        worst = worst_leaf(self.tree, self.head, self.preferred)
        if worst is None or worst.hash == parent:
            return False
        self.tree.remove_leaf(worst.hash)
        self._accepted.pop(worst.hash, None)
        self._evicted[worst.hash] = None
        return True

    def _refuse(self, guest: Waiting, reason: str, out: list[Effect[S]]) -> bool:
        """Remember the whole block, not its hash: anybody can put a wrong body under an honest header."""
        if len(self._bad) >= BAD_BLOCKS_MAX:
            del self._bad[next(iter(self._bad))]
        self._bad[digest("bad-block", encode(guest.block))] = None
        _penalise(out, guest.blamed, POINTS_BAD_BLOCK, reason)
        return False


def _penalise(out: list[Effect[S]], peer: str | None, points: int, reason: str) -> None:
    if peer is not None:
        out.append(Penalise(peer, points, reason))
