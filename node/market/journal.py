"""Journals: per subnet and hotkey one append-only, hash-chained, signed log, and what proves that its author forked it.

Pure rules: form, bounds, signatures, links, pages, forks. No input or output, no clock, no chain. A journal is kept in
pages: the present one and the one before count, older ones are forgotten by everybody at the same entry.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from node.market.errors import MalformedMessage
from node.market.limits import (
    JOURNAL_BODY_BYTES_MAX,
    JOURNAL_ENTRY_BYTES_MAX,
    JOURNAL_KIND_CHARS_MAX,
    JOURNAL_PAGE_BYTES_MAX,
    JOURNAL_PAGE_ENTRIES_MAX,
    JOURNAL_SEQUENCE_MAX,
)
from node.primitives.codec import encode
from node.primitives.crypto import Signer, Verifier, digest
from node.primitives.types import (
    ACCOUNT_BYTES,
    HASH_BYTES,
    SIGNATURE_BYTES,
    ZERO_HASH,
    AccountId,
    Hash,
    Height,
    NetUid,
)
from node.subnets.picture import Entry
from node.subnets.wire import Code, Message, decode_message

JOURNAL_VERSION: Final = 1
FORK_BYTES_MAX: Final = 1024  # two heads with signatures: about 560 bytes

_KIND: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_NUMBER_MAX: Final = 2**63 - 1


class JournalHead(Message, frozen=True):
    """What an author signs. Entry `seq` (from 0) links to the one before it by `prev`, zeros at 0.

    `page` is the first entry of this entry's page, `base` the first that still counts: the page before, or `page`.
    """

    version: int
    genesis: Hash
    netuid: NetUid
    author: AccountId
    seq: int
    page: int
    base: int
    prev: Hash
    height: Height
    kind: str
    body_digest: Hash

    def check(self) -> None:
        if self.version != JOURNAL_VERSION:
            raise MalformedMessage(f"A journal entry of form {self.version}, where {JOURNAL_VERSION} is known.")
        for value, expected in (
            (self.genesis, HASH_BYTES), (self.author, ACCOUNT_BYTES), (self.prev, HASH_BYTES),
            (self.body_digest, HASH_BYTES),
        ):  # fmt: skip
            if len(value) != expected:
                raise MalformedMessage(f"A field of {expected} bytes has another length.")
        if min(self.netuid, self.base, self.height) < 0 or self.height > _NUMBER_MAX:
            raise MalformedMessage("A number is out of range.")
        if not self.base <= self.page <= self.seq <= JOURNAL_SEQUENCE_MAX:
            raise MalformedMessage("An entry comes after the begin of its page, and that after what counts.")
        if max(self.seq - self.page + 1, self.page - self.base) > JOURNAL_PAGE_ENTRIES_MAX:
            raise MalformedMessage(f"A page has at most {JOURNAL_PAGE_ENTRIES_MAX} entries.")
        if (self.seq == 0) != (self.prev == ZERO_HASH):
            raise MalformedMessage("The first entry of a journal, and no other, links to nothing.")
        check_kind(self.kind)


class SignedEntry(Message, frozen=True):
    """A whole entry; `body` is the subnet's own."""

    head: JournalHead
    body: bytes
    signature: bytes

    def check(self) -> None:
        self.head.check()
        if len(self.body) > JOURNAL_BODY_BYTES_MAX:
            raise MalformedMessage(f"A body has at most {JOURNAL_BODY_BYTES_MAX} bytes; larger things are blobs.")
        if len(self.signature) != SIGNATURE_BYTES:
            raise MalformedMessage(f"A signature has {SIGNATURE_BYTES} bytes.")
        if self.head.body_digest != journal_body_digest(self.body):
            raise MalformedMessage("The body is not the one that was signed.")

    @property
    def hash(self) -> Hash:
        """Identity of the entry."""
        return entry_hash(self.head)

    def plain(self) -> Entry:
        """The entry as subnets see it."""
        head = self.head
        return Entry(head.author, head.seq, head.height, head.kind, self.body)


def check_kind(kind: str) -> None:
    """Refuse a kind that is not one word of a-z, 0-9, '.', '_' and '-'. Raises MalformedMessage."""
    if len(kind) > JOURNAL_KIND_CHARS_MAX or _KIND.fullmatch(kind) is None:
        raise MalformedMessage(
            f"A kind is a word of a-z, 0-9, '.', '_' and '-', at most {JOURNAL_KIND_CHARS_MAX} long."
        )


def journal_body_digest(body: bytes) -> Hash:
    """What a signed head says of its body."""
    return digest("journal-body", body)


def entry_hash(head: JournalHead) -> Hash:
    """Identity of an entry: what its author signs, and what the next one links to."""
    return digest("journal", encode(head))


def sign_entry(head: JournalHead, body: bytes, signer: Signer) -> SignedEntry:
    """The signed entry; `head.author` is the signer. Signing the same head twice gives the same bytes."""
    return SignedEntry(head, body, signer.sign(entry_hash(head)))


def decode_entry(data: bytes) -> SignedEntry:
    """The entry in `data`, checked but for its signature. Raises MalformedMessage."""
    return decode_message(SignedEntry, data, max_bytes=JOURNAL_ENTRY_BYTES_MAX)


