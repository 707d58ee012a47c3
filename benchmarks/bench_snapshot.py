"""Snapshots under writes: what it costs to make one in a file while blocks go on, against holding a read open.

A snapshot could also be served from a read transaction that stays open for an epoch. It costs nothing to make, but the
write-ahead log cannot be cut back below it: the growth of the log is what decides, and it is measured here. A number
as argument is the number of keys.
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import process_time

from benchmarks.chain import COLD_VALUE, cold_rows
from benchmarks.measure import at_most, grouped, per_s, show, title
from node.consensus.certificate import Certificate, encode_certificate
from node.ledger import merkle
from node.ledger.header import UNSIGNED, Header, header_hash
from node.primitives.codec import encode
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot
from node.service.errors import StateMismatch
from node.service.pruner import STEP_BLOCKS_MAX
from node.service.snapshots import SnapshotFile, SnapshotImport, write_snapshot
from storage import BlockRow, ChainStore, Commit
from storage.limits import WAL_BYTES_KEPT_MAX

KEYS = 200_000
CHANGES = 1_000  # rows that a block changes: 400 transfers
BODY = bytes(100_000)
COMMITS = 200
PAUSE_S = 0.02  # between two commits
GENESIS = Hash(b"g" * 32)


class Writer:
    """Commits block after block on a store, and notes how long each took."""

    def __init__(self, store: ChainStore, paths: list[Hash]) -> None:
        self._store = store
        self._paths = paths
        self._chance = random.Random(3)
        self._parent = ZERO_HASH
        self.height = 0

    def commit(self, state: dict[bytes, bytes | None] | None = None, root: Hash = ZERO_HASH) -> float:
        """Make one block final; returns the seconds it took."""
        chance = self._chance
        changes = state or {path: chance.randbytes(len(COLD_VALUE)) for path in chance.sample(self._paths, CHANGES)}
        header = Header(
            1, Height(self.height + 1), Slot(self.height + 1), self._parent, AccountId(bytes(32)), ZERO_HASH, root,
            SetId(0), ZERO_HASH, (), UNSIGNED,
        )  # fmt: skip
        key = header_hash(header)
        certificate = Certificate(SetId(0), 1, 0, header.height, key, b"\x01", (bytes(64),))
        block = BlockRow(key, header.parent, header.height, header.slot, encode(header), BODY)
        began_s = time.perf_counter()
        self._store.commit(
            Commit(
                blocks=(block,),
                finalised=((header.height, key),),
                certificates=((header.height, key, encode_certificate(certificate)),),
                state=changes,
            )
        )
        self.height, self._parent = header.height, key
        return time.perf_counter() - began_s

    def commits(self, count: int) -> list[float]:
        """Several, one after the other."""
        taken: list[float] = []
        for _ in range(count):
            taken.append(self.commit())
            time.sleep(PAUSE_S)
        return taken


def in_ms(taken: list[float]) -> str:
    """Median and largest."""
    ordered = sorted(taken)
    return f"{ordered[len(ordered) // 2] * 1000:.1f}; {ordered[-1] * 1000:.0f} ms"


def log_bytes(folder: Path) -> int:
    """The size of the write-ahead log."""
    return (folder / "chain.db-wal").stat().st_size


def held_open(store: ChainStore, writer: Writer, folder: Path) -> tuple[int, int]:
    """How far the log grows in `COMMITS` blocks, without a reader and with one that stays."""
    before = log_bytes(folder)
    writer.commits(COMMITS)
    free = log_bytes(folder) - before
    with store.pinned():
        before = log_bytes(folder)
        writer.commits(COMMITS)
        return max(0, free), log_bytes(folder) - before


def beside(work: Callable[[], object], writer: Writer) -> list[float]:
    """What commits take while `work` runs in a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    taken: list[float] = []
    while thread.is_alive():
        taken += writer.commits(1)
    thread.join()
    return taken


def refused(store: ChainStore, folder: Path) -> None:
    """Write a snapshot whose header names no true root, as later blocks here do: refused when all work is done."""
    with suppress(StateMismatch):
        write_snapshot(store, GENESIS, folder / "2.snapshot")


def pruning(store: ChainStore, height: int) -> list[float]:
    """What single steps of pruning take, and so how long a commit may wait for one."""
    taken: list[float] = []
    for below in range(STEP_BLOCKS_MAX, height, STEP_BLOCKS_MAX):
        began_s = time.perf_counter()
        store.pruning.prune_bodies(below, [])
        taken.append(time.perf_counter() - began_s)
    return taken


def importing(file: SnapshotFile, store: ChainStore, keys: int) -> None:
    """Check and stage every part, then adopt the whole."""
    began_s = process_time()
    taking = SnapshotImport(store, file.manifest)
    for prefix in taking.missing:
        chunk = file.chunk(prefix)
        if chunk is None:
            raise RuntimeError("the snapshot is not whole")
        taking.take(chunk)
    staged_s = process_time() - began_s
    show("rows checked and staged by a new node", per_s(keys, staged_s), f"{staged_s:.1f} CPU s")
    began_s = process_time()
    taking.finish()
    show("root computed once more, and adopted in one transaction", f"{process_time() - began_s:.1f} CPU s")


def main() -> None:
    """Measure and print."""
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    title(f"Snapshots under writes: {grouped(keys)} keys, blocks of {CHANGES} changes and {len(BODY)} bytes")
    rows = dict(sorted(cold_rows(keys).items()))
    root = merkle.root_hash(merkle.build(iter(rows.items())))
    paths = list(rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ChainStore.open(folder / "chain.db") as store:
            writer = Writer(store, paths)
            writer.commit(dict(rows.items()), root)
            del rows
            path = folder / "1.snapshot"
            began_s = process_time()
            write_snapshot(store, GENESIS, path)
            alone_s = process_time() - began_s
            show("one snapshot written, checked against its root", f"{alone_s:.1f} CPU s", per_s(keys, alone_s))
            show("its file", f"{path.stat().st_size / 1e6:.0f} MB", f"{path.stat().st_size / keys:.0f} bytes a key")
            show("a block committed, median and largest, nothing beside it", in_ms(writer.commits(COMMITS)))
            show("while a snapshot is written", in_ms(beside(lambda: refused(store, folder), writer)))
            free, held = held_open(store, writer, folder)
            show(f"growth of the log in {COMMITS} blocks, no reader", f"{free / 1e6:.0f} MB",
                 at_most(free, WAL_BYTES_KEPT_MAX, " bytes"))  # fmt: skip
            show(f"growth of the log in {COMMITS} blocks, a read held open", f"{held / 1e6:.0f} MB",
                 f"{held * 720 / COMMITS / 1e6:,.0f} MB in two epochs of 360 blocks")  # fmt: skip
            show(f"a step of pruning, {STEP_BLOCKS_MAX} such blocks", in_ms(pruning(store, writer.height)))
        with ChainStore.open(folder / "new.db") as store:
            importing(SnapshotFile(path), store, keys)


if __name__ == "__main__":
    main()
