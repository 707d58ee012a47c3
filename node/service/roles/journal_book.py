"""The journals of one subnet as this node has them: taken in, kept on disk, forks proven, reduced by `apply`.

It believes signatures that its callers have checked, and nothing else. What is on disk is never behind what others are
told. `apply` is the program of a stranger: it runs in a thread of its own, and one that hangs is asked no more.
"""

import enum
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from node.market.errors import MalformedMessage
from node.market.journal import (
    BrokenChain,
    ForkProof,
    SignedEntry,
    Tip,
    begin,
    decode_entry,
    decode_fork,
    extend,
    prove_fork,
)
from node.market.journal_state import NO_ROWS, Apply, JournalState, Rows, reduce_entries, refuse_all
from node.market.journal_sync import ForkLine, HeadLine, Heads, heads_digest, make_heads
from node.market.limits import JOURNAL_APPLY_TIMEOUT_S, JOURNALS_READ_KEPT_MAX
from node.market.offers import OFFER_KIND, OfferBook
from node.primitives.codec import encode
from node.primitives.types import AccountId, Hash, NetUid
from node.subnets.base import Entry, Refusal
from storage import ForkRow, JournalRow, JournalStore

_log = logging.getLogger(__name__)


class Taken(enum.Enum):
    """What became of an entry."""

    NEW = "new"
    KNOWN = "known"
    GAP = "gap"
    FORK = "fork"
    VOID = "void"
    REFUSED = "refused"


@dataclass(slots=True)
class _Batch:
    """Entries that are being taken in: nothing of it counts before it is on disk."""

    tips: dict[AccountId, Tip] = field(default_factory=dict)
    entries: dict[AccountId, dict[int, SignedEntry]] = field(default_factory=dict)
    keep_from: dict[AccountId, int] = field(default_factory=dict)
    forks: list[ForkProof] = field(default_factory=list)

    def add(self, entry: SignedEntry, tip: Tip) -> None:
        author = entry.head.author
        self.tips[author] = tip
        self.keep_from[author] = tip.base
        self.entries.setdefault(author, {})[entry.head.seq] = entry


def _chained(entries: Sequence[SignedEntry]) -> _Batch:
    """A journal taken up anew, all entries of one author. Raises BrokenChain."""
    batch = _Batch()
    tip = begin(entries[0])
    batch.add(entries[0], tip)
    for entry in entries[1:]:
        tip = extend(tip, entry)
        batch.add(entry, tip)
    return batch


