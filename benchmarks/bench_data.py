"""Subnet Data Universe: taking rows in, searching them, a validator's picture of everybody, proofs and checks.

Rows are texts of thirty words under fifty labels, a fifth of them known already. `bench_data.py 1000000` changes the
number of buckets of the validator's part. The last lines reckon what 200 miners cost a validator.
"""

import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measure import at_least, at_most, best_cpu_s, grouped, per_s, show, title
from node.primitives.types import AccountId, Hash
from node.subnets.base import BlobRef
from node.subnets.data_universe.entities import Bucket, Entity, Source, make_entity
from node.subnets.data_universe.holdings import Holdings
from node.subnets.data_universe.index import BucketSize, pack_index, sample_offsets, unpack_index
from node.subnets.data_universe.judging import check_proofs
from node.subnets.data_universe.ledger import Kept
from node.subnets.data_universe.limits import BUCKET_BYTES_MAX, BUCKETS_MAX, SAMPLE_ROWS
from node.subnets.data_universe.messages import IndexNote, SearchAsk
from node.subnets.data_universe.scoring import Job
from node.subnets.data_universe.shelf import Shelf
from storage.entities_search import make_searchable

ROWS = 60_000
BATCH = 5_000
BUCKETS = 1_000_000
LOOKUPS = 20_000
NOW_HOUR = 480_000
HOLDER = AccountId(b"h" * 32)
CHANCE = random.Random(13)
WORDS = ["".join(CHANCE.choices("abcdefghijklmnopqrstuvwxyz", k=CHANCE.randint(2, 10))) for _ in range(5_000)]


