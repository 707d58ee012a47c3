"""This node's own journal in one subnet: an entry is recorded, signed, kept and then told, in this order.

Never two entries with one number: the signing record holds each entry before it is signed, so that a node killed at any
moment signs the same one again, and a node that lost its journal goes on after it. Before the first entry peers are
asked what they have: a restored backup would otherwise fork the journal of its own hotkey.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Protocol

import trio

from node.market.chain import ChainReader
from node.market.errors import JournalRefused, MalformedMessage
from node.market.journal import (
    JOURNAL_VERSION,
    BrokenChain,
    JournalHead,
    SignedEntry,
    begin,
    check_kind,
    entry_hash,
    extend,
    journal_body_digest,
    next_place,
    sign_entry,
)
from node.market.journal_gate import AuthorRates, Seats
from node.market.limits import JOURNAL_BODY_BYTES_MAX, JOURNAL_ENTRY_BYTES_MAX, JOURNAL_OWN_WAIT_S
from node.market.offers import OFFER_KIND, decode_offer
from node.primitives.codec import encode
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.service.roles.journal_book import JournalBook, Taken
from node.subnets.base import Code, Entry, Message, decode_message

NOTE: Final = "journal"

_log = logging.getLogger(__name__)


class SigningRecord(Protocol):
    """What `storage.SignGuard` does for a journal; blocks until it is on disk."""

    def advance(
        self, lane: str, position: tuple[int, ...], digest: bytes, *, note: tuple[str, bytes] | None = None
    ) -> None: ...

    def position(self, lane: str) -> tuple[int, ...] | None: ...

    def note(self, name: str) -> bytes | None: ...


class Draft(Message, frozen=True):
    """An entry before its signature, as the signing record keeps it."""

    head: JournalHead
    body: bytes

    def check(self) -> None:
        self.head.check()


class OwnJournal:
    """The `JournalDoor` of one hotkey."""

    def __init__(
        self,
        book: JournalBook,
        chain: ChainReader,
        netuid: NetUid,
        signer: Signer,
        *,
        seats: Seats,
        rates: AuthorRates,
        record: SigningRecord | None,
        ask_peers: Callable[[], Awaitable[None]],
        publish: Callable[[SignedEntry], Awaitable[None]],
    ) -> None:
        """`ask_peers` fetches what some peers have more of; `publish` tells an entry. Neither raises P2PError."""
        self._book = book
        self._chain = chain
        self._netuid = netuid
        self._signer = signer
        self._seats = seats
        self._rates = rates
        self._record = record
        self._ask_peers = ask_peers
        self._publish = publish
        self._lane = f"{NOTE}/{netuid}/{signer.public.hex()}"
        self._writing = trio.Lock()
        self._recovered = False
        self._lost: tuple[int, Hash] | None = None

    async def append(self, kind: str, body: bytes) -> Entry:
        """Record, sign, keep and tell the next entry. Raises JournalRefused, MalformedMessage; StorageError."""
        check_kind(kind)
        if len(body) > JOURNAL_BODY_BYTES_MAX:
            raise JournalRefused(
                f"An entry has at most {JOURNAL_BODY_BYTES_MAX} bytes, not {len(body)}: keep it as a blob and name it.",
                Code.TOO_LARGE,
            )
        if kind == OFFER_KIND:
            decode_offer(body)
        async with self._writing:
            await self._recover()
            self._check_allowed()
            head = self._head(kind, body)
            refusal = "" if kind == OFFER_KIND else await self._book.try_apply(_plain(head, body))
            if refusal:
                raise JournalRefused(f"The subnet takes no such entry: {refusal}", Code.REFUSED)
            if not self._rates.take(self._signer.public):
                raise JournalRefused(
                    "This journal grew too fast for others to follow; wait a moment.", Code.RATE_LIMITED
                )
            with trio.CancelScope(shield=True):  # between the record and the store lies one short transaction
                self._recovered = False  # until it is kept: else the next one begins with what the record says
                await self._write(head, body)
                self._recovered, self._lost = True, None
            return _plain(head, body)

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        return self._book.entries(author, kind=kind)

    def state(self) -> Mapping[bytes, bytes]:
        return self._book.state

    # --- inside -----------------------------------------------------------------------------------------------------

    def _check_allowed(self) -> None:
        me = self._signer.public
        if me in self._book.forks:
            raise JournalRefused(
                "This hotkey signed two different entries with one number; its journal has ended for good.", Code.FORGED
            )
        if me not in self._seats.now():
            raise JournalRefused("Only a hotkey with a seat in the subnet writes a journal.", Code.UNREGISTERED)

    def _head(self, kind: str, body: bytes) -> JournalHead:
        tip = self._book.tips.get(self._signer.public)
        if self._lost is None:
            seq, page, base, prev = next_place(tip, len(body))
        else:
            seq, prev = self._lost[0] + 1, self._lost[1]
            page = base = seq
        height = max(self._chain.height(), Height(0) if tip is None else tip.height)
        return JournalHead(
            JOURNAL_VERSION, self._chain.genesis_hash, self._netuid, self._signer.public, seq, page, base, prev,
            height, kind, journal_body_digest(body),
        )  # fmt: skip

    async def _write(self, head: JournalHead, body: bytes) -> None:
        if self._record is not None:
            note = (self._lane, encode(Draft(head, body)))
            advance = partial(self._record.advance, self._lane, (head.seq,), entry_hash(head), note=note)
            await trio.to_thread.run_sync(advance)
        entry = sign_entry(head, body, self._signer)
        outcome = (await self._book.take([entry]))[0]
        if outcome is not Taken.NEW:
            raise JournalRefused(f"The journal did not take its own next entry ({outcome.value}).", Code.MINER_FAULT)
        await self._publish(entry)

    async def _recover(self) -> None:
        """Before the first entry: take over what peers and the signing record know of this journal."""
        if self._recovered:
            return
        with trio.move_on_after(JOURNAL_OWN_WAIT_S):
            await self._ask_peers()
        draft = None if self._record is None else await trio.to_thread.run_sync(self._last_draft, self._record)
        tip = self._book.tips.get(self._signer.public)
        if draft is not None and (tip is None or draft.head.seq > tip.seq):
            entry = sign_entry(draft.head, draft.body, self._signer)
            try:
                _ = begin(entry) if tip is None else extend(tip, entry)
            except BrokenChain as broken:
                _log.warning("entries of this node's own journal are lost (%s); it goes on after them", broken.reason)
                self._lost = (draft.head.seq, entry_hash(draft.head))
            else:
                with trio.CancelScope(shield=True):
                    await self._book.take([entry])
                    await self._publish(entry)
        self._recovered = True

    def _last_draft(self, record: SigningRecord) -> Draft | None:
        position, note = record.position(self._lane), record.note(self._lane)
        if position is None or note is None:
            return None
        try:
            draft = decode_message(Draft, note, max_bytes=JOURNAL_ENTRY_BYTES_MAX)
        except MalformedMessage as error:
            raise JournalRefused(f"The signing record of this journal is damaged: {error}", Code.MINER_FAULT) from error
        return draft


def _plain(head: JournalHead, body: bytes) -> Entry:
    return Entry(head.author, head.seq, head.height, head.kind, body)
