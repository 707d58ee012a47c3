"""Publishing records: anybody may fetch what a validator keeps of its last epochs, in bounded pages.

The desk gives bytes; whoever asks checks them against the digest on chain, so a page needs no signature of its own. A
single line can be had with its proof. Protocol `/neurond/record/1/<netuid>`.
"""

import enum
from dataclasses import dataclass
from typing import Final

import trio

from node.ledger import merkle
from node.market.errors import MalformedMessage, RecordUnavailable
from node.market.limits import (
    RECORD_ANSWER_BYTES_MAX,
    RECORD_BOOK_BYTES_MAX,
    RECORD_FETCH_TIMEOUT_S,
    RECORD_LINE_BYTES_MAX,
    RECORD_LINES_MAX,
    RECORD_PAGE_BYTES_MAX,
    RECORD_QUESTION_BYTES_MAX,
    REQUEST_TIMEOUT_S,
)
from node.market.reach import open_stream
from node.market.record import SignedHead, decode_head, line_path, line_tree
from node.market.switchboard import of_subnet
from node.primitives.codec import encode
from node.primitives.errors import NodeError
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, ZERO_HASH, AccountId, Hash, NetUid
from node.subnets.base import Message, Neuron, decode_message
from p2p import Network, P2PError, Stream
from storage import RecordStore, StorageError

RECORD_PROTOCOL: Final = "/neurond/record/1"
_ANSWER_BYTES_MAX: Final = RECORD_PAGE_BYTES_MAX + RECORD_LINE_BYTES_MAX  # a page ends after the line that fills it
_NOBODY: Final = AccountId(bytes(ACCOUNT_BYTES))


class Section(enum.IntEnum):
    """What is asked for."""

    HEADS = 0  # of all closed epochs that are kept
    LINES = 1  # of an epoch, from number `start` on
    BOOK = 2  # the book that an epoch began with, from byte `start` on
    ANSWER = 3  # the body of `miner`'s answer to `question`, from byte `start` on
    PROOF = 4  # line `start` of an epoch and its proof


class RecordQuestion(Message, frozen=True):
    """One page of a validator's records. `question` and `miner` are zeros but for ANSWER."""

    genesis: Hash
    netuid: NetUid
    epoch: int
    section: int
    start: int
    question: Hash = ZERO_HASH
    miner: AccountId = _NOBODY

    def check(self) -> None:
        lengths = (len(self.genesis), len(self.question), len(self.miner))
        if lengths != (HASH_BYTES, HASH_BYTES, ACCOUNT_BYTES) or min(self.netuid, self.epoch, self.start) < 0:
            raise MalformedMessage("A hash, key or number of this question is out of range.")
        if self.section not in Section.__members__.values():
            raise MalformedMessage("A question for a part that records do not have.")


class RecordPage(Message, frozen=True):
    """Whole items, or one piece of bytes; `total` counts the items, or bytes, there are. Nothing known: total 0."""

    total: int
    items: tuple[bytes, ...]

    def check(self) -> None:
        if self.total < 0 or len(self.items) > max(self.total, 2):
            raise MalformedMessage("A page holds more than there is.")


