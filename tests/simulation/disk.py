"""A node's disk: what survives a crash, what a loss of power takes, and a disk that is full.

Commits are atomic and ordered, as those of SQLite's write-ahead log are. A kill loses nothing that was committed; a
loss of power takes a random part of the commits since the last `sync`, newest first. The signing record is written
through: `advance` survives everything. With a `fuse` of k the k-th write from now on fails, and with it the node.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from node.consensus.certificate import Certificate, LockProof
from node.consensus.events import Anchor, Finalised, Signed
from node.ledger.header import Block
from node.primitives.types import Hash
from tests.simulation.chain import State, hash_of

Undo = Callable[[], None]


class DiskFull(Exception):
    """This write did not happen, and the node must stop."""


@dataclass
class Disk:
    """What survives."""

    anchor: Anchor[State]
    finalised: dict[int, Block] = field(default_factory=dict)
    certificates: dict[int, Certificate] = field(default_factory=dict)
    unfinalised: dict[Hash, Block] = field(default_factory=dict)
    guard: dict[str, tuple[tuple[int, ...], bytes]] = field(default_factory=dict)
    lock: LockProof | None = None
    fuse: int | None = None
    _unsynced: list[Undo] = field(default_factory=list)

    # --- the chain ----------------------------------------------------------------------------------------------------

    def store(self, blocks: tuple[Block, ...]) -> None:
        """Commit unfinalised blocks."""
        self._burn()
        fresh = {hash_of(block.header): block for block in blocks}
        fresh = {block_hash: block for block_hash, block in fresh.items() if block_hash not in self.unfinalised}
        self.unfinalised.update(fresh)

        def undo() -> None:
            for block_hash in fresh:
                del self.unfinalised[block_hash]

        self._unsynced.append(undo)

    def finalise(self, final: Finalised[State]) -> None:
        """Commit finalised blocks, their certificate and the end of their rivals, as one."""
        self._burn()
        before = self.anchor
        gone = {
            block_hash: self.unfinalised.pop(block_hash)
            for block_hash in (*final.hashes, *final.dropped)
            if block_hash in self.unfinalised
        }
        for block in final.blocks:
            self.finalised[block.header.height] = block
        last = final.blocks[-1].header
        self.certificates[last.height] = final.certificate
        self.anchor = Anchor(last, final.hashes[-1], final.states[-1], final.certificate)

        def undo() -> None:
            self.anchor = before
            del self.certificates[last.height]
            for block in final.blocks:
                del self.finalised[block.header.height]
            self.unfinalised.update(gone)

        self._unsynced.append(undo)

    # --- the signing record -------------------------------------------------------------------------------------------

    def advance(self, lane: str, position: tuple[int, ...], what: bytes, lock: LockProof | None = None) -> bool:
        """Record what will be signed, and all before it, for good; False where the place was passed already."""
        self._burn()
        known = self.guard.get(lane)
        if known is not None and (known[0] > position or (known[0] == position and known[1] != what)):
            return False
        self.sync()
        self.guard[lane] = (position, what)
        if lock is not None:
            self.lock = lock
        return True

    def signed(self) -> Signed | None:
        """Return what the engine has to know after a restart."""
        places = [self.guard[lane][0] for lane in ("proposal", "vote") if lane in self.guard]
        if not places:
            return None
        newest = max(places)
        return Signed(newest[0], newest[1], self.lock)

    # --- faults -------------------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Make everything written so far survive a loss of power."""
        self._unsynced.clear()

    def lose_power(self, chance: random.Random) -> int:
        """Undo a random number of the newest unsynced commits; return how many finalised blocks went with them."""
        height = self.anchor.header.height
        for _ in range(chance.randint(0, len(self._unsynced))):
            self._unsynced.pop()()
        self._unsynced.clear()
        return height - self.anchor.header.height

    def _burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise DiskFull
