"""The unfinalised blocks above the last finalised one, with the state after each.

Holds executed, valid blocks only, so everything in it descends from the finalised root. Never decides which tip is
best (`forkchoice`) nor what may enter (`blocks`).
"""

from dataclasses import dataclass, field, replace
from typing import Final, Generic

from node.consensus.authority import AuthoritySet
from node.consensus.events import S
from node.consensus.votes import BlockRef
from node.ledger.header import Block, Header
from node.primitives.errors import invariant
from node.primitives.types import Hash, Height, Slot

NOTHING_ANNOUNCED: Final = Height(0)


@dataclass(slots=True)
class Entry(Generic[S]):
    """One block of the tree: the state after it and the set that leads and decides above it.

    `announced` is the height of the block that announced the set which waits to follow; 0 while none waits. `block` is
    None only for the root, whose body nobody needs any more. `children` is an ordered set.
    """

    hash: Hash
    header: Header
    block: Block | None
    state: S
    authorities: AuthoritySet
    announced: Height = NOTHING_ANNOUNCED
    children: dict[Hash, None] = field(default_factory=dict)

    @property
    def height(self) -> Height:
        return self.header.height

    @property
    def slot(self) -> Slot:
        return self.header.slot

    @property
    def ref(self) -> BlockRef:
        """The block as votes name it."""
        return BlockRef(self.hash, self.header.height)


class BlockTree(Generic[S]):
    """A root and its descendants by hash; `version` grows with every change."""

    def __init__(
        self,
        root_hash: Hash,
        header: Header,
        state: S,
        authorities: AuthoritySet,
        announced: Height = NOTHING_ANNOUNCED,
    ) -> None:
        self.root: Entry[S] = Entry(root_hash, header, None, state, authorities, announced)
        self._entries: dict[Hash, Entry[S]] = {root_hash: self.root}
        self.version = 0

    def __len__(self) -> int:
        """Count the blocks above the root."""
        return len(self._entries) - 1

    def __contains__(self, block_hash: object) -> bool:
        return block_hash in self._entries

    def get(self, block_hash: Hash) -> Entry[S] | None:
        """Return the entry of a block, None when it is not here."""
        return self._entries.get(block_hash)

    def entry(self, block_hash: Hash) -> Entry[S]:
        """Return the entry of a block that must be here."""
        found = self._entries.get(block_hash)
        invariant(found is not None, "a block that was chosen from the tree is in the tree")
        return self._entries[block_hash]

    def add(
        self, block_hash: Hash, block: Block, state: S, authorities: AuthoritySet, announced: Height = NOTHING_ANNOUNCED
    ) -> Entry[S]:
        """Hang an executed block under its parent, which must be here."""
        parent = self.entry(block.header.parent)
        entry = Entry(block_hash, block.header, block, state, authorities, announced)
        self._entries[block_hash] = entry
        self.version += 1
        parent.children[block_hash] = None
        return entry

    def remove_leaf(self, block_hash: Hash) -> None:
        """Forget a block without children."""
        entry = self.entry(block_hash)
        invariant(not entry.children and entry is not self.root, "only leaves above the root are removed")
        self.entry(entry.header.parent).children.pop(block_hash, None)
        del self._entries[block_hash]
        self.version += 1

    def leaves(self) -> list[Entry[S]]:
        """Return the blocks without children; the root alone when nothing is above it."""
        return [entry for entry in self._entries.values() if not entry.children]

    def branch(self, block_hash: Hash) -> list[Entry[S]]:
        """Return the blocks from just above the root to `block_hash`, oldest first."""
        path: list[Entry[S]] = []
        entry = self.entry(block_hash)
        while entry is not self.root:
            path.append(entry)
            entry = self.entry(entry.header.parent)
        return path[::-1]

    def descends(self, entry: Entry[S], ancestor: Entry[S]) -> bool:
        """Tell whether `entry` is `ancestor` or above it."""
        while entry.height > ancestor.height:
            entry = self.entry(entry.header.parent)
        return entry is ancestor

    def finalise(self, block_hash: Hash) -> tuple[list[Entry[S]], list[Entry[S]]]:
        """Make `block_hash` the root; return the blocks on the way to it, oldest first, and those that lost."""
        path = self.branch(block_hash)
        self.root = self.entry(block_hash)
        kept = self._descendants(self.root)
        on_path = {entry.hash for entry in path}
        dropped = [
            entry
            for entry in self._entries.values()
            if entry.hash not in kept and entry.hash not in on_path and entry.block is not None
        ]
        self._entries = kept
        self.version += 1
        finalised = [replace(entry) for entry in path]
        self.root.block = None
        return finalised, dropped

    def _descendants(self, root: Entry[S]) -> dict[Hash, Entry[S]]:
        found: dict[Hash, Entry[S]] = {}
        stack = [root]
        while stack:
            entry = stack.pop()
            found[entry.hash] = entry
            stack.extend(self._entries[child] for child in entry.children)
        return found