def signature_holds(entry: SignedEntry, verify: Verifier) -> bool:
    """Tell whether the author signed this entry."""
    return verify(entry.head.author, entry_hash(entry.head), entry.signature)


# --- the chain of one author ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a journal stands: its newest entry, and the bytes of bodies in that entry's page."""

    seq: int
    page: int
    base: int
    hash: Hash
    height: Height
    page_bytes: int

    @classmethod
    def at(cls, entry: SignedEntry, page_bytes: int) -> Self:
        """The tip after `entry`, whose page then has so many bytes."""
        head = entry.head
        return cls(head.seq, head.page, head.base, entry_hash(head), head.height, page_bytes)


class BrokenChain(Exception):
    """An entry that everybody refuses at its place; `code` says why. Stays inside the journal's own modules."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def begin(entry: SignedEntry) -> Tip:
    """The tip of a journal that is taken up at this entry, the first of a page. Raises BrokenChain."""
    if entry.head.page != entry.head.seq:
        raise BrokenChain(Code.STALE, "a journal is taken up at the begin of a page")
    return Tip.at(entry, len(entry.body))


def extend(tip: Tip, entry: SignedEntry) -> Tip:
    """The tip after the next entry. Raises BrokenChain; FORGED means that the two entries prove a fork."""
    head = entry.head
    if head.seq != tip.seq + 1:
        raise BrokenChain(Code.STALE, f"entry {head.seq} does not follow {tip.seq}")
    if head.prev != tip.hash:
        raise BrokenChain(Code.FORGED, f"entry {head.seq} links to another entry {tip.seq}")
    if head.height < tip.height:
        raise BrokenChain(Code.STALE, f"entry {head.seq} is older than the one before it")
    if head.page == head.seq:
        if head.base not in (tip.page, head.seq):
            raise BrokenChain(Code.MALFORMED, f"entry {head.seq} begins a page after the wrong one")
        return Tip.at(entry, len(entry.body))
    page_bytes = tip.page_bytes + len(entry.body)
    if (head.page, head.base) != (tip.page, tip.base):
        raise BrokenChain(Code.MALFORMED, f"entry {head.seq} is of another page than the one before it")
    if page_bytes > JOURNAL_PAGE_BYTES_MAX:
        raise BrokenChain(Code.TOO_LARGE, f"entry {head.seq} fills its page beyond {JOURNAL_PAGE_BYTES_MAX} bytes")
    return Tip.at(entry, page_bytes)


def next_place(tip: Tip | None, body_bytes: int) -> tuple[int, int, int, Hash]:
    """Seq, page, base and prev of the entry that follows; a full page ends the page before it."""
    if tip is None:
        return 0, 0, 0, ZERO_HASH
    seq = tip.seq + 1
    if seq - tip.page >= JOURNAL_PAGE_ENTRIES_MAX or tip.page_bytes + body_bytes > JOURNAL_PAGE_BYTES_MAX:
        return seq, seq, tip.page, tip.hash
    return seq, tip.page, tip.base, tip.hash


# --- forks ----------------------------------------------------------------------------------------------------------


class SignedHead(Message, frozen=True):
    """An entry without its body: what a proof needs."""

    head: JournalHead
    signature: bytes

    def check(self) -> None:
        self.head.check()
        if len(self.signature) != SIGNATURE_BYTES:
            raise MalformedMessage(f"A signature has {SIGNATURE_BYTES} bytes.")


class ForkProof(Message, frozen=True):
    """Two signatures of one author that contradict each other; anyone can check them, whoever sent them.

    Either two entries with one `seq`, the smaller hash first, or an entry and a next one that does not link to it.
    """

    first: SignedHead
    second: SignedHead

    def check(self) -> None:
        self.first.check()
        self.second.check()
        a, b = self.first.head, self.second.head
        if (a.genesis, a.netuid, a.author) != (b.genesis, b.netuid, b.author):
            raise MalformedMessage("The two entries are of different journals.")
        same_place = a.seq == b.seq and entry_hash(a) < entry_hash(b)
        no_link = b.seq == a.seq + 1 and b.prev != entry_hash(a)
        if not (same_place or no_link):
            raise MalformedMessage("The two entries do not contradict each other.")

    @property
    def author(self) -> AccountId:
        return self.first.head.author

    @property
    def void_from(self) -> int:
        """The first entry that is void."""
        return self.first.head.seq


def prove_fork(one: SignedEntry, other: SignedEntry) -> ForkProof | None:
    """The proof that two entries of one author make, in whatever order; None when they agree."""
    heads = sorted(
        (SignedHead(one.head, one.signature), SignedHead(other.head, other.signature)),
        key=lambda signed: (signed.head.seq, entry_hash(signed.head)),
    )
    proof = ForkProof(heads[0], heads[1])
    try:
        proof.check()
    except MalformedMessage:
        return None
    return proof


def decode_fork(data: bytes) -> ForkProof:
    """The proof in `data`, checked but for its signatures. Raises MalformedMessage."""
    return decode_message(ForkProof, data, max_bytes=FORK_BYTES_MAX)


def fork_holds(proof: ForkProof, verify: Verifier) -> bool:
    """Tell whether the author signed both entries of a proof."""
    return all(
        verify(proof.author, entry_hash(signed.head), signed.signature) for signed in (proof.first, proof.second)
    )
