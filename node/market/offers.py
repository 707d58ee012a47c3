"""Offers: what a miner takes for its work, said in its journal, and the book that keeps everybody's latest.

Pure: no clock, no network. An offer binds nobody for longer than it says; money moves elsewhere.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Final

from node.market.errors import MalformedMessage
from node.primitives.codec import Wire, encode
from node.primitives.limits import REQUEST_AGE_BLOCKS_MAX
from node.primitives.types import MAX_SUPPLY_RAO, AccountId, Height
from node.subnets.picture import Entry, Refusal
from node.subnets.wire import Code, Message, Usage, decode_message

OFFER_KIND: Final = "offer"
"""The journal kind of offers. The node itself reads these entries; no subnet's `apply` ever sees one."""

OFFER_VERSION: Final = 1
PROMPT_UNIT: Final = "prompt_tokens"
COMPLETION_UNIT: Final = "completion_tokens"

PRICED_UNITS: Final = 1_000_000  # a price is for so many units: one token costs far less than one rao can say
OFFER_BYTES_MAX: Final = 4 * 1024  # 32 prices with the longest names need under 4 KiB
OFFER_PRICES_MAX: Final = 32  # tokens in and out of a dozen models
UNIT_CHARS_MAX: Final = 96  # a model's catalogue name, a slash and a word
CONCURRENCY_MAX: Final = 65_535  # a farm behind one hotkey; more is a mistake
OFFER_BLOCKS_MAX: Final = 50_400  # a week of 12 s blocks: prices nobody has confirmed for longer say nothing
OFFER_FREE: Final = 0

_UNIT: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?")


class Price(Wire, frozen=True):
    """`rao` for PRICED_UNITS of one unit.

    `unit` is PROMPT_UNIT, COMPLETION_UNIT or the subnet's `Spec.unit`; "MODEL/unit" is the price for one model alone.
    """

    unit: str
    rao: int


class Offer(Message, frozen=True):
    """A miner's prices, until the block `valid_until` included; `concurrency` is how many calls it takes at once.

    Prices are ordered by unit, each unit once. A unit without a price costs nothing.
    """

    version: int
    prices: tuple[Price, ...]
    valid_until: Height
    concurrency: int

    def check(self) -> None:
        if self.version != OFFER_VERSION:
            raise MalformedMessage(f"An offer of form {self.version}; this version of neurond reads {OFFER_VERSION}.")
        if len(self.prices) > OFFER_PRICES_MAX:
            raise MalformedMessage(f"An offer has at most {OFFER_PRICES_MAX} prices, not {len(self.prices)}.")
        for price in self.prices:
            if len(price.unit) > UNIT_CHARS_MAX or _UNIT.fullmatch(price.unit) is None:
                raise MalformedMessage(
                    f"A priced unit is a word of a-z, 0-9, '.', '_' and '-', at most {UNIT_CHARS_MAX} characters long, "
                    "or MODEL/word."
                )
            if not 0 <= price.rao <= MAX_SUPPLY_RAO:
                raise MalformedMessage(f"The price for {price.unit} is outside 0 to {MAX_SUPPLY_RAO} rao.")
        units = [price.unit for price in self.prices]
        if any(a >= b for a, b in itertools.pairwise(units)):
            raise MalformedMessage("The prices of an offer are ordered by unit, each unit once.")
        if self.valid_until < 0:
            raise MalformedMessage("An offer's last block is negative.")
        if not 1 <= self.concurrency <= CONCURRENCY_MAX:
            raise MalformedMessage(f"An offer is for 1 to {CONCURRENCY_MAX} calls at once.")

    def price_of(self, unit: str, model: str = "") -> int:
        """Rao for PRICED_UNITS of a unit; the price for this model alone goes before the general one."""
        prices = {price.unit: price.rao for price in self.prices}
        general = prices.get(unit, OFFER_FREE)
        return prices.get(f"{model}/{unit}", general) if model else general

    def cost_rao(self, usage: Usage, *, unit: str = "", model: str = "") -> int:
        """What a usage costs, rounded up to whole rao once; `unit` names what `usage.units` counts."""
        parts = [
            usage.prompt_tokens * self.price_of(PROMPT_UNIT, model),
            usage.completion_tokens * self.price_of(COMPLETION_UNIT, model),
        ]
        if unit:
            parts.append(usage.units * self.price_of(unit, model))
        return -(-sum(parts) // PRICED_UNITS)


def make_offer(prices: dict[str, int], *, valid_until: Height, concurrency: int) -> Offer:
    """An offer of these prices (rao for PRICED_UNITS, by unit), checked. Raises MalformedMessage."""
    ordered = tuple(Price(unit, rao) for unit, rao in sorted(prices.items()))
    offer = Offer(OFFER_VERSION, ordered, valid_until, concurrency)
    offer.check()
    if len(encode(offer)) > OFFER_BYTES_MAX:
        raise MalformedMessage(f"An offer has at most {OFFER_BYTES_MAX} bytes.")
    return offer


def decode_offer(body: bytes) -> Offer:
    """The checked offer in a journal entry's body. Raises MalformedMessage."""
    return decode_message(Offer, body, max_bytes=OFFER_BYTES_MAX)


class OfferBook:
    """The latest offer of every author of one subnet. `height` tells the chain's height now."""

    def __init__(self, height: Callable[[], Height]) -> None:
        self._height = height
        self._latest: dict[AccountId, tuple[int, Offer]] = {}
        self._before: dict[AccountId, tuple[Height, Offer]] = {}

    def take(self, entry: Entry) -> Refusal | None:
        """Take an author's entry of OFFER_KIND; an older one than what is known changes nothing."""
        try:
            offer = decode_offer(entry.body)
        except MalformedMessage as error:
            return Refusal(Code.MALFORMED, error.message)
        if offer.valid_until > entry.height + OFFER_BLOCKS_MAX:
            return Refusal(Code.OVERCLAIM, f"An offer holds for at most {OFFER_BLOCKS_MAX} blocks.")
        known = self._latest.get(entry.author)
        if known is None or known[0] < entry.sequence:
            if known is not None:
                self._before[entry.author] = (entry.height, known[1])
            self._latest[entry.author] = (entry.sequence, offer)
        return None

    def drop(self, author: AccountId) -> None:
        """Forget what an author offered."""
        self._latest.pop(author, None)
        self._before.pop(author, None)

    def offer_of(self, hotkey: AccountId) -> Offer | None:
        """What a hotkey offers now; None when it never said, or when that has expired."""
        known = self._latest.get(hotkey)
        return known[1] if known is not None and known[1].valid_until >= self._height() else None

    def replaced_of(self, hotkey: AccountId) -> Offer | None:
        """What a hotkey offered until a moment ago: requests that are under way may go by it. None without one."""
        at, before = self._before.get(hotkey, (Height(0), None))
        if before is None or before.valid_until < at or self._height() > at + REQUEST_AGE_BLOCKS_MAX:
            return None
        return before

    def __iter__(self) -> Iterator[tuple[AccountId, Offer]]:
        """Everybody's offers in force, ordered by hotkey."""
        now = self._height()
        return iter(
            [(author, offer) for author, (_, offer) in sorted(self._latest.items()) if offer.valid_until >= now]
        )