def raw_rows() -> list[tuple[str, str, int, str]]:
    """(address, label, minute, text) as sources give them; every fifth one is there twice."""
    rows = [
        (f"https://example.org/article/{n}", f"label {n % 50}", NOW_HOUR * 60 - n % 20_000,
         " ".join(CHANCE.choices(WORDS, k=30)))
        for n in range(ROWS)
    ]  # fmt: skip
    return rows + rows[: ROWS // 5]


def made(rows: list[tuple[str, str, int, str]]) -> list[Entity]:
    """Rows in their normal form."""
    entities = (make_entity(uri, Source.FEED, label, minute, "author", text) for uri, label, minute, text in rows)
    return [entity for entity in entities if entity is not None]


def miner(folder: Path) -> None:
    """What a miner does all day."""
    rows = raw_rows()
    turn = 0

    def ingest() -> None:
        nonlocal turn
        turn += 1
        shelf = Shelf(folder / str(turn))
        for at in range(0, len(rows), BATCH):
            shelf.take_in(made(rows[at : at + BATCH]))
        shelf.close()

    cpu_s = best_cpu_s(ingest, 3)
    size = sum(len(text) for _, _, _, text in rows) // len(rows)
    show(
        f"rows of {size} characters taken in, de-duplicated",
        per_s(len(rows), cpu_s),
        at_least(len(rows) / cpu_s, 30_000),
    )
    shelf = Shelf(folder / str(turn))
    begin = time.process_time()
    while make_searchable(shelf.store):
        pass
    show("rows made searchable, afterwards", per_s(ROWS, time.process_time() - begin))
    begin = time.process_time()
    snapshot = shelf.seal(HOLDER)
    show(f"rows promised anew ({grouped(len(snapshot.buckets))} buckets)", per_s(ROWS, time.process_time() - begin))
    asks = [SearchAsk(0, "", (), (WORDS[n],), "", "any", 0, 0, 100) for n in range(50)]
    show("one search of a word, 100 rows", f"{best_cpu_s(partial(search_all, shelf, asks), 2) / 50 * 1000:.2f} ms")
    seed = b"s" * 32
    show(
        "ten rows with proofs",
        f"{best_cpu_s(lambda: shelf.prove(snapshot, HOLDER, seed, SAMPLE_ROWS), 5) * 1000:.1f} ms",
    )
    note = IndexNote(
        snapshot.tree.root, snapshot.tree.total, snapshot.rows, len(snapshot.sizes), BlobRef(Hash(seed), 1, "x"), ()
    )
    proven = shelf.prove(snapshot, HOLDER, seed, SAMPLE_ROWS)
    offsets = sample_offsets(seed, HOLDER, snapshot.tree.root, snapshot.sizes, SAMPLE_ROWS)
    buckets, kept = frozenset(snapshot.sizes), Kept(0, 0, note)
    problem = check_proofs(proven, offsets, HOLDER, kept, buckets)
    check_s = best_cpu_s(lambda: check_proofs(proven, offsets, HOLDER, kept, buckets), 5)
    show("the same proofs checked", f"{check_s * 1000:.2f} ms", problem or "they hold")
    used = shelf.store.database.used_bytes()
    text = sum(len(entity.content.encode()) for entity in made(rows[:ROWS]))
    show("bytes on disk beside a row's text, full text index included", f"{(used - text) // ROWS}")
    shelf.close()


def search_all(shelf: Shelf, asks: list[SearchAsk]) -> None:
    """Ask everything once."""
    for ask in asks:
        shelf.find(ask)


def validator(folder: Path, count: int) -> None:
    """A validator's picture of a million buckets, three miners' or more."""
    miners = [AccountId(bytes([n]) * 32) for n in range(max(3, -(-count // BUCKETS_MAX)))]
    each = count // len(miners)
    holdings = Holdings(folder / "holdings")
    packed_bytes = 0
    begin = time.process_time()
    for number, hotkey in enumerate(miners):
        labels = [f"label {n}" for n in range(each // 500 + 1)]
        listed = sorted(
            BucketSize(Bucket(1 + n % 3, labels[n // 720 // 3 % len(labels)], NOW_HOUR - (n // 3) % 720),
                       CHANCE.randrange(1, 2_000_000), CHANCE.randrange(1, 200))
            for n in range(number, each + number)
        )  # fmt: skip
        listed = [row for at, row in enumerate(listed) if not at or listed[at - 1].bucket != row.bucket]
        packed = pack_index(listed)
        packed_bytes += len(packed)
        note = IndexNote(Hash(b"r" * 32), sum(r.size for r in listed), sum(r.rows for r in listed), len(listed),
                         BlobRef(Hash(b"b" * 32), len(packed), "x"), ())  # fmt: skip
        holdings.put(hotkey, 0, note, packed)
    stored = sum(holdings.buckets(hotkey, 0) is not None and len(holdings.newest(hotkey)) for hotkey in miners)
    show(f"{grouped(stored)} buckets of {len(miners)} miners taken in", f"{time.process_time() - begin:.1f} s")
    megabytes = holdings.bytes_on_disk() / stored  # bytes a bucket are megabytes a million
    show("a million buckets on a validator", f"{megabytes:.1f} MB", at_most(megabytes, 60, " MB"))
    show("a bucket on its way to a validator", f"{packed_bytes / stored:.1f} bytes")
    known = unpack_index(pack_index(holdings.newest(miners[0])[:50_000]))
    times: list[float] = []
    for _ in range(LOOKUPS):
        bucket = CHANCE.choice(known).bucket
        start = time.perf_counter()
        holdings.holders(bucket)
        times.append(time.perf_counter() - start)
    p99_ms = sorted(times)[int(0.99 * LOOKUPS)] * 1000
    show("who holds a bucket, and how much: p99 (wall clock)", f"{p99_ms:.3f} ms", at_most(p99_ms, 5, " ms"))
    value_s = best_cpu_s(lambda: holdings.values(NOW_HOUR, [Job("label 3", 2.0)]), 2)
    show("the value of everybody's index", f"{value_s:.2f} s")
    reckon(holdings.bytes_on_disk() / stored, packed_bytes / stored)


def reckon(on_disk: float, packed: float) -> None:
    """What the largest indexes of 200 miners cost, and what 50 PB would: their buckets are full then."""
    miners, total = 200, 50e15
    a_bucket = on_disk + packed  # the last two promises are kept packed, the newest one open too
    promised = miners * BUCKETS_MAX
    show("200 miners that promise all they may", f"{promised * BUCKET_BYTES_MAX / 1e15:.1f} PB at most")
    show(
        "  on a validator's disk", f"{promised * a_bucket / 1e9:.2f} GB", at_most(promised * a_bucket / 1e9, 10, " GB")
    )
    show("  fetched once", f"{promised * packed / 1e9:.2f} GB", f"{BUCKETS_MAX * packed / 1e6:.1f} MB a miner")
    needed = total / BUCKET_BYTES_MAX
    show("50 PB in full buckets", f"{needed / 1e6:.0f} million", f"{needed / miners / 1e6:.1f} million a miner")
    show("  on a validator's disk", f"{needed * a_bucket / 1e9:.2f} GB", at_most(needed * a_bucket / 1e9, 10, " GB"))


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else BUCKETS
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        title(f"Data Universe, a miner: {grouped(ROWS)} rows and a fifth of them again, one core")
        miner(Path(folder))
        title("Data Universe, a validator")
        validator(Path(folder), count)


if __name__ == "__main__":
    main()
