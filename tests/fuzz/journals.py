"""Sound encodings of journals and offers, for the fuzzers to bend."""

from node.market.journal import JournalHead, SignedEntry, journal_body_digest, prove_fork, sign_entry
from node.market.journal_gate import entry_news, fork_news
from node.market.journal_sync import Entries, ForkLine, GetEntries, GetFork, GetHeads, HeadLine, Heads
from node.market.offers import make_offer
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import ZERO_HASH, Height, NetUid

AUTHOR = Ed25519Signer(digest("fuzz", b"author"))
GENESIS = digest("fuzz", b"genesis")
NETUID = NetUid(1)


def _entry(body: bytes) -> SignedEntry:
    head = JournalHead(
        1, GENESIS, NETUID, AUTHOR.public, 0, 0, 0, ZERO_HASH, Height(9), "note", journal_body_digest(body)
    )  # fmt: skip
    return sign_entry(head, body, AUTHOR)


ONE, OTHER = _entry(b"one"), _entry(b"other")
FORK = prove_fork(ONE, OTHER)
if FORK is None:
    raise AssertionError("two entries with one number prove a fork")

ENTRY_BYTES = (encode(ONE),)
FORK_BYTES = (encode(FORK),)
NEWS_BYTES = (entry_news(ONE), fork_news(FORK))
QUESTION_BYTES = tuple(
    encode(question)
    for question in (
        GetHeads(GENESIS, NETUID, GENESIS), GetEntries(GENESIS, NETUID, AUTHOR.public, 0),
        GetFork(GENESIS, NETUID, AUTHOR.public),
    )
)  # fmt: skip
HEADS_BYTES = (
    encode(Heads((HeadLine(AUTHOR.public, 0, 3, Height(9), ONE.hash),), (ForkLine(AUTHOR.public, 4),))),
)  # fmt: skip
RANGE_BYTES = (encode(Entries((encode(ONE), encode(OTHER)))),)
OFFER_BYTES = (encode(make_offer({"prompt_tokens": 5, "m/prompt_tokens": 7}, valid_until=Height(9), concurrency=2)),)
