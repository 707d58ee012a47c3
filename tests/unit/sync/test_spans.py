"""Spans between certified blocks: what is asked for, what is taken, and what is refused whoever sends it."""

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from node.ledger.header import Block, Header
from node.ledger.merkle import list_root
from node.primitives.types import Hash, Height
from node.sync import spans
from node.sync.errors import BadSpan
from node.sync.limits import HEADERS_PER_REQUEST_MAX, SPAN_BLOCKS_MAX, SPAN_PART_BLOCKS, SPANS_OPEN_MAX
from node.sync.spans import Part, Span, SpanPlan, header_requests
from tests.unit.consensus.helpers import GENESIS_HASH, certificate
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


def plan(*marks: int) -> SpanPlan:
    return SpanPlan(Height(0), GENESIS_HASH, [certificate(ref(CHAIN[mark - 1])) for mark in marks])


def fill(made: SpanPlan, part: Part) -> None:
    """Bring what a part asks for."""
    span = made.span_of(part)
    assert span is not None
    if part.headers:
        span.take_headers(HEADERS[part.from_height - 1 : part.from_height - 1 + part.count])
    else:
        for block in CHAIN[part.from_height - 1 : part.from_height - 1 + part.count]:
            span.take_block(block, 300)


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
        span = made.first_whole()
        assert span is not None
        assert span.certificate.height == height
        made.drop_first()
    assert (len(made), made.first_whole(), made.target) == (0, None, None)


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
        while (span := made.first_whole()) is not None:
            out += [block for _, block in sorted(span.blocks.items())]
            busy = {each for each in busy if each.from_height > span.certificate.height}
            made.drop_first()
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
    span = Span(Height(0), GENESIS_HASH, certificate(ref(CHAIN[9])))
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
    span = Span(Height(0), GENESIS_HASH, certificate(ref(CHAIN[9])))
    with pytest.raises(BadSpan):
        span.take_block(block, 300)
    span.take_headers(HEADERS[:10])
    with pytest.raises(BadSpan):
        span.take_block(block, 300)
    assert span.blocks == {}


def test_only_a_few_spans_are_open_and_a_full_buffer_opens_no_further_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(*range(10, 201, 10))
    busy: set[Part] = set()
    while (part := made.wanted(frozenset(busy))) is not None:
        busy.add(part)
    assert len(busy) == SPANS_OPEN_MAX
    monkeypatch.setattr(spans, "BUFFERED_BYTES_MAX", 1000)
    for part in busy:
        fill(made, part)
    second = made.span_of(Part(Height(11), 1, headers=False))
    assert second is not None
    second.take_block(CHAIN[10], 2000)
    assert made.wanted(frozenset({Part(Height(1), 10, headers=False)})) is None
    assert made.wanted(frozenset()) == Part(Height(1), 10, headers=False), "the first span always goes on"


def test_a_span_that_is_too_long_for_one_certificate_ends_the_plan() -> None:
    far = replace(certificate(ref(CHAIN[0])), height=Height(SPAN_BLOCKS_MAX + 11))
    made = SpanPlan(Height(0), GENESIS_HASH, [certificate(ref(CHAIN[9])), far])
    assert (len(made), made.target) == (1, 10)
    assert len(SpanPlan(Height(20), GENESIS_HASH, [certificate(ref(CHAIN[9]))])) == 0


def test_the_headers_of_a_long_span_take_several_requests() -> None:
    asked = header_requests(Part(Height(1), SPAN_BLOCKS_MAX, headers=True))
    assert sum(limit for _, limit in asked) == SPAN_BLOCKS_MAX
    assert max(limit for _, limit in asked) <= HEADERS_PER_REQUEST_MAX
    assert [first for first, _ in asked] == [1, 513, 1025, 1537]
