"""Rows: their normal form, what they count for, and trees whose sums cannot be lied about."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import MalformedMessage
from node.primitives.types import AccountId
from node.subnets.data_universe.entities import (
    Bucket,
    Source,
    bucket_key,
    label_of,
    make_entity,
    plain_text,
    size_of,
)
from node.subnets.data_universe.index import BucketSize, pack_index, sample_offsets, unpack_index
from node.subnets.data_universe.limits import BUCKET_BYTES_MAX, CONTENT_CHARS_MAX, LABEL_CHARS_MAX
from node.subnets.data_universe.serving import unpack_rows
from node.subnets.data_universe.similar import bands, distance, simhash, similarity
from node.subnets.data_universe.sumtree import Step, SumTree, follow

HOLDER = AccountId(b"h" * 32)
TEXT = "the quick brown fox jumps over the lazy dog while seven wizards brew potions in a quiet kitchen"


# --- normal forms ---------------------------------------------------------------------------------------------------


@given(st.text(max_size=200))
def test_the_normal_form_of_a_text_is_its_own_normal_form(text: str) -> None:
    plain = plain_text(text)
    assert plain_text(plain) == plain
    assert "\x00" not in plain
    assert "\n" not in plain


@given(st.text(max_size=LABEL_CHARS_MAX))
def test_the_normal_form_of_a_label_is_its_own_normal_form(text: str) -> None:
    try:
        label = label_of(text)
    except MalformedMessage:
        return
    assert label_of(label) == label


@pytest.mark.parametrize("label", ["x" * (LABEL_CHARS_MAX + 1), "a\x00b", "a\x1bb"])
def test_a_label_that_is_too_long_or_steers_a_terminal_is_refused(label: str) -> None:
    with pytest.raises(MalformedMessage):
        label_of(label)


@given(st.text(min_size=1, max_size=300), st.text(max_size=30), st.text(max_size=40))
def test_what_is_made_of_any_text_passes_its_own_check(content: str, author: str, uri: str) -> None:
    entity = make_entity(uri, Source.WEB, "label", 5, author, content)
    if entity is not None:
        entity.check()


def test_a_long_text_is_cut_and_an_empty_one_is_no_row() -> None:
    long = make_entity("u", Source.WEB, "", 1, "", "word " * CONTENT_CHARS_MAX)
    assert long is not None
    assert len(long.content) <= CONTENT_CHARS_MAX
    assert make_entity("u", Source.WEB, "", 1, "", " \n\x00 ") is None


def test_filler_counts_for_almost_nothing_and_text_for_its_length() -> None:
    assert size_of(TEXT) == len(TEXT)
    assert size_of("buy now " * 1000) < 40
    assert size_of("a" * 10_000) < 40
    assert size_of("äöü " * 2) == len(("äöü " * 2).encode()) or size_of("äöü " * 2) <= 3 * 5


def test_a_key_of_a_label_tells_its_source() -> None:
    keys = {bucket_key(source, "x") for source in Source}
    assert {key & 0xFF for key in keys} == {int(source) for source in Source}


# --- likeness -------------------------------------------------------------------------------------------------------


def test_a_text_with_a_word_changed_is_alike_and_another_one_is_not() -> None:
    long = " ".join(f"word{n}" for n in range(200))
    changed = long.replace("word100", "other")
    assert similarity(long, changed) > 0.95 > similarity(long, TEXT)
    assert similarity("a  b", "a b") == 1.0
    assert distance(simhash(long), simhash(changed)) <= 6 < distance(simhash(long), simhash(TEXT))
    assert any(mine == other for mine, other in zip(bands(7), bands(6), strict=True))


# --- trees ----------------------------------------------------------------------------------------------------------

SIZES = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


def tree_of(sizes: list[int]) -> SumTree:
    return SumTree([(bytes([n]) * 32, size) for n, size in enumerate(sizes)])


@given(SIZES, st.integers(0, 10**6))
def test_every_byte_is_covered_by_the_leaf_that_its_proof_shows(sizes: list[int], offset: int) -> None:
    tree = tree_of(sizes)
    if not tree.total:
        return
    offset %= tree.total
    at, before = tree.find(offset)
    proven = follow(bytes([at]) * 32, sizes[at], tree.prove(at))
    assert proven is not None
    assert (proven.root, proven.total, proven.before) == (tree.root, sum(sizes), before)
    assert before == sum(sizes[:at])
    assert before <= offset < before + sizes[at]


@given(SIZES, st.data())
def test_a_proof_with_any_size_or_hash_changed_leads_elsewhere(sizes: list[int], data: st.DataObject) -> None:
    tree = tree_of(sizes)
    at = data.draw(st.integers(0, len(sizes) - 1))
    steps = list(tree.prove(at))
    assert follow(bytes([at]) * 32, sizes[at] + 1, steps) != follow(bytes([at]) * 32, sizes[at], steps)
    if steps:
        number = data.draw(st.integers(0, len(steps) - 1))
        steps[number] = Step(steps[number].is_left, steps[number].hash, steps[number].size + 1)
        proven = follow(bytes([at]) * 32, sizes[at], steps)
        assert proven is None or proven.root != tree.root


def test_proofs_out_of_bounds_are_none() -> None:
    assert follow(b"l" * 32, 1, [Step(True, b"short", 1)]) is None
    assert follow(b"l" * 32, 1, [Step(True, b"h" * 32, -1)]) is None
    assert follow(b"l" * 32, 1, [Step(True, b"h" * 32, 2**63 - 1)]) is None
    assert follow(b"l" * 32, 1, [Step(True, b"h" * 32, 1)] * 33) is None


# --- index ----------------------------------------------------------------------------------------------------------

BUCKETS = st.dictionaries(
    st.builds(Bucket, st.sampled_from([int(s) for s in Source]), st.sampled_from(["", "a", "b c", "é"]),
              st.integers(0, 10**6)),
    st.tuples(st.integers(0, BUCKET_BYTES_MAX), st.integers(1, 200_000)), max_size=60,
)  # fmt: skip


@given(BUCKETS)
def test_an_index_comes_back_as_it_was_packed(buckets: dict[Bucket, tuple[int, int]]) -> None:
    listed = [BucketSize(bucket, *buckets[bucket]) for bucket in sorted(buckets)]
    assert unpack_index(pack_index(listed)) == listed


@given(st.binary(max_size=200))
def test_bytes_that_are_no_index_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpack_index(data)


def test_an_index_that_is_not_in_order_or_names_a_bucket_twice_is_refused() -> None:
    a, b = BucketSize(Bucket(1, "a", 5), 1, 1), BucketSize(Bucket(1, "b", 5), 1, 1)
    for listed in ([b, a], [a, a], [BucketSize(Bucket(99, "a", 1), 1, 1)], [BucketSize(Bucket(1, "A", 1), 1, 1)]):
        with pytest.raises(MalformedMessage):
            unpack_index(pack_index(listed))


def test_a_small_packed_index_cannot_fill_the_memory() -> None:
    import zlib

    with pytest.raises(MalformedMessage):
        unpack_index(zlib.compress(b"DUI1" + bytes(80 * 1024 * 1024), 9))


@given(BUCKETS, st.binary(min_size=32, max_size=32))
def test_a_sample_asks_only_for_bytes_there_are(buckets: dict[Bucket, tuple[int, int]], seed: bytes) -> None:
    listed = [BucketSize(bucket, *buckets[bucket]) for bucket in sorted(buckets)]
    offsets = sample_offsets(seed, HOLDER, b"r" * 32, listed, 10)
    total = sum(each.size for each in listed)
    assert len(offsets) == (10 if total else 0)
    assert all(0 <= offset < total for offset in offsets)
    assert offsets == sample_offsets(seed, HOLDER, b"r" * 32, listed, 10)


def test_another_holder_or_root_is_asked_for_other_bytes() -> None:
    listed = [BucketSize(Bucket(1, "a", hour), 10**6, 1) for hour in range(50)]
    own = sample_offsets(b"s" * 32, HOLDER, b"r" * 32, listed, 10)
    assert own != sample_offsets(b"s" * 32, AccountId(b"i" * 32), b"r" * 32, listed, 10)
    assert own != sample_offsets(b"s" * 32, HOLDER, b"q" * 32, listed, 10)


@pytest.mark.parametrize(
    "data", [b"\xb7" * 90, b"\x91\x98" + b"\xb7" * 200, b"\x91" * 5000], ids=["no_text", "texts", "deep"]
)
def test_a_bucket_that_holds_no_rows_is_refused_whatever_it_holds(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpack_rows(zlib.compress(data))