class JournalBook:
    """Tips, forks, rows and offers in memory; entries and proofs in the store."""

    def __init__(
        self,
        netuid: NetUid,
        store: JournalStore,
        offers: OfferBook,
        *,
        apply: Apply = refuse_all,
        apply_timeout_s: float = JOURNAL_APPLY_TIMEOUT_S,
        forked: Callable[[ForkProof], None] = lambda _: None,
    ) -> None:
        """`forked` hears of every proof that is new here."""
        self._netuid = netuid
        self._store = store
        self._offers = offers
        self._apply = apply
        self._apply_timeout_s = apply_timeout_s
        self._forked = forked
        self._lock = trio.Lock()
        self._thread = trio.CapacityLimiter(1)  # one at a time; a hanging one holds this place, and no other thread's
        self._tips: dict[AccountId, Tip] = {}
        self._forks: dict[AccountId, ForkProof] = {}
        self._rows: dict[AccountId, Rows] = {}
        self._reduced_from: dict[AccountId, int] = {}
        self._read: dict[AccountId, tuple[Entry, ...]] = {}
        self.state = JournalState({})
        self.problem = ""
        self.counts: Counter[str] = Counter()

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def tips(self) -> Mapping[AccountId, Tip]:
        """Where each journal stands; without those that forked."""
        return self._tips

    @property
    def forks(self) -> Mapping[AccountId, ForkProof]:
        """Who forked."""
        return self._forks

    def heads(self) -> Heads:
        """What other nodes are told of these journals."""
        return make_heads(
            (HeadLine(author, tip.base, tip.seq, tip.height, tip.hash) for author, tip in self._tips.items()),
            (ForkLine(author, proof.void_from) for author, proof in self._forks.items()),
        )

    def digest(self) -> Hash:
        """What two nodes compare."""
        return heads_digest(self.heads())

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        """An author's entries that count, oldest first; those before a fork, if there is one."""
        known = self._read.pop(author, None)
        if known is None:
            fork = self._forks.get(author)
            kept = self._stored(author, 0)
            known = tuple(entry.plain() for entry in kept if fork is None or entry.head.seq < fork.void_from)
        self._read[author] = known  # the last one read is the last to be let go
        if len(self._read) > JOURNALS_READ_KEPT_MAX:
            del self._read[next(iter(self._read))]
        return known if kind is None else tuple(entry for entry in known if entry.kind == kind)

    def entry(self, author: AccountId, seq: int) -> SignedEntry | None:
        """One entry that is kept."""
        found = self._store.entries(self._netuid, author, seq, limit=1)
        return decode_entry(found[0].entry) if found and found[0].seq == seq else None

    def raw_entries(self, author: AccountId, start: int, bytes_max: int) -> list[bytes]:
        """The bytes of entries from `start` on that fit; reads the disk."""
        return [row.entry for row in self._store.entries(self._netuid, author, start, bytes_max=bytes_max)]

    def knows(self, entry: SignedEntry) -> bool:
        """Whether this entry is kept, void, or too old to say anything new."""
        head = entry.head
        if head.author in self._forks:
            return True
        tip = self._tips.get(head.author)
        if tip is None or head.seq > tip.seq:
            return False
        if head.seq == tip.seq:
            return entry.hash == tip.hash
        found = self._store.entries(self._netuid, head.author, head.seq, limit=1)
        return not found or found[0].seq != head.seq or found[0].hash == entry.hash

    def knows_fork(self, proof: ForkProof) -> bool:
        """Whether this author is known to have forked there or earlier."""
        known = self._forks.get(proof.author)
        return known is not None and known.void_from <= proof.void_from

    # --- taking in --------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read what is on disk and reduce it. An author whose entries make no chain is forgotten, and fetched again."""
        async with self._lock:
            for row in await trio.to_thread.run_sync(self._store.forks, self._netuid):
                try:
                    self._forks[AccountId(row.author)] = decode_fork(row.proof)
                except MalformedMessage:
                    self.counts["journal.damaged"] += 1
            for author in await trio.to_thread.run_sync(self._store.authors, self._netuid):
                await self._load(AccountId(author))
            self._publish_state()

    async def attach(self, apply: Apply) -> None:
        """Reduce all journals by this `apply` from now on."""
        async with self._lock:
            self._apply, self.problem = apply, ""
            for author in self._tips:
                await self._reduce(author, None)
            self._publish_state()

    async def take(self, entries: Sequence[SignedEntry]) -> list[Taken]:
        """Take in authentic entries of any authors, each author's in order; says what became of each.

        Raises StorageError when they cannot be kept: then nothing of them counts.
        """
        async with self._lock:
            batch = _Batch()
            outcomes = [self._place(entry, batch) for entry in entries]
            await self._settle(batch)
            self.counts.update(f"journal.{outcome.value}" for outcome in outcomes)
            return outcomes

    async def adopt(self, entries: Sequence[SignedEntry]) -> bool:
        """Take up a journal anew from authentic entries, all that count of one author; False when they make no chain.

        Only for one that begins after everything that is kept of the author. Raises StorageError.
        """
        async with self._lock:
            author = entries[0].head.author
            known = self._tips.get(author)
            if author in self._forks or (known is not None and entries[0].head.seq <= known.seq):
                return True  # it came another way meanwhile
            try:
                batch = _chained(entries)
            except BrokenChain:
                proofs = (prove_fork(one, other) for one, other in itertools.pairwise(entries))
                broken = _Batch(forks=[proof for proof in proofs if proof is not None][:1])
                await self._settle(broken)
                return False
            if batch.tips[author].base != entries[0].head.seq:
                return False
            await self._settle(batch)
            self.counts["journal.new"] += len(entries)
            return True

    async def take_fork(self, proof: ForkProof) -> bool:
        """Take in a proof whose signatures hold; False when it says nothing new. Raises StorageError."""
        async with self._lock:
            if self.knows_fork(proof):
                return False
            batch = _Batch()
            self._note_fork(batch, proof)
            await self._settle(batch)
            return True

    async def forget(self, author: AccountId) -> None:
        """Forget an author that may write no more. Raises StorageError."""
        async with self._lock:
            await trio.to_thread.run_sync(self._store.forget, self._netuid, author)
            self._drop(author)
            self._publish_state()

    async def try_apply(self, entry: Entry) -> str:
        """Why the subnet would refuse this entry of its author's, empty when it would not. Nothing is changed."""
        rows = self._rows.get(entry.author, NO_ROWS)
        reduced = await self._run_apply([entry], rows)
        if reduced is None:
            return self.problem
        return reduced[1][0].reason if reduced[1] else ""

    # --- inside -----------------------------------------------------------------------------------------------------

    def _place(self, entry: SignedEntry, batch: _Batch) -> Taken:
        head = entry.head
        if head.author in self._forks or any(proof.author == head.author for proof in batch.forks):
            return Taken.VOID
        tip = batch.tips.get(head.author) or self._tips.get(head.author)
        if tip is not None and head.seq <= tip.seq:
            return self._compare(entry, batch)
        if tip is None or head.seq > tip.seq + 1:
            if head.base != head.seq:
                return Taken.GAP
            batch.add(entry, begin(entry))  # it forgets everything before: nothing is missing
            return Taken.NEW
        try:
            batch.add(entry, extend(tip, entry))
        except BrokenChain as broken:
            before = self._at(head.author, tip.seq, batch)
            proof = None if before is None else prove_fork(before, entry)
            _log.info("an entry of %s breaks its journal: %s", head.author.hex()[:16], broken.reason)
            return Taken.REFUSED if proof is None else self._note_fork(batch, proof)
        return Taken.NEW

    def _compare(self, entry: SignedEntry, batch: _Batch) -> Taken:
        kept = self._at(entry.head.author, entry.head.seq, batch)
        if kept is None or kept.hash == entry.hash:
            return Taken.KNOWN
        return self._note_fork(batch, prove_fork(kept, entry))

    def _at(self, author: AccountId, seq: int, batch: _Batch) -> SignedEntry | None:
        return batch.entries.get(author, {}).get(seq) or self.entry(author, seq)

    def _note_fork(self, batch: _Batch, proof: ForkProof | None) -> Taken:
        if proof is None:
            return Taken.REFUSED
        batch.forks.append(proof)
        _log.warning("the journal of %s forked at entry %d", proof.author.hex(), proof.void_from)
        return Taken.FORK

    async def _settle(self, batch: _Batch) -> None:
        """Write a batch, then make it count."""
        forked = {proof.author for proof in batch.forks}
        rows = [
            JournalRow(author, seq, entry.hash, encode(entry))
            for author, entries in batch.entries.items()
            for seq, entry in sorted(entries.items())
            if seq >= batch.keep_from[author] and author in batch.tips
        ]
        with trio.CancelScope(shield=True):  # a transaction is short; half of this would tell others what is not kept
            if rows:
                keep_from = [(author, batch.keep_from[author]) for author in batch.tips]
                await trio.to_thread.run_sync(partial(self._store.put, self._netuid, rows, keep_from))
            for proof in batch.forks:
                row = ForkRow(proof.author, proof.void_from, encode(proof))
                await trio.to_thread.run_sync(self._store.put_fork, self._netuid, row)
            self._tips.update(batch.tips)
            for proof in batch.forks:
                self._forks[proof.author] = proof
                self._drop(proof.author)
                self._forked(proof)
        for author in batch.tips.keys() - forked:
            fresh = [entry.plain() for _, entry in sorted(batch.entries[author].items())]
            self._note_read(author, fresh)
            await self._reduce(author, fresh)
        self._publish_state()

    def _note_read(self, author: AccountId, fresh: Sequence[Entry]) -> None:
        """Keep what is in memory of an author's entries up to date."""
        known = self._read.get(author)
        if known is not None:
            self._read[author] = tuple(e for e in (*known, *fresh) if e.sequence >= self._tips[author].base)

    def _drop(self, author: AccountId) -> None:
        self._read.pop(author, None)
        self._tips.pop(author, None)
        self._rows.pop(author, None)
        self._reduced_from.pop(author, None)
        self._offers.drop(author)

    def _publish_state(self) -> None:
        self.state = JournalState(self._rows)

    async def _load(self, author: AccountId) -> None:
        try:
            tip = await trio.to_thread.run_sync(self._chain_of, author)
        except (MalformedMessage, BrokenChain):
            self.counts["journal.damaged"] += 1
            await trio.to_thread.run_sync(self._store.forget, self._netuid, author)
            return
        if author not in self._forks:
            self._tips[author] = tip
            await self._reduce(author, None)

    def _chain_of(self, author: AccountId) -> Tip:
        entries = self._stored(author, 0)
        tip = begin(entries[0])
        for entry in entries[1:]:
            tip = extend(tip, entry)
        return tip

    def _stored(self, author: AccountId, start: int) -> list[SignedEntry]:
        return [decode_entry(row.entry) for row in self._store.entries(self._netuid, author, start)]

    # --- reducing ---------------------------------------------------------------------------------------------------

    async def _reduce(self, author: AccountId, fresh: Sequence[Entry] | None) -> None:
        """Bring an author's rows up to its tip, from all that counts when `fresh` entries are not the whole news."""
        base = self._tips[author].base
        rows = self._rows.get(author, NO_ROWS)
        if fresh is None or self._reduced_from.get(author, base) != base:
            kept = await trio.to_thread.run_sync(self._stored, author, base)
            fresh, rows = [entry.plain() for entry in kept], NO_ROWS
            self._offers.drop(author)
        for entry in fresh:
            if entry.kind == OFFER_KIND and (refusal := self._offers.take(entry)) is not None:
                self.counts[f"journal.apply.{refusal.code.name.lower()}"] += 1
        reduced = await self._run_apply(fresh, rows)
        if reduced is not None:
            self._rows[author] = reduced[0]
            self._reduced_from[author] = base
            self.counts.update(f"journal.apply.{refusal.code.name.lower()}" for refusal in reduced[1])

    async def _run_apply(self, entries: Sequence[Entry], rows: Rows) -> tuple[Rows, list[Refusal]] | None:
        """Rows and refusals after `apply`, None when it hangs: then it is not asked again before the next attach."""
        if self.problem:
            return None
        work = partial(reduce_entries, self._apply, entries, rows)
        with trio.move_on_after(self._apply_timeout_s):
            return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._thread)
        self.problem = f"apply did not end within {self._apply_timeout_s:.0f} s; journals are kept and not applied"
        _log.error("the subnet's %s", self.problem)
        return None
