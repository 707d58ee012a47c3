"""Keeps a validator's record: every line in order, written behind, one epoch after the other, its digest on chain.

The score book is what the record adds up to, so a restart begins where the lines on disk end, and an audit comes to the
same book. Writing never delays judging; what cannot be written now is written at the next head.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from node.economics.clock import epoch_index
from node.ledger.calls import CommitReceiptRoot
from node.market.book import ScoreBook
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.limits import RECORD_LINE_BYTES_MAX, RECORD_LINES_FREE, RECORD_LINES_MAX, STATE_BYTES_RECORDED_MAX
from node.market.record import (
    RECORD_VERSION,
    RecordHead,
    SignedHead,
    booked_line,
    decode_head,
    lines_root,
    record_digest,
    sign_head,
    unjudged,
)
from node.market.record_lines import Decayed, Line, Started, Untold, bits, decode_line
from node.market.recount import Recount, seat_lines, state_lines
from node.market.standings import book_digest, decode_book, encode_book
from node.market.weights import WeightVector
from node.primitives.codec import encode
from node.primitives.errors import NodeError
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height
from node.service.roles.seeding import RETRY_BLOCKS, Seeding
from node.subnets.base import Answer, AnySubnet, Code, Standing, Verdict, View
from storage import RecordRow, RecordStore, StorageError

ANSWERS_WAITING_MAX: Final = 128  # bodies not yet written; later ones are not kept

ROWS_ON_THE_LOOP_MAX: Final = 500  # lines or verdicts hashed or encoded without a worker thread: 2 ms

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Epoch:
    """One epoch's lines; the first `saved` of them are on disk."""

    number: int
    first_height: Height
    before: Hash
    lines: list[bytes] = field(default_factory=list)
    saved: int = 0
    told_bytes: int = 0  # of journal state