class RecordDesk:
    """Where records are asked for: give `handle` to the switchboard."""

    def __init__(self, genesis: Hash, netuid: NetUid, store: RecordStore) -> None:
        self._here = (genesis, netuid)
        self._store = store
        self._book: tuple[int, bytes] = (-1, b"")  # the last one asked for: it is read in many pieces

    async def handle(self, stream: Stream) -> None:
        """Answer one question; anything else is no question of an honest node."""
        try:
            with trio.fail_after(REQUEST_TIMEOUT_S):
                raw = await stream.receive(RECORD_QUESTION_BYTES_MAX)
                question = decode_message(RecordQuestion, raw, max_bytes=RECORD_QUESTION_BYTES_MAX)
                if (question.genesis, question.netuid) != self._here:
                    return await stream.reset()
                page = await trio.to_thread.run_sync(self.page, question)
                await stream.send(encode(page))
                await stream.close_write()
        except (MalformedMessage, P2PError, StorageError, trio.TooSlowError):
            await stream.reset()

    def page(self, question: RecordQuestion) -> RecordPage:
        """The page that was asked for, read from the store. Raises StorageError."""
        match Section(question.section):
            case Section.HEADS:
                heads = tuple(self._store.heads())
                return RecordPage(len(heads), heads)
            case Section.LINES:
                return self._lines(question.epoch, question.start)
            case Section.PROOF:
                return self._proof(question.epoch, question.start)
            case Section.BOOK:
                if self._book[0] != question.epoch:
                    row = self._store.epoch(question.epoch)
                    self._book = (question.epoch, b"" if row is None or not row.head else row.before)
                return _piece(self._book[1], question.start)
            case Section.ANSWER:
                return _piece(self._store.answer(question.question, question.miner) or b"", question.start)

    def _closed(self, epoch: int) -> SignedHead | None:
        row = self._store.epoch(epoch)
        return None if row is None or not row.head else decode_head(row.head)

    def _lines(self, epoch: int, start: int) -> RecordPage:
        signed = self._closed(epoch)
        if signed is None:  # an open epoch is not shown: its secrets still draw
            return RecordPage(0, ())
        items: list[bytes] = []
        size = 0
        for line in self._store.lines(epoch, start, RECORD_PAGE_BYTES_MAX // 256):
            items.append(line)
            size += len(line) + 5
            if size >= RECORD_PAGE_BYTES_MAX:
                break
        return RecordPage(signed.head.lines, tuple(items))

    def _proof(self, epoch: int, number: int) -> RecordPage:
        lines = [] if self._closed(epoch) is None else self._store.lines(epoch)
        if number >= len(lines):
            return RecordPage(0, ())
        proof = merkle.prove(line_tree(lines), line_path(number))
        return RecordPage(len(lines), (lines[number], encode(proof)))


def _piece(data: bytes, start: int) -> RecordPage:
    piece = data[start : start + RECORD_PAGE_BYTES_MAX]
    return RecordPage(len(data), (piece,) if piece else ())


# --- fetching -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordCopy:
    """One epoch's record as it came, unchecked: its head, the heads beside it, the book before, and the lines."""

    signed: SignedHead
    heads: tuple[SignedHead, ...]
    before: bytes
    lines: tuple[bytes, ...]


class RecordReader:
    """Asks one validator for its records; with a `desk`, where this node is that validator, itself."""

    def __init__(
        self, network: Network, validator: Neuron, genesis: Hash, netuid: NetUid, *, desk: RecordDesk | None = None
    ) -> None:
        self._desk = desk
        self._network = network
        self._validator = validator
        self._genesis = genesis
        self._netuid = netuid

    async def heads(self) -> tuple[SignedHead, ...]:
        """The heads it keeps, oldest first. Raises MarketError."""
        page = await self._ask(RecordQuestion(self._genesis, self._netuid, 0, Section.HEADS, 0))
        return tuple(map(decode_head, page.items))

    async def copy(self, epoch: int) -> RecordCopy:
        """The whole record of an epoch. Raises RecordUnavailable, MalformedMessage and what `open_stream` raises."""
        heads = await self.heads()
        signed = next((each for each in heads if each.head.epoch == epoch), None)
        if signed is None:
            kept = ", ".join(str(each.head.epoch) for each in heads) or "none"
            raise RecordUnavailable(f"The validator keeps no record of epoch {epoch}; it keeps {kept}.")
        if signed.head.lines > RECORD_LINES_MAX:
            raise MalformedMessage(f"A record has at most {RECORD_LINES_MAX} lines.")
        before = await self._bytes(epoch, Section.BOOK, RECORD_BOOK_BYTES_MAX)
        return RecordCopy(signed, heads, before, await self.lines(signed))

    async def lines(self, signed: SignedHead) -> tuple[bytes, ...]:
        """The lines under a head. Raises as `copy`."""
        lines: list[bytes] = []
        while len(lines) < signed.head.lines:
            question = RecordQuestion(self._genesis, self._netuid, signed.head.epoch, Section.LINES, len(lines))
            page = await self._ask(question)
            if not page.items:
                raise RecordUnavailable("The validator no longer keeps that record.")
            lines += page.items
        return tuple(lines[: signed.head.lines])

    async def answer(self, question: Hash, miner: AccountId) -> bytes | None:
        """The kept body of an answer, None when it is gone. Raises as `copy`."""
        body = await self._bytes(0, Section.ANSWER, RECORD_ANSWER_BYTES_MAX, question, miner)
        return body or None

    async def _bytes(
        self,
        epoch: int,
        section: Section,
        bytes_max: int,
        question: Hash = ZERO_HASH,
        miner: AccountId = _NOBODY,
    ) -> bytes:
        data, total = b"", 1
        while len(data) < total:
            page = await self._ask(
                RecordQuestion(self._genesis, self._netuid, epoch, section, len(data), question, miner)
            )
            total = page.total
            if total > bytes_max or (total and not page.items):
                raise MalformedMessage("The validator's record does not fit into its bounds.")
            data += b"".join(page.items)
        return data

    async def _ask(self, question: RecordQuestion) -> RecordPage:
        if self._desk is not None:
            return await trio.to_thread.run_sync(self._desk.page, question)
        protocol = of_subnet(RECORD_PROTOCOL, self._netuid)
        try:
            stream = await open_stream(self._network, self._validator, protocol)
            try:
                with trio.fail_after(RECORD_FETCH_TIMEOUT_S):
                    await stream.send(encode(question))
                    raw = await stream.receive(_ANSWER_BYTES_MAX)
            finally:
                await stream.aclose()
        except (P2PError, trio.TooSlowError) as error:
            raise RecordUnavailable(
                f"The validator gives no record: {error or 'it did not answer in time'}."
            ) from error
        except NodeError as error:
            raise RecordUnavailable(f"The validator cannot be asked: {error.message}") from error
        return decode_message(RecordPage, raw, max_bytes=_ANSWER_BYTES_MAX)
