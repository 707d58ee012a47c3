"""What a subnet's `apply` makes of journals: rows by author, so that the order between authors cannot matter.

Pure. An entry whose `apply` refuses, raises or goes beyond a bound changes nothing and harms nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Final

from node.market.errors import MalformedMessage
from node.market.limits import JOURNAL_KEY_BYTES_MAX, JOURNAL_ROWS_BYTES_MAX, JOURNAL_ROWS_MAX
from node.market.offers import OFFER_KIND
from node.primitives.types import ACCOUNT_BYTES, AccountId
from node.subnets.picture import Entry, Refusal, State
from node.subnets.wire import Code

Apply = Callable[[Entry, State], Refusal | None]
Rows = Mapping[bytes, bytes]

OWN_KINDS: Final = frozenset({OFFER_KIND})
"""Kinds that the node itself reads; no subnet sees them."""
NO_ROWS: Final[Rows] = {}


def refuse_all(entry: Entry, state: State) -> Refusal | None:
    """The reducer of a subnet without rules of its own here."""
    return Refusal(Code.REFUSED, "This subnet keeps no journal.")


class AuthorRows(MutableMapping[bytes, bytes]):
    """One author's rows while an entry is applied: a key of somebody else, or too much, raises MalformedMessage."""

    def __init__(self, author: AccountId, rows: Rows) -> None:
        self._author = author
        self._rows = dict(rows)
        self._bytes = sum(len(key) + len(value) for key, value in rows.items())

    def __getitem__(self, key: bytes) -> bytes:
        return self._rows[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        if not (isinstance(key, bytes) and isinstance(value, bytes)):
            raise MalformedMessage("A row is bytes by bytes.")
        if not key.startswith(self._author) or len(key) > JOURNAL_KEY_BYTES_MAX:
            raise MalformedMessage(f"A row's key is the author and a name, at most {JOURNAL_KEY_BYTES_MAX} bytes.")
        old = self._rows.get(key)
        grown = self._bytes + len(value) - (-len(key) if old is None else len(old))
        if grown > JOURNAL_ROWS_BYTES_MAX or (old is None and len(self._rows) >= JOURNAL_ROWS_MAX):
            raise MalformedMessage(
                f"The rows of one author are at most {JOURNAL_ROWS_MAX} with {JOURNAL_ROWS_BYTES_MAX} bytes."
            )
        self._rows[key] = value
        self._bytes = grown

    def __delitem__(self, key: bytes) -> None:
        self._bytes -= len(key) + len(self._rows.pop(key))

    def __iter__(self) -> Iterator[bytes]:
        return iter(sorted(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    def freeze(self) -> Rows:
        """The rows as they are now, in order of their keys."""
        return dict(sorted(self._rows.items()))


def apply_entry(apply: Apply, entry: Entry, rows: Rows) -> tuple[Rows, Refusal | None]:
    """The author's rows after an entry, or the same ones and why it has no effect. Never raises."""
    state = AuthorRows(entry.author, rows)
    try:
        refusal = apply(entry, state)
    except MalformedMessage as error:
        return rows, Refusal(Code.MALFORMED, error.message)
    except Exception as error:  # a subnet's program may fail in any way
        return rows, Refusal(Code.VALIDATOR_FAULT, f"apply failed: {error!r}"[:200])
    if refusal is not None:
        return rows, refusal if isinstance(refusal, Refusal) else Refusal(Code.VALIDATOR_FAULT, "apply gave no refusal")
    return state.freeze(), None


def reduce_entries(apply: Apply, entries: Iterable[Entry], rows: Rows = NO_ROWS) -> tuple[Rows, list[Refusal]]:
    """The rows after one author's entries, oldest first, and why some had no effect. Never raises."""
    refusals: list[Refusal] = []
    for entry in entries:
        if entry.kind in OWN_KINDS:
            continue
        rows, refusal = apply_entry(apply, entry, rows)
        if refusal is not None:
            refusals.append(refusal)
    return rows, refusals


class JournalState(Mapping[bytes, bytes]):
    """All authors' rows at one moment, read only: a key's first 32 bytes are its author. Ordered by key."""

    def __init__(self, authors: Mapping[AccountId, Rows]) -> None:
        self._authors = {author: authors[author] for author in sorted(authors) if authors[author]}

    def __getitem__(self, key: bytes) -> bytes:
        return self._authors[AccountId(key[:ACCOUNT_BYTES])][key]

    def __iter__(self) -> Iterator[bytes]:
        for rows in self._authors.values():
            yield from rows

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._authors.values())

    def of(self, author: AccountId) -> Rows:
        """The rows of one author."""
        return self._authors.get(author, NO_ROWS)


def rows_of(state: Mapping[bytes, bytes], author: AccountId) -> Rows:
    """The rows of one author in any state; quick in one that the node made."""
    if isinstance(state, JournalState):
        return state.of(author)
    return {key: state[key] for key in sorted(state) if key.startswith(author)}
