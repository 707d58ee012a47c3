"""Blocks that cannot enter the tree yet, and blocks that are asked for: bounded lists with deadlines.

An orphan waits for its parent, an early block for its slot, a wanted block for a peer that has it.
"""

from dataclasses import dataclass

from node.consensus.authority import AuthoritySet
from node.consensus.limits import HELD_BLOCKS_MAX, ORPHANS_MAX, WANTED_MAX, WANTED_TRIES_MAX
from node.ledger.header import Block
from node.primitives.types import Hash, Height


@dataclass(frozen=True, slots=True)
class Waiting:
    """A block whose seal was checked, and who sent it; `blamed` is who answers for its faults.

    `authorities` is the set whose leader is known to have sealed it; None while only a member is known to have.
    """

    hash: Hash
    block: Block
    peer: str | None
    authorities: AuthoritySet | None
    blamed: str | None


class WaitingRoom:
    """Early blocks by due time, enacting ones by what must be final, orphans by parent.

    The oldest guest leaves when a room is full.
    """

    def __init__(self) -> None:
        self._early: dict[Hash, tuple[int, Waiting]] = {}
        self._enacting: dict[Hash, tuple[Height, Waiting]] = {}
        self._orphans: dict[Hash, Waiting] = {}
        self._children: dict[Hash, list[Hash]] = {}

    def __contains__(self, block_hash: object) -> bool:
        return block_hash in self._early or block_hash in self._enacting or block_hash in self._orphans

    def __len__(self) -> int:
        return len(self._early) + len(self._enacting) + len(self._orphans)

    def hold(self, guest: Waiting, due_ms: int) -> None:
        """Keep an early block until `due_ms`."""
        if len(self._early) >= HELD_BLOCKS_MAX:
            del self._early[next(iter(self._early))]
        self._early[guest.hash] = (due_ms, guest)

    def take_due(self, now_ms: int) -> list[Waiting]:
        """Remove and return the early blocks whose slot has begun."""
        due = [guest for due_ms, guest in self._early.values() if due_ms <= now_ms]
        for guest in due:
            del self._early[guest.hash]
        return due

    def hold_enacting(self, guest: Waiting, announced: Height) -> None:
        """Keep a block that enacts a set until the block that announced it, at this height, is final."""
        if len(self._enacting) >= HELD_BLOCKS_MAX:
            del self._enacting[next(iter(self._enacting))]
        self._enacting[guest.hash] = (announced, guest)

    def take_enacting(self, final: Height) -> list[Waiting]:
        """Remove and return the enacting blocks whose announcing block is final."""
        due = [guest for announced, guest in self._enacting.values() if announced <= final]
        for guest in due:
            del self._enacting[guest.hash]
        return due

    @property
    def next_due_ms(self) -> int | None:
        """When the next early block is due."""
        return min((due_ms for due_ms, _ in self._early.values()), default=None)

    def add_orphan(self, guest: Waiting) -> Hash:
        """Keep a block without parent; return the hash of its nearest ancestor that is missing."""
        if len(self._orphans) >= ORPHANS_MAX:
            self._remove(next(iter(self._orphans)))
        self._orphans[guest.hash] = guest
        self._children.setdefault(guest.block.header.parent, []).append(guest.hash)
        return self.missing_below(guest.hash)

    def missing_below(self, block_hash: Hash) -> Hash:
        """Return the nearest ancestor of an orphan that is not among them; another block's own hash."""
        for _ in range(ORPHANS_MAX + 1):
            if block_hash not in self._orphans:
                break
            block_hash = self._orphans[block_hash].block.header.parent
        return block_hash

    def take_children(self, parent: Hash) -> list[Waiting]:
        """Remove and return the orphans of `parent`."""
        children = [self._orphans[child] for child in self._children.get(parent, ())]
        for child in children:
            self._remove(child.hash)
        return children

    def forget_up_to(self, height: Height) -> None:
        """Drop the orphans that a finalised block of `height` has overtaken."""
        for old in [guest.hash for guest in self._orphans.values() if guest.block.header.height <= height]:
            self._remove(old)

    def _remove(self, block_hash: Hash) -> None:
        parent = self._orphans.pop(block_hash).block.header.parent
        siblings = self._children[parent]
        siblings.remove(block_hash)
        if not siblings:
            del self._children[parent]


@dataclass(slots=True)
class _Want:
    due_ms: int
    tries: int


class WantedList:
    """Blocks asked for and not yet here; each is asked for again a few times, then forgotten."""

    def __init__(self, retry_ms: int) -> None:
        self._retry_ms = retry_ms
        self._wants: dict[Hash, _Want] = {}

    def __contains__(self, block_hash: object) -> bool:
        return block_hash in self._wants

    def __len__(self) -> int:
        return len(self._wants)

    def add(self, block_hash: Hash, now_ms: int) -> bool:
        """Note a wish; tell whether it is new and there is room for it, so that it is to be asked for now."""
        if block_hash in self._wants or len(self._wants) >= WANTED_MAX:
            return False
        self._wants[block_hash] = _Want(now_ms + self._retry_ms, 1)
        return True

    def discard(self, block_hash: Hash) -> None:
        """The block came, or is not needed any more."""
        self._wants.pop(block_hash, None)

    def clear(self) -> None:
        """Forget all: what is still needed will be named again."""
        self._wants.clear()

    def take_due(self, now_ms: int) -> list[Hash]:
        """Return what is to be asked for again."""
        due = [block_hash for block_hash, want in self._wants.items() if want.due_ms <= now_ms]
        again: list[Hash] = []
        for block_hash in due:
            want = self._wants[block_hash]
            if want.tries >= WANTED_TRIES_MAX:
                del self._wants[block_hash]
                continue
            want.tries += 1
            want.due_ms = now_ms + self._retry_ms
            again.append(block_hash)
        return again

    @property
    def next_due_ms(self) -> int | None:
        """When the next wish is due."""
        return min((want.due_ms for want in self._wants.values()), default=None)
