"""Journals: CPU that an entry costs a node, and how fast a node that joins late has all of them.

    bench_journals.py

40 entries of each of 256 authors, 10 240 in all: what an hour may bring. Each passes the gossip check, is kept in
SQLite and reduced. Then a second node fetches all of them over the memory network; its time holds both sides' work,
since they share one process. Signing is left out.
"""

import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import trio

from benchmarks.measure import at_most, show, title
from node.market.journal import (
    JournalHead,
    SignedEntry,
    Tip,
    begin,
    extend,
    journal_body_digest,
    next_place,
    sign_entry,
)
from node.market.journal_gate import entry_news
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import Height
from node.service.roles.journals import Journals
from node.subnets.base import Entry, Refusal, State
from p2p import Verdict
from storage import JournalStore
from tests.unit.market.support import GENESIS, NETUID, World

AUTHORS: Final = 256
EACH: Final = 40
BODY_BYTES: Final = 200
BATCH: Final = 64
HOUR: Final = 10_000
ENTRY_MS_MAX: Final = 3.6  # 10 000 an hour in 1 % of a core
JOIN_S_MAX: Final = 30.0


def last_of_kind(entry: Entry, state: State) -> Refusal | None:
    """A reducer as subnets have them: one row a kind."""
    state[entry.author + entry.kind.encode()] = entry.body
    return None


def journal_of(number: int) -> list[SignedEntry]:
    """One author's entries."""
    signer = Ed25519Signer(digest("bench", number.to_bytes(4, "big")))
    tip: Tip | None = None
    made: list[SignedEntry] = []
    for place in range(EACH):
        body = place.to_bytes(4, "big") + bytes(BODY_BYTES - 4)
        seq, page, base, prev = next_place(tip, len(body))
        head = JournalHead(
            1, GENESIS, NETUID, signer.public, seq, page, base, prev, Height(50), f"kind-{place % 8}",
            journal_body_digest(body),
        )  # fmt: skip
        made.append(sign_entry(head, body, signer))
        tip = begin(made[-1]) if tip is None else extend(tip, made[-1])
    return made


async def measure(folder: Path) -> None:
    """Run both parts and show what they took."""
    world = World()
    one, two = world.join("one"), world.join("two")
    entries = [journal_of(number) for number in range(AUTHORS)]
    for journal in entries:
        world.chain.seat(journal[0].head.author)
    graph = world.chain.metagraph(NETUID)
    world.chain.metagraph = lambda netuid: graph  # type: ignore[method-assign]  # kept per head, as a node does
    mixed = [entries[author][place] for place in range(EACH) for author in range(AUTHORS)]
    news = [entry_news(entry) for entry in mixed]
    with JournalStore.open(folder / "one.db") as first, JournalStore.open(folder / "two.db") as second:
        a = Journals(one.network, one.doors, one.chain, NETUID, first, apply=last_of_kind)
        b = Journals(two.network, two.doors, two.chain, NETUID, second, apply=last_of_kind)
        begin_s = process_time()
        accepted = sum(a._gate("peer", data) is Verdict.ACCEPT for data in news)
        gate_s, begin_s = process_time() - begin_s, process_time()
        for start in range(0, len(mixed), BATCH):
            await a.book.take(mixed[start : start + BATCH])
        kept_s = process_time() - begin_s
        each_ms = (gate_s + kept_s) / len(mixed) * 1e3
        if accepted != len(mixed) or len(a.state()) != AUTHORS * 8:
            raise SystemExit("the entries were not taken in")
        show("check of one entry", f"{gate_s / len(mixed) * 1e3:.3f} ms CPU")
        show("keeping and reducing one entry", f"{kept_s / len(mixed) * 1e3:.3f} ms CPU")
        show("one entry in all", f"{each_ms:.3f} ms CPU", at_most(each_ms, ENTRY_MS_MAX, "ms"))
        show("10 000 an hour take of a core", f"{each_ms * HOUR / 3_600_000:.3%}")
        show("on disk", f"{first.size_bytes() / 1e6:.1f} MB")
        begin_s, wall_s = process_time(), perf_counter()
        async with trio.open_nursery() as nursery:
            await nursery.start(a.run)
            await nursery.start(b.run)
            while b.book.digest() != a.book.digest():
                await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        took_s = perf_counter() - wall_s
        show("all of them at a node that joins late", f"{took_s:.1f} s", at_most(took_s, JOIN_S_MAX, "s"))
        show("CPU of both sides", f"{process_time() - begin_s:.2f} s")


def main() -> None:
    """Measure in a folder of its own."""
    title("Journals")
    with tempfile.TemporaryDirectory() as folder:
        trio.run(measure, Path(folder))


if __name__ == "__main__":
    main()
