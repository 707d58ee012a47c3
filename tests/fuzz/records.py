"""Sound encodings of records, score books and questions for them, for the fuzzers to bend."""

from node.market.book import ScoreBook
from node.market.record import KeptAnswer, RecordHead, SeedNote, SeedNotes, judged_of, sign_head
from node.market.record_desk import RecordPage, RecordQuestion
from node.market.record_lines import (
    Booked,
    Decayed,
    Line,
    Lot,
    Opened,
    Seated,
    SeatRow,
    Started,
    Stated,
    Untold,
    Weighed,
    bits,
)
from node.market.standings import BookRows, decode_book, encode_book
from node.primitives.codec import decode_canonical, encode
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import AccountId, Height, NetUid, Uid
from node.subnets.base import Usage

VALIDATOR = Ed25519Signer(digest("fuzz", b"validator"))
MINER = Ed25519Signer(digest("fuzz", b"miner")).public
HASH, OTHER = digest("fuzz", b"one"), digest("fuzz", b"two")
BOOKED = Booked(
    HASH, 1, MINER, Height(9), bits(0.75), 0, bits(1.0), (("speed", bits(3.5)),), Usage(1, 2, 3), 5, 9, OTHER,
    VALIDATOR.sign(HASH),
)  # fmt: skip
SILENT = Booked(HASH, 1, MINER, Height(9), b"", 3, bits(1.0), (), Usage(), 0, 0, b"", b"")
LINES: tuple[Line, ...] = (
    Started(Height(5), "nineteen", 1, bits(0.2), 16, 5, ("small",)),
    Seated(
        Height(5),
        (SeatRow(Uid(0), MINER, AccountId(HASH), "12D3", ("/ip4/1.2.3.4/tcp/1",), 7, True, Height(3)),),
        (Uid(4),),
    ),
    Stated(((b"key", b"value"),), (b"gone",)),
    Untold(3, 2_000_000),
    Opened(7, Height(9), HASH, OTHER, HASH, Height(9), "12D3", (MINER,), OTHER, VALIDATOR.sign(OTHER)),
    BOOKED,
    SILENT,
    Decayed(Height(9), (MINER,)),
    Lot(HASH, MINER, OTHER, 7, HASH, True),
    Weighed(Height(9), HASH, (Uid(0),), (65_535,), 1, OTHER),
    Weighed(Height(9), HASH, (), (), 1, b""),
)
HEAD = RecordHead(
    1, HASH, NetUid(1), VALIDATOR.public, 120, Height(5), Height(9), 11, HASH, OTHER, HASH, OTHER, (SeedNote(3, HASH),)
)
NOTES = SeedNotes(1, (SeedNote(3, HASH), SeedNote(4099, OTHER)))


def _book() -> bytes:
    book = ScoreBook(0.2)
    for line in (BOOKED, SILENT, BOOKED):
        judged = judged_of(line)
        book.record(line.miner, judged.verdict, line.height, judged)
    return encode_book(book)


def book_rows(data: bytes) -> BookRows:
    """A score book taken apart and put together again."""
    return decode_canonical(BookRows, encode_book(decode_book(data)), max_bytes=1 << 25)


LINE_BYTES = tuple(map(encode, LINES))
HEAD_BYTES = (encode(sign_head(HEAD, VALIDATOR)),)
BOOK_BYTES = (_book(),)
KEPT_BYTES = (encode(KeptAnswer(b"task", (b"part", b"more"))),)
NOTES_BYTES = (encode(NOTES),)
QUESTION_BYTES = (encode(RecordQuestion(HASH, NetUid(1), 120, 1, 40)),)
PAGE_BYTES = (encode(RecordPage(2, (b"line", b"more"))),)
