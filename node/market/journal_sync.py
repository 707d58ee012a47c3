"""The words of `/neurond/journals/1`: what have you of this subnet, and give me those entries.

One question frame, one answer frame, both canonical and bounded. Pure: it neither asks nor answers by itself.
"""

from collections.abc import Iterable
from typing import Final, cast

from node.market.errors import MalformedMessage
from node.market.limits import (
    JOURNAL_HEADS_BYTES_MAX,
    JOURNAL_HEADS_MAX,
    JOURNAL_PAGE_ENTRIES_MAX,
    JOURNAL_QUESTION_BYTES_MAX,
    JOURNAL_RANGE_BYTES_MAX,
    JOURNAL_SEQUENCE_MAX,
)
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import digest
from node.primitives.errors import DecodeError
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, AccountId, Hash, Height, NetUid
from node.subnets.wire import Message, decode_message

JOURNALS_PROTOCOL: Final = "/neurond/journals/1"
JOURNAL_WRONG_POINTS: Final = 25.0  # what a malformed answer to a sync question costs, too


class GetHeads(Wire, frozen=True, tag=1):
    """Where do your journals stand? Answered by `Heads`, or by nothing when their digest is `known`."""

    genesis: Hash
    netuid: NetUid
    known: Hash


class GetEntries(Wire, frozen=True, tag=2):
    """The author's entries from `start` on, as many as fit. Answered by `Entries`."""

    genesis: Hash
    netuid: NetUid
    author: AccountId
    start: int


class GetFork(Wire, frozen=True, tag=3):
    """The proof that the author forked. Answered by the proof, or by nothing."""

    genesis: Hash
    netuid: NetUid
    author: AccountId


Question = GetHeads | GetEntries | GetFork


class HeadLine(Wire, frozen=True):
    """One author's journal: the first entry that counts, and number, height and hash of the newest one."""

    author: AccountId
    base: int
    seq: int
    height: Height
    hash: Hash


class ForkLine(Wire, frozen=True):
    """An author that forked at `void_from`."""

    author: AccountId
    void_from: int


class Heads(Message, frozen=True):
    """All journals and all forks of a subnet, each ordered by author."""

    heads: tuple[HeadLine, ...]
    forks: tuple[ForkLine, ...]

    def check(self) -> None:
        for lines in (self.heads, self.forks):
            authors = [line.author for line in lines]
            if len(authors) > JOURNAL_HEADS_MAX or any(len(author) != ACCOUNT_BYTES for author in authors):
                raise MalformedMessage("A list of journals has too many authors, or one that is no key.")
            if sorted(set(authors)) != authors:
                raise MalformedMessage("A list of journals is ordered by author, each once.")
        for head in self.heads:
            in_range = 0 <= head.base <= head.seq <= JOURNAL_SEQUENCE_MAX and head.height >= 0
            if not in_range or len(head.hash) != HASH_BYTES:
                raise MalformedMessage("A line about a journal is out of range.")
            if head.seq - head.base >= 2 * JOURNAL_PAGE_ENTRIES_MAX:
                raise MalformedMessage("No journal keeps more than two pages.")
        if any(not 0 <= fork.void_from <= JOURNAL_SEQUENCE_MAX for fork in self.forks):
            raise MalformedMessage("A line about a fork is out of range.")


class Entries(Message, frozen=True):
    """The canonical bytes of entries, oldest first."""

    entries: tuple[bytes, ...]


def heads_digest(heads: Heads) -> Hash:
    """What two nodes compare to see that they have the same journals."""
    return digest("journal-heads", encode(heads))


def make_heads(heads: Iterable[HeadLine], forks: Iterable[ForkLine]) -> Heads:
    """The lines in order, at most JOURNAL_HEADS_MAX of each."""
    return Heads(
        tuple(sorted(heads, key=lambda line: line.author)[:JOURNAL_HEADS_MAX]),
        tuple(sorted(forks, key=lambda line: line.author)[:JOURNAL_HEADS_MAX]),
    )


def decode_question(data: bytes) -> Question:
    """The question in a frame. Raises MalformedMessage."""
    try:
        question = decode_canonical(cast("type[Question]", Question), data, max_bytes=JOURNAL_QUESTION_BYTES_MAX)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    hashes = (question.genesis, question.known) if isinstance(question, GetHeads) else (question.genesis,)
    if any(len(each) != HASH_BYTES for each in hashes):
        raise MalformedMessage(f"A hash has {HASH_BYTES} bytes.")
    if not isinstance(question, GetHeads) and len(question.author) != ACCOUNT_BYTES:
        raise MalformedMessage(f"An author is a key of {ACCOUNT_BYTES} bytes.")
    if isinstance(question, GetEntries) and not 0 <= question.start <= JOURNAL_SEQUENCE_MAX:
        raise MalformedMessage("No journal has an entry of that number.")
    return question


def decode_heads(data: bytes) -> Heads:
    """The list in an answer. Raises MalformedMessage."""
    return decode_message(Heads, data, max_bytes=JOURNAL_HEADS_BYTES_MAX)


def decode_entries(data: bytes) -> Entries:
    """The entries' bytes in an answer. Raises MalformedMessage."""
    return decode_message(Entries, data, max_bytes=JOURNAL_RANGE_BYTES_MAX)
