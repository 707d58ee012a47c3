"""Spans between certified blocks: what is asked for, what is taken, and what is refused whoever sends it."""

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate
from node.ledger.header import Block, Header
from node.ledger.merkle import list_root
from node.primitives.types import Hash, Height
from node.sync import spans
from node.sync.errors import BadSpan
from node.sync.limits import (
    BUFFERED_BYTES_MAX,
    HEADERS_PER_REQUEST_MAX,
    SPAN_BLOCKS_MAX,
    SPAN_PART_BLOCKS,
    SPANS_OPEN_MAX,
)
from node.sync.spans import Part, Span, SpanPlan, header_requests
from tests.unit.consensus.helpers import GENESIS_HASH, SET, certificate
from tests.unit.consensus.test_engine import chain, ref


def sound(blocks: list[Block]) -> list[Block]:
    """The same chain with the transactions roots that real blocks have."""
    made: list[Block] = []
    for block in blocks:
        parent = ref(made[-1]).hash if made else block.header.parent
        header = replace(block.header, parent=parent, transactions_root=list_root(block.transactions))
        made.append(Block(header, block.transactions))
    return made


CHAIN = sound(chain(200))
HEADERS = [block.header for block in CHAIN]


def end(height: int) -> tuple[Certificate, AuthoritySet]:
    return certificate(ref(CHAIN[height - 1])), SET


def span_to(height: int) -> Span:
    return Span(Height(0), GENESIS_HASH, *end(height))


def plan(*marks: int) -> SpanPlan:
    return SpanPlan(Height(0), GENESIS_HASH, [end(mark) for mark in marks])


def fill(made: SpanPlan, part: Part) -> None:
    """Bring what a part asks for."""
    span = made.span_of(part)
    assert span is not None
    if part.headers:
        span.take_headers(HEADERS[part.from_height - 1 : part.from_height - 1 + part.count])
    else:
        blocks = CHAIN[part.from_height - 1 : part.from_height - 1 + part.count]
        span.take([span.check_block(block, 300) for block in blocks])


def test_headers_come_first_then_blocks_in_parts_and_all_of_it_ends_whole() -> None:
    made = plan(100, 150)
    first = made.wanted(frozenset())
    assert first == Part(Height(1), 100, headers=True)
    assert made.wanted(frozenset({first})) == Part(Height(101), 50, headers=True)
    asked: list[Part] = []
    while (part := made.wanted(frozenset())) is not None:
        asked.append(part)
        assert made.is_missing(part)
        fill(made, part)
        assert not made.is_missing(part)
    assert [part.count for part in asked if not part.headers] == [64, 36, 50]
    for height in (100, 150):
        stretch = made.give()
        assert stretch is not None
        assert stretch.certificate.height == height
        assert stretch.blocks[-1] == CHAIN[height - 1]
    assert (len(made), made.give(), made.target) == (0, None, None)


@pytest.mark.parametrize("seed", range(30))
def test_parts_in_any_order_from_anybody_give_the_chain_in_order(seed: int) -> None:
    """A part may be asked for and not come; another peer then brings it."""
    chance = random.Random(seed)
    made, busy, out = plan(30, 75, 90, 200), set[Part](), list[Block]()
    while len(made):
        part = made.wanted(frozenset(busy)) if chance.random() < 0.5 or not busy else None
        if part is not None:
            busy.add(part)
        elif busy:
            finished = chance.choice(sorted(busy, key=repr))
            busy.discard(finished)
            if chance.random() < 0.5:
                fill(made, finished)
                span = made.span_of(finished)
                if span is not None and not finished.headers and chance.random() < 0.3:
                    span.take_certificate(certificate(ref(CHAIN[finished.from_height + finished.count - 2])))
        while (stretch := made.give()) is not None:
            out += stretch.blocks
            assert stretch.certificate.block == ref(stretch.blocks[-1])
            busy = {each for each in busy if made.is_missing(each)}
    assert out == CHAIN


def test_no_two_peers_are_asked_for_one_part() -> None:
    made = plan(200)
    fill(made, Part(Height(1), 200, headers=True))
    busy: set[Part] = set()
    while (part := made.wanted(frozenset(busy))) is not None:
        busy.add(part)
    assert sorted((part.from_height, part.count) for part in busy) == [(1, 64), (65, 64), (129, 64), (193, 8)]
    assert SPAN_PART_BLOCKS == 64


def test_a_part_that_came_halfway_is_asked_for_from_where_it_stopped() -> None:
    made = plan(100)
    fill(made, Part(Height(1), 100, headers=True))
    fill(made, Part(Height(1), 40, headers=False))
    assert made.wanted(frozenset()) == Part(Height(41), 24, headers=False)
    assert made.wanted(frozenset({Part(Height(41), 24, headers=False)})) == Part(Height(65), 36, headers=False)


WRONG_HEADERS: list[Callable[[list[Header]], list[Header]]] = [
    lambda headers: headers[1:],
    lambda headers: headers[:-1],
    lambda headers: [*headers, headers[-1]],
    lambda headers: [*headers[:4], headers[5], headers[4], *headers[6:]],
    lambda headers: [replace(headers[0], parent=Hash(b"?" * 32)), *headers[1:]],
    lambda headers: [*headers[:-1], replace(headers[-1], state_root=Hash(b"?" * 32))],
    lambda headers: [],
]


