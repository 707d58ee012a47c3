"""Helpers for tests of journals: keys, chains of entries, and a simple reducer."""

from collections.abc import Sequence

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
from node.primitives.crypto import Ed25519Signer, Signer, digest
from node.primitives.types import Hash, Height, NetUid
from node.subnets.base import Code, Entry, Refusal, State

GENESIS = digest("test", b"genesis")
NETUID = NetUid(1)


def key(name: str) -> Ed25519Signer:
    return Ed25519Signer(digest("test", name.encode()))


class Author:
    """Writes a chain; `place` says where the next entry stands."""

    def __init__(self, name: str = "author", *, genesis: Hash = GENESIS, netuid: NetUid = NETUID) -> None:
        self.signer: Signer = key(name)
        self.genesis, self.netuid = genesis, netuid
        self.tip: Tip | None = None
        self.entries: list[SignedEntry] = []

    @property
    def id(self) -> "Hash":
        return self.signer.public

    def make(
        self,
        body: bytes = b"",
        *,
        kind: str = "note",
        height: int = 10,
        place: tuple[int, int, int, Hash] | None = None,
        netuid: NetUid | None = None,
    ) -> SignedEntry:
        """An entry at the next place, not taken into the chain."""
        seq, page, base, prev = place or next_place(self.tip, len(body))
        head = JournalHead(
            1, self.genesis, self.netuid if netuid is None else netuid, self.signer.public, seq, page, base, prev,
            Height(height), kind, journal_body_digest(body),
        )  # fmt: skip
        return sign_entry(head, body, self.signer)

    def write(self, body: bytes = b"", *, kind: str = "note", height: int = 10) -> SignedEntry:
        """The next entry of the chain."""
        entry = self.make(body, kind=kind, height=height)
        self.tip = begin(entry) if self.tip is None else extend(self.tip, entry)
        self.entries.append(entry)
        return entry

    def write_many(self, count: int, size: int = 1) -> Sequence[SignedEntry]:
        return [self.write(bytes([n % 256]) * size) for n in range(count)]


def counting(entry: Entry, state: State) -> Refusal | None:
    """A reducer: counts an author's entries by kind; refuses the kind "bad", fails at "crash"."""
    if entry.kind == "bad":
        return Refusal(Code.WRONG, "bad is bad")
    name = entry.author + entry.kind.encode()
    count = int.from_bytes(state.get(name, b""), "big") + 1
    state[name] = count.to_bytes(4, "big")
    if entry.kind == "crash":
        raise ZeroDivisionError("a defect of the subnet")
    if entry.kind == "steal":
        state[b"x" * 32] = b"mine"
    return None
