"""Offers: their form, what a usage costs, and whose offer is in force."""

import pytest

from node.market.errors import MalformedMessage
from node.market.offers import (
    CONCURRENCY_MAX,
    OFFER_BLOCKS_MAX,
    OFFER_KIND,
    OFFER_PRICES_MAX,
    UNIT_CHARS_MAX,
    Offer,
    OfferBook,
    Price,
    decode_offer,
    make_offer,
)
from node.primitives.codec import encode
from node.primitives.types import MAX_SUPPLY_RAO, AccountId, Height
from node.subnets.base import Code, Entry, Usage

MINER = AccountId(b"m" * 32)
OTHER = AccountId(b"o" * 32)


def offer(**prices: int) -> Offer:
    return make_offer(prices, valid_until=Height(100), concurrency=4)


def entry(body: bytes, sequence: int = 0, author: AccountId = MINER, height: int = 10) -> Entry:
    return Entry(author, sequence, Height(height), OFFER_KIND, body)


def test_an_offer_survives_the_wire() -> None:
    made = offer(prompt_tokens=5, completion_tokens=20)
    assert decode_offer(encode(made)) == made


def test_a_usage_is_priced_over_all_units_and_rounded_up_once() -> None:
    made = offer(prompt_tokens=400_000, completion_tokens=500_000, images=1)
    usage = Usage(prompt_tokens=1, completion_tokens=1, units=100_001)
    assert made.cost_rao(usage) == 1  # 0.9 rao
    assert made.cost_rao(usage, unit="images") == 2  # 1.000001 rao: each part rounded up would be 3


def test_a_models_own_price_goes_before_the_general_one() -> None:
    made = make_offer({"completion_tokens": 7, "big/completion_tokens": 70}, valid_until=Height(1), concurrency=1)
    assert made.price_of("completion_tokens", "big") == 70
    assert made.price_of("completion_tokens", "small") == 7
    assert made.price_of("prompt_tokens", "big") == 0


@pytest.mark.parametrize(
    "bad",
    [
        Offer(2, (), Height(1), 1),
        Offer(1, (), Height(-1), 1),
        Offer(1, (), Height(1), 0),
        Offer(1, (), Height(1), CONCURRENCY_MAX + 1),
        Offer(1, (Price("a", -1),), Height(1), 1),
        Offer(1, (Price("a", MAX_SUPPLY_RAO + 1),), Height(1), 1),
        Offer(1, (Price("", 1),), Height(1), 1),
        Offer(1, (Price("a/b/c", 1),), Height(1), 1),
        Offer(1, (Price("ü", 1),), Height(1), 1),
        Offer(1, (Price("a\n", 1),), Height(1), 1),
        Offer(1, (Price("a" * (UNIT_CHARS_MAX + 1), 1),), Height(1), 1),
        Offer(1, (Price("b", 1), Price("a", 1)), Height(1), 1),
        Offer(1, (Price("a", 1), Price("a", 2)), Height(1), 1),
        Offer(1, tuple(Price(f"u{n:03}", 1) for n in range(OFFER_PRICES_MAX + 1)), Height(1), 1),
    ],
)
def test_a_broken_offer_is_refused(bad: Offer) -> None:
    with pytest.raises(MalformedMessage):
        decode_offer(encode(bad))


def test_bytes_that_are_no_offer_are_refused_and_never_crash() -> None:
    book = OfferBook(lambda: Height(10))
    for body in (b"", b"\xff" * 40, b"\x94", encode((1, (("a", 1.5),), 1, 1)), bytes(100_000)):
        refusal = book.take(entry(body))
        assert refusal is not None
        assert refusal.code is Code.MALFORMED
    assert book.offer_of(MINER) is None


def test_the_latest_offer_counts_whatever_the_order_of_arrival() -> None:
    old, new = encode(offer(a=1)), encode(offer(a=2))
    for order in ([(0, old), (1, new)], [(1, new), (0, old)]):
        book = OfferBook(lambda: Height(10))
        for sequence, body in order:
            assert book.take(entry(body, sequence)) is None
        assert book.offer_of(MINER) == offer(a=2)


def test_an_offer_ends_after_its_last_block() -> None:
    now = [100]
    book = OfferBook(lambda: Height(now[0]))
    book.take(entry(encode(offer(a=1))))
    assert book.offer_of(MINER) is not None
    assert [author for author, _ in book] == [MINER]
    now[0] = 101
    assert book.offer_of(MINER) is None
    assert list(book) == []


def test_an_offer_for_ever_is_refused() -> None:
    book = OfferBook(lambda: Height(10))
    body = encode(make_offer({}, valid_until=Height(10 + OFFER_BLOCKS_MAX + 1), concurrency=1))
    refusal = book.take(entry(body))
    assert refusal is not None
    assert refusal.code is Code.OVERCLAIM


def test_offers_are_listed_by_hotkey_and_can_be_dropped() -> None:
    book = OfferBook(lambda: Height(10))
    for author in (OTHER, MINER):
        book.take(entry(encode(offer(a=1)), author=author))
    assert [author for author, _ in book] == sorted([MINER, OTHER])
    book.drop(MINER)
    assert [author for author, _ in book] == [OTHER]
