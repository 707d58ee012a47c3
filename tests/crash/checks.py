"""What must hold of a store after every crash, whatever the crash was."""

from pathlib import Path

from node.ledger import merkle
from node.primitives.types import Hash
from storage import ChainStore, SignGuard, SignRefused
from tests.crash.writer import block, block_hash, changes, key

HOST = b"one machine"
"""Fingerprint of the signing records here: what a power cut leaves is a copy by its inode, and is not one."""


class Model:
    """The state after each height, made from the same changes as the writer's; grows as far as it is asked for."""

    def __init__(self) -> None:
        self._height = -1
        self._rows: dict[bytes, bytes] = {}
        self._roots: list[Hash] = []

    def root_at(self, height: int) -> Hash:
        """Return the root of the state after the block at `height`; of no block for -1."""
        while self._height < height:
            self._height += 1
            for path, value in changes(self._height).items():
                if value is None:
                    self._rows.pop(path, None)
                else:
                    self._rows[path] = value
            self._roots.append(_root(sorted(self._rows.items())))
        return _root([]) if height < 0 else self._roots[height]


def check_chain(path: Path, model: Model, acknowledged: int, *, ahead: int = 1, lost: bool = False) -> int:
    """Check the chain in `path`: sound, whole, no acknowledged block missing (unless `lost` allows the newest to be).

    Returns the height of its finalised block, -1 for none; at most `ahead` beyond what was acknowledged.
    """
    with ChainStore.open(path) as store:
        store.integrity_check()
        tip = store.tip()
        height = -1 if tip is None else tip.height
        assert height <= acknowledged + ahead, "a block that nobody wrote"
        assert lost or height >= acknowledged, f"block {acknowledged} was acknowledged; only {height} is there"
        assert _root(list(store.state_rows())) == model.root_at(height), "the state is not that of the finalised block"
        for at in range(max(0, height - 3), height + 1):
            assert store.hash_at(at) == block_hash(at)
            assert store.block(block_hash(at)) == block(at)
            assert store.events_at(at) == [b"event %d" % at]
        if tip is not None:
            assert store.meta("marker") == height.to_bytes(8, "big")
            certificate = store.latest_certificate()
            assert certificate is not None
            assert (certificate.height, certificate.block) == (height, tip.hash)
        assert store.events_at(height + 1) == []
        assert store.unfinalised() in ([], [block(height + 1)])
    return height


def check_signing(path: Path, acknowledged: int) -> None:
    """Check that the record in `path` allows nothing at or before a position that was acknowledged."""
    with SignGuard.open(path, host=HOST) as guard:
        recorded = guard.position("votes")
        if acknowledged < 0:
            return
        assert recorded is not None
        assert recorded[0] >= acknowledged, f"{acknowledged} was signed; the record says {recorded[0]}"
        guard.advance("votes", recorded, key(recorded[0]))  # what was signed there may be signed again
        for position in {(acknowledged, 0), recorded}:
            try:
                guard.advance("votes", position, key(acknowledged + 10**9))
            except SignRefused:
                continue
            raise AssertionError(f"a second signature at {position} was allowed")


def _root(rows: list[tuple[bytes, bytes]]) -> Hash:
    return merkle.root_hash(merkle.build((Hash(path), value) for path, value in rows))