@pytest.mark.parametrize("lie", WRONG_HEADERS)
def test_headers_that_do_not_link_both_certified_ends_are_refused(lie: Callable[[list[Header]], list[Header]]) -> None:
    span = span_to(10)
    with pytest.raises(BadSpan):
        span.take_headers(lie(HEADERS[:10]))
    assert span.hashes == ()
    span.take_headers(HEADERS[:10])
    assert len(span.hashes) == 10


@pytest.mark.parametrize(
    "block",
    [
        CHAIN[10],
        Block(replace(CHAIN[3].header, state_root=Hash(b"?" * 32)), CHAIN[3].transactions),
        Block(CHAIN[3].header, (*CHAIN[3].transactions, b"more")),
        Block(CHAIN[3].header, ()),
        Block(replace(CHAIN[3].header, height=Height(0)), ()),
    ],
    ids=["of another span", "another header", "another body", "no body", "no height"],
)
def test_a_block_that_is_not_on_the_certified_chain_is_refused(block: Block) -> None:
    span = span_to(10)
    with pytest.raises(BadSpan):
        span.check_block(block, 300)
    span.take_headers(HEADERS[:10])
    with pytest.raises(BadSpan):
        span.check_block(block, 300)
    assert span.blocks == {}


def test_only_a_few_spans_are_open() -> None:
    made, busy = plan(*range(10, 201, 10)), set[Part]()
    while (part := made.wanted(frozenset(busy))) is not None:
        busy.add(part)
    assert len(busy) == SPANS_OPEN_MAX


MIB = 1024 * 1024


def test_an_epoch_of_full_blocks_is_never_held_whole_and_goes_out_in_order() -> None:
    """Four blocks fit an answer; six answers are on their way at a time and come in any order, execution is slow."""
    made, chance, busy, out, peak = plan(180, 200), random.Random(7), list[Part](), list[Block](), 0
    executing = 0
    for turn in range(2000):
        while len(busy) < 6 and (part := made.wanted(frozenset(busy))) is not None:
            busy.append(part)
        if busy:
            part = busy.pop(chance.randrange(len(busy)))
            span = made.span_of(part)
            assert span is not None
            if part.headers:
                fill(made, part)
            else:
                came = CHAIN[part.from_height - 1 :][: min(part.count, 4)]
                span.take([span.check_block(block, MIB) for block in came])
                span.take_certificate(certificate(ref(came[-1])))
        if turn % 5 == 0:
            stretch = made.give()
            executing = 0 if stretch is None else len(stretch.blocks)
            out += () if stretch is None else stretch.blocks
        held = sum(span.size_bytes for span in made._spans) + executing * MIB
        peak = max(peak, held + 4 * MIB * len(busy))
        if not len(made):
            break
    assert out == CHAIN, "all of it arrived, in order"
    assert BUFFERED_BYTES_MAX // 2 < peak <= BUFFERED_BYTES_MAX + 4 * MIB, (
        "one answer more, for what all else waits for"
    )


def test_with_full_buffers_only_what_all_else_waits_for_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(100, 200)
    for headers in (Part(Height(1), 100, headers=True), Part(Height(101), 100, headers=True)):
        fill(made, headers)
    fill(made, Part(Height(65), 36, headers=False))
    monkeypatch.setattr(spans, "BUFFERED_BYTES_MAX", 1000)
    lowest = made.wanted(frozenset())
    assert lowest == Part(Height(1), 64, headers=False)
    assert made.wanted(frozenset({lowest})) is None
    assert made.give() is None
    fill(made, lowest)
    stretch = made.give()
    assert stretch is not None
    assert list(stretch.blocks) == CHAIN[:100]
    assert made.wanted(frozenset()) == Part(Height(101), 64, headers=False), "what is executed does not block the next"


def test_a_certificate_in_between_lets_the_blocks_before_it_go_and_one_of_another_block_is_refused() -> None:
    made = plan(100)
    fill(made, Part(Height(1), 100, headers=True))
    fill(made, Part(Height(1), 40, headers=False))
    assert made.give() is None
    span = made.span_of(Part(Height(1), 1, headers=False))
    assert span is not None
    with pytest.raises(BadSpan):
        span.take_certificate(replace(certificate(ref(CHAIN[29])), block_hash=Hash(b"?" * 32)))
    with pytest.raises(BadSpan):
        span.take_certificate(certificate(ref(CHAIN[120])))
    span.take_certificate(certificate(ref(CHAIN[29])))
    stretch = made.give()
    assert stretch is not None
    assert (list(stretch.blocks), stretch.certificate.height) == (CHAIN[:30], 30)
    assert made.give() is None
    assert not made.is_missing(Part(Height(1), 30, headers=False))
    fill(made, Part(Height(20), 45, headers=False))
    assert made.wanted(frozenset()) == Part(Height(65), 36, headers=False), "what was given is not asked for again"


def test_a_span_that_is_too_long_for_one_certificate_ends_the_plan() -> None:
    far = replace(certificate(ref(CHAIN[0])), height=Height(SPAN_BLOCKS_MAX + 11))
    made = SpanPlan(Height(0), GENESIS_HASH, [end(10), (far, SET)])
    assert (len(made), made.target) == (1, 10)
    assert len(SpanPlan(Height(20), GENESIS_HASH, [end(10)])) == 0


def test_the_headers_of_a_long_span_take_several_requests() -> None:
    asked = header_requests(Part(Height(1), SPAN_BLOCKS_MAX, headers=True))
    assert sum(limit for _, limit in asked) == SPAN_BLOCKS_MAX
    assert max(limit for _, limit in asked) <= HEADERS_PER_REQUEST_MAX
    assert [first for first, _ in asked] == [1, 513, 1025, 1537]