class Recorder:
    """`load`, then `tick` at every head; everything that moves the book goes through here."""

    def __init__(self, context: MarketContext, subnet: AnySubnet, seeding: Seeding, store: RecordStore | None) -> None:
        self._context = context
        self._subnet = subnet
        self._seeding = seeding
        self._store = store
        self._recount = Recount(context.netuid)
        self._epoch: _Epoch | None = None
        self._previous = ZERO_HASH
        self._heads: dict[int, tuple[SignedHead, Height]] = {}  # by epoch: not yet seen on chain; when it was sent
        self._unjudged: set[tuple[Hash, AccountId]] = set()  # asked by an earlier run
        self._answers: list[tuple[int, Hash, AccountId, bytes]] = []
        self._writing = trio.Lock()
        self.last_error = ""
        self.counts: Counter[str] = Counter()

    @property
    def book(self) -> ScoreBook:
        """What the lines so far add up to."""
        return self._recount.book

    @property
    def full(self) -> bool:
        """Whether this epoch's record has no room for further rounds."""
        return self._epoch is not None and len(self._epoch.lines) >= RECORD_LINES_MAX - RECORD_LINES_FREE // 2

    @property
    def crowded(self) -> bool:
        """Whether it has no room for users' calls."""
        return self._epoch is not None and len(self._epoch.lines) >= RECORD_LINES_MAX - RECORD_LINES_FREE

    async def load(self, older: Iterable[tuple[AccountId, Standing]]) -> None:
        """Take up the record where it ends; without one, begin with `older` standings. Raises StorageError."""
        row = None if self._store is None else await trio.to_thread.run_sync(self._store.latest)
        if self._store is None or row is None:
            self._recount.book.restore(older)
        else:
            try:
                lines = await trio.to_thread.run_sync(self._store.lines, row.epoch)
                before = await trio.to_thread.run_sync(self._store.lines, max(0, row.epoch - 1))
                self._unjudged = unjudged(
                    [*before, *lines], self._context.chain.genesis_hash, self._context.netuid, self._context.hotkey
                )
                self._take_up(row, lines, await trio.to_thread.run_sync(self._store.heads))
            except MalformedMessage as error:
                _log.error("the record of epoch %d cannot be read; a new book begins: %s", row.epoch, error)
                self._recount, self._epoch = Recount(self._context.netuid), None
        height = self._context.chain.height()
        self._recount.book.alpha = self._subnet.spec.alpha
        if self._epoch is not None:
            self._add(self._rules(height))
            self._give_up(height)
        await self._enter(height)
        self._give_up(height)

    async def tick(self, height: Height) -> None:
        """Begin a new epoch when it is time, write what waits, put digests on chain. Never raises NodeError."""
        await self._enter(height)
        await self.flush()
        await self._commit(height)

    # --- lines ------------------------------------------------------------------------------------------------------

    def view(self, view: View) -> View:
        """The view as the record tells it, after telling what is new: draw and weigh from this one."""
        for line in seat_lines(self._recount.seats(), view.neurons, view.height):
            self._add(line)
        self._tell_state(view)
        told = self._recount.view(view.height, view.block_hash)
        if self._recount.untold:
            return View(told.netuid, told.height, told.block_hash, told.neurons, view.state)
        return told

    def add(self, line: Line) -> None:
        """Write down a line that moves no score."""
        self._add(line)

    def booked(
        self, question: Hash, kind: str, miner: AccountId, verdict: Verdict, height: Height, answer: Answer | None
    ) -> bool:
        """Book a verdict; whether it moved a score. Numbers that are none, and facts beyond bounds, give no score."""
        line = booked_line(question, kind, miner, verdict, height, answer)
        return self._add(line)

    def vector(self, view: View) -> tuple[WeightVector | None, str]:
        """The weights that the book gives now, in a view that `view` gave, and why there are none."""
        return self._recount.vector(self._subnet, view)

    def decayed(self, miners: tuple[AccountId, ...], height: Height) -> None:
        """Book that scores of these miners fade."""
        if miners:
            self._add(Decayed(height, miners))

    def keep_answer(self, question: Hash, miner: AccountId, body: bytes) -> None:
        """Keep the body of a challenge's answer for audits, as far as there is room."""
        if self._store is None or self._epoch is None or len(self._answers) >= ANSWERS_WAITING_MAX:
            self.counts["record.answer_not_kept"] += 1
            return
        self._answers.append((self._epoch.number, question, miner, body))

    async def flush(self) -> None:
        """Write what waits; a failing disk is counted and tried again."""
        async with self._writing:
            if self._epoch is not None:
                await self._save(self._epoch)
            while self._answers and self._store is not None:
                answer = self._answers.pop(0)
                try:
                    await trio.to_thread.run_sync(self._store.keep_answer, *answer)
                except StorageError as error:
                    self._failed(error)

    # --- epochs -----------------------------------------------------------------------------------------------------

    async def _enter(self, height: Height) -> bool:
        """Begin the epoch of a block, unless it is the running one; whether a new one began."""
        metagraph = self._context.chain.metagraph(self._context.netuid)
        if metagraph is None:
            return False
        number = epoch_index(height, self._context.netuid, metagraph.subnet.tempo_blocks)
        old = self._epoch
        if old is not None and number <= old.number:  # a tempo that grows counts epochs anew: the record goes on
            return False
        standings = dict(self._recount.book)
        self._recount.new_epoch()
        self._epoch = new = _Epoch(number, height, ZERO_HASH)
        self._add(self._rules(height))
        async with self._writing:
            remembered = sum(len(row.recent) for row in standings.values())
            before = await _computed(encode_book, standings, remembered)
            new.before = book_digest(before)
            if old is not None:
                await self._close(old, Height(height - 1), new.before)
            if self._store is not None:
                try:
                    await trio.to_thread.run_sync(self._store.open_epoch, number, before)
                except StorageError as error:
                    self._failed(error)
        return True

    async def _close(self, epoch: _Epoch, last_height: Height, after: Hash) -> None:
        await self._save(epoch)
        head = RecordHead(
            version=RECORD_VERSION,
            genesis=self._context.chain.genesis_hash,
            netuid=self._context.netuid,
            validator=self._context.hotkey,
            epoch=epoch.number,
            first_height=epoch.first_height,
            last_height=max(epoch.first_height, last_height),
            lines=len(epoch.lines),
            root=await _computed(lines_root, tuple(epoch.lines), len(epoch.lines)),
            before=epoch.before,
            after=after,
            previous=self._previous,
            seeds=self._seeding.notes(),
        )
        signed = sign_head(head, self._context.signer)
        self._previous = record_digest(head)
        if self._store is None or epoch.saved < len(epoch.lines):
            return  # what cannot be shown is not committed to
        try:
            await trio.to_thread.run_sync(self._store.close_epoch, epoch.number, encode(signed))
        except StorageError as error:
            self._failed(error)
            return
        self._heads[epoch.number] = (signed, Height(0))

    async def _save(self, epoch: _Epoch) -> None:
        waiting = epoch.lines[epoch.saved :]
        if not waiting or self._store is None:
            return
        try:
            await trio.to_thread.run_sync(self._store.append, epoch.number, epoch.saved, waiting)
        except StorageError as error:
            self._failed(error)
        else:
            epoch.saved += len(waiting)

    async def _commit(self, height: Height) -> None:
        """Put the digests of closed epochs on chain, in the epoch after each."""
        if not self._heads or self._context.seat() is None:
            return
        on_chain = {row.epoch for row in self._context.chain.receipt_roots(self._context.netuid, self._context.hotkey)}
        present = -1 if self._epoch is None else self._epoch.number
        for number, (signed, sent_at) in list(self._heads.items()):
            if number in on_chain or number < present - 1:
                del self._heads[number]
            elif height >= sent_at + RETRY_BLOCKS:
                self._heads[number] = (signed, height)
                await self._send(signed.head)

    async def _send(self, head: RecordHead) -> None:
        call = CommitReceiptRoot(head.netuid, head.epoch, record_digest(head), head.lines)
        try:
            await self._context.chain.submit(call, self._context.signer)
        except NodeError as error:
            self.last_error = str(error)
            _log.warning("the record of epoch %d could not be committed to: %s", head.epoch, error)
        else:
            self.last_error = ""

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _take_up(self, row: RecordRow, lines: list[bytes], heads: list[bytes]) -> None:
        """Go on where an earlier run ended: in an open epoch, or after a closed one."""
        self._recount.book.restore(decode_book(row.before))
        decoded = [decode_line(line) for line in lines]
        for line in decoded:
            self._recount.apply(line)
        if heads:
            signed = decode_head(heads[-1])
            self._previous = record_digest(signed.head)
            self._heads[signed.head.epoch] = (signed, Height(0))
        if row.head:
            self._recount.new_epoch()
            return
        first = decoded[0].height if decoded and isinstance(decoded[0], Started) else Height(0)
        self._epoch = _Epoch(row.epoch, first, book_digest(row.before), lines, len(lines))

    def _give_up(self, height: Height) -> None:
        """Book without a score what an earlier run has asked and can no longer judge."""
        if self._epoch is None:
            return
        lost = Verdict(None, Code.VALIDATOR_FAULT)
        for question, miner in sorted(self._unjudged):
            self._add(booked_line(question, "challenge", miner, lost, height, None))
        self._unjudged.clear()

    def _add(self, line: Line) -> bool:
        data = encode(line)
        if self._epoch is None or len(self._epoch.lines) >= RECORD_LINES_MAX or len(data) > RECORD_LINE_BYTES_MAX:
            self.counts["record.line_refused"] += 1
            return False
        self._epoch.lines.append(data)
        return self._recount.apply(line)

    def _rules(self, height: Height) -> Started:
        spec = self._subnet.spec
        return Started(
            height, spec.name, spec.version, bits(spec.alpha), spec.sample, spec.challenge_blocks, spec.models
        )  # fmt: skip

    def _tell_state(self, view: View) -> None:
        if self._recount.untold or self._epoch is None:
            return
        size = sum(len(key) + len(value) for key, value in view.state.items())
        largest = max((len(key) + len(value) for key, value in view.state.items()), default=0)
        lines = list(state_lines(self._recount.state, view.state)) if size <= STATE_BYTES_RECORDED_MAX else []
        told = self._epoch.told_bytes + sum(len(encode(line)) for line in lines)
        if max(size, told) > STATE_BYTES_RECORDED_MAX or largest > RECORD_LINE_BYTES_MAX // 2:
            self._add(Untold(len(view.state), size))
            return
        self._epoch.told_bytes = told
        for line in lines:
            self._add(line)

    def _failed(self, error: StorageError) -> None:
        self.counts["record.failed"] += 1
        _log.warning("the record could not be written: %s", error)


async def _computed(work: Callable[[T], R], value: T, size: int) -> R:
    """`work(value)`: here while it takes a few milliseconds, else in a worker thread."""
    return work(value) if size <= ROWS_ON_THE_LOOP_MAX else await trio.to_thread.run_sync(work, value)
