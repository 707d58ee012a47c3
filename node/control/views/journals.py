"""What the control API tells of journals and offers."""

from node.control.views.base import View


class JournalLine(View, frozen=True):
    """One author's journal: the entries that count are `first` to `newest`; `height` is the newest one's.

    `forked_at` is the first void entry of an author that signed two entries with one number, None for all others.
    """

    author: str
    first: int
    newest: int
    height: int
    forked_at: int | None = None


class JournalBoard(View, frozen=True):
    """The journals of a subnet as this node has them. `rows` is what the subnet's rules made of them.

    `problem` says why they are not applied, "" when they are.
    """

    netuid: int
    height: int
    rows: int
    problem: str
    journals: tuple[JournalLine, ...]


class JournalEntry(View, frozen=True):
    """One entry; `body` is hex of the first 4 KiB, `text` the same where that is readable text, "" elsewhere."""

    seq: int
    height: int
    kind: str
    size_bytes: int
    body: str
    text: str


class JournalPage(View, frozen=True):
    """The newest entries of one author that count, newest first; `entries_kept` counts all of them."""

    netuid: int
    author: str
    entries_kept: int
    entries: tuple[JournalEntry, ...]


class ForkView(View, frozen=True):
    """Proof that an author forked: two signed heads, which anyone can check. `proof` is hex, as it travels."""

    author: str
    void_from: int
    first_seq: int
    first_hash: str
    second_seq: int
    second_hash: str
    proof: str


class PriceView(View, frozen=True):
    """`rao` for a million of `unit`; "MODEL/unit" is the price for one model alone."""

    unit: str
    rao: int


class OfferView(View, frozen=True):
    """What a miner takes, until the block `valid_until`; a unit without a price costs nothing."""

    hotkey: str
    uid: int
    prices: tuple[PriceView, ...]
    concurrency: int
    valid_until: int


class OfferBoard(View, frozen=True):
    """The offers in force in a subnet, by seat. `units` are what can be priced there.

    `own_*` are this node's terms, which it offers while it mines; `problem` says why others do not know them yet.
    """

    netuid: int
    height: int
    units: tuple[str, ...]
    offers: tuple[OfferView, ...]
    own_prices: tuple[PriceView, ...]
    own_concurrency: int
    problem: str
