"""Journal rules: form, links, pages, forks, and rows by author."""

import msgspec
import pytest

from node.market.errors import MalformedMessage
from node.market.journal import (
    BrokenChain,
    ForkProof,
    SignedEntry,
    SignedHead,
    Tip,
    begin,
    decode_entry,
    decode_fork,
    extend,
    fork_holds,
    next_place,
    prove_fork,
    sign_entry,
    signature_holds,
)
from node.market.journal_state import AuthorRows, JournalState, apply_entry, reduce_entries, rows_of
from node.market.limits import (
    JOURNAL_BODY_BYTES_MAX,
    JOURNAL_ENTRY_BYTES_MAX,
    JOURNAL_KEY_BYTES_MAX,
    JOURNAL_PAGE_BYTES_MAX,
    JOURNAL_PAGE_ENTRIES_MAX,
    JOURNAL_ROWS_BYTES_MAX,
    JOURNAL_ROWS_MAX,
)
from node.primitives.codec import encode
from node.primitives.crypto import digest, verify
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid
from node.subnets.base import Code, Entry
from tests.unit.market.journals import Author, counting, key

PINNED_BYTES = 224
PINNED_HASH = "75f64f4cde173273e41cd77efa66be7ad4e780596a1f58ed62635ec5a457da7e"
PINNED_ENTRY = "1efd362e72ca6a135f8d4c80dd62684224e4776de954ab2d50a5bb624be32b20"
OTHER_HASH = Hash(b"\x07" * 32)


def broken(entry: SignedEntry, **changes: object) -> bytes:
    return encode(msgspec.structs.replace(entry, head=msgspec.structs.replace(entry.head, **changes)))


# --- form -----------------------------------------------------------------------------------------------------------


def test_an_entry_survives_the_wire_and_its_signature_holds() -> None:
    entry = Author().write(b"x" * JOURNAL_BODY_BYTES_MAX, kind="index")
    data = encode(entry)
    assert len(data) <= JOURNAL_ENTRY_BYTES_MAX
    assert decode_entry(data) == entry
    assert signature_holds(entry, verify)


def test_a_changed_field_is_refused_or_breaks_the_signature() -> None:
    entry = Author().write(b"body")
    for changes in ({"height": Height(11)}, {"netuid": NetUid(2)}, {"genesis": OTHER_HASH}, {"kind": "other"}):
        assert not signature_holds(decode_entry(broken(entry, **changes)), verify)
    with pytest.raises(MalformedMessage, match="not the one that was signed"):
        decode_entry(encode(msgspec.structs.replace(entry, body=b"other")))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"seq": -1},
        {"seq": 1},  # without a link
        {"prev": OTHER_HASH},  # the first entry links to nothing
        {"page": 1},
        {"base": 1},
        {"height": Height(-1)},
        {"kind": ""},
        {"kind": "With Space"},
        {"kind": "a\n"},
        {"kind": "k" * 33},
        {"author": AccountId(b"short")},
        {"genesis": Hash(b"")},
        {"seq": 2**60, "page": 2**60, "base": 2**60, "prev": OTHER_HASH},
        {"seq": JOURNAL_PAGE_ENTRIES_MAX, "prev": OTHER_HASH},  # its page would have one too many
        {"seq": 2000, "page": 2000, "base": 1000, "prev": OTHER_HASH},
    ],
)
def test_a_head_beyond_its_bounds_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        decode_entry(broken(Author().write(), **changes))


def test_bytes_that_are_no_entry_are_refused() -> None:
    good = encode(Author().write(b"body"))
    for data in (b"", b"\xc1", good[:-1], good + b"\x00", bytes(JOURNAL_ENTRY_BYTES_MAX + 1), b"\x93" * 1000):
        with pytest.raises(MalformedMessage):
            decode_entry(data)


def test_a_body_beyond_the_bound_is_refused() -> None:
    entry = Author().make(bytes(JOURNAL_BODY_BYTES_MAX + 1))
    with pytest.raises(MalformedMessage):
        decode_entry(encode(entry))


def test_the_bytes_of_an_entry_are_pinned() -> None:
    author = Author("pinned")
    author.write(b"first", kind="note", height=7)
    entry = author.write(b"second", kind="offer", height=9)
    assert len(encode(entry)) == PINNED_BYTES
    assert entry.hash.hex() == PINNED_HASH
    assert digest("test", encode(entry)).hex() == PINNED_ENTRY


# --- chain ----------------------------------------------------------------------------------------------------------


def tip_of(author: Author) -> Tip:
    assert author.tip is not None
    return author.tip


def refused(tip: Tip, entry: SignedEntry) -> Code:
    with pytest.raises(BrokenChain) as caught:
        extend(tip, entry)
    return caught.value.code


def test_a_chain_goes_on_only_with_its_next_entry() -> None:
    author = Author()
    author.write_many(3)
    tip = tip_of(author)
    assert refused(tip, author.entries[2]) is Code.STALE
    assert refused(tip, author.make(place=(4, 0, 0, tip.hash))) is Code.STALE
    assert refused(tip, author.make(place=(3, 0, 0, OTHER_HASH))) is Code.FORGED
    assert refused(tip, author.make(height=9)) is Code.STALE
    assert extend(tip, author.make()).seq == 3


def test_a_full_page_is_followed_by_the_next_and_the_page_before_it_still_counts() -> None:
    author = Author()
    author.write_many(2 * JOURNAL_PAGE_ENTRIES_MAX + 1)
    heads = [entry.head for entry in author.entries]
    size = JOURNAL_PAGE_ENTRIES_MAX
    assert (heads[size - 1].page, heads[size - 1].base) == (0, 0)
    assert (heads[size].page, heads[size].base) == (size, 0)
    assert (heads[2 * size].page, heads[2 * size].base) == (2 * size, size)


def test_a_page_is_bounded_in_bytes_too() -> None:
    author = Author()
    fits = JOURNAL_PAGE_BYTES_MAX // JOURNAL_BODY_BYTES_MAX
    author.write_many(fits, JOURNAL_BODY_BYTES_MAX)
    tip = tip_of(author)
    assert next_place(tip, 1)[:3] == (fits, fits, 0)
    assert refused(tip, author.make(b"x", place=(fits, 0, 0, tip.hash))) is Code.TOO_LARGE
    assert extend(tip, author.make(b"", place=(fits, 0, 0, tip.hash))).page == 0


def test_a_page_may_begin_early_or_forget_everything_but_not_reach_further_back() -> None:
    author = Author()
    author.write_many(2)
    author.entries.append(second := author.make(place=(2, 2, 0, tip_of(author).hash)))
    author.tip = extend(tip_of(author), second)
    author.write()
    tip = tip_of(author)
    assert extend(tip, author.make(place=(4, 4, 2, tip.hash))).base == 2
    assert extend(tip, author.make(place=(4, 4, 4, tip.hash))).base == 4
    assert refused(tip, author.make(place=(4, 4, 0, tip.hash))) is Code.MALFORMED
    assert refused(tip, author.make(place=(4, 3, 2, tip.hash))) is Code.MALFORMED


def test_a_journal_is_taken_up_at_the_begin_of_a_page_only() -> None:
    author = Author()
    author.write_many(2)
    assert begin(author.entries[0]).seq == 0
    with pytest.raises(BrokenChain):
        begin(author.entries[1])


# --- forks ----------------------------------------------------------------------------------------------------------


def test_two_entries_with_one_number_prove_a_fork_in_either_order() -> None:
    author = Author()
    author.write_many(3)
    one, other = author.make(b"one"), author.make(b"other")
    proof = prove_fork(one, other)
    assert proof is not None
    assert proof == prove_fork(other, one)
    assert proof.void_from == 3
    assert decode_fork(encode(proof)) == proof
    assert fork_holds(proof, verify)


def test_an_entry_that_links_to_another_one_proves_a_fork() -> None:
    author = Author()
    author.write_many(3)
    stray = author.make(place=(3, 0, 0, OTHER_HASH))
    proof = prove_fork(stray, author.entries[2])
    assert proof is not None
    assert proof.void_from == 2
    assert decode_fork(encode(proof)) == proof


def test_honest_entries_prove_nothing() -> None:
    author, other = Author(), Author("other")
    author.write_many(3)
    other.write_many(3)
    assert prove_fork(author.entries[0], author.entries[1]) is None
    assert prove_fork(author.entries[0], author.entries[2]) is None
    assert prove_fork(author.entries[1], author.entries[1]) is None
    assert prove_fork(author.entries[1], other.entries[1]) is None
    elsewhere = Author(netuid=NetUid(2))
    elsewhere.write()
    assert prove_fork(author.entries[0], elsewhere.entries[0]) is None


def test_a_proof_with_a_false_signature_or_in_the_wrong_order_does_not_hold() -> None:
    author = Author()
    proof = prove_fork(author.make(b"one"), author.make(b"other"))
    assert proof is not None
    forged = sign_entry(msgspec.structs.replace(proof.second.head, author=author.id), b"other", key("somebody"))
    assert not fork_holds(ForkProof(proof.first, SignedHead(forged.head, forged.signature)), verify)
    with pytest.raises(MalformedMessage):
        decode_fork(encode(ForkProof(proof.second, proof.first)))
    with pytest.raises(MalformedMessage):
        decode_fork(encode(ForkProof(proof.first, proof.first)))


# --- rows -----------------------------------------------------------------------------------------------------------


def plain(author: AccountId, seq: int, kind: str = "note", body: bytes = b"") -> Entry:
    return Entry(author, seq, Height(1), kind, body)


A, B = AccountId(b"a" * 32), AccountId(b"b" * 32)


def test_an_entry_that_is_refused_or_fails_changes_nothing() -> None:
    rows, _ = apply_entry(counting, plain(A, 0), {})
    for kind, code in (("bad", Code.WRONG), ("crash", Code.VALIDATOR_FAULT), ("steal", Code.MALFORMED)):
        after, refusal = apply_entry(counting, plain(A, 1, kind), rows)
        assert after == rows
        assert refusal is not None
        assert refusal.code is code


def test_an_apply_that_returns_nonsense_changes_nothing() -> None:
    after, refusal = apply_entry(lambda entry, state: "yes", plain(A, 0), {})  # type: ignore[arg-type, return-value]
    assert after == {}
    assert refusal is not None


def test_rows_are_the_authors_own_and_bounded() -> None:
    rows = AuthorRows(A, {})
    for bad_key in (b"", B + b"name", A[:31], A + bytes(JOURNAL_KEY_BYTES_MAX)):
        with pytest.raises(MalformedMessage):
            rows[bad_key] = b""
    for number in range(JOURNAL_ROWS_MAX):
        rows[A + number.to_bytes(2, "big")] = b""
    with pytest.raises(MalformedMessage):
        rows[A + b"more"] = b""
    rows[A + b"\x00\x00"] = b"x"  # a row that is there may change
    with pytest.raises(MalformedMessage):
        rows[A + b"\x00\x00"] = bytes(JOURNAL_ROWS_BYTES_MAX)
    for name in list(rows):
        del rows[name]
    rows[A] = bytes(JOURNAL_ROWS_BYTES_MAX - len(A))  # what was deleted is free again


def test_the_nodes_own_kinds_never_reach_a_subnet() -> None:
    rows, refusals = reduce_entries(counting, [plain(A, 0), plain(A, 1, "offer"), plain(A, 2, "bad")])
    assert list(rows) == [A + b"note"]
    assert [refusal.code for refusal in refusals] == [Code.WRONG]


def test_the_state_is_one_mapping_over_all_authors_in_order() -> None:
    state = JournalState({B: {B + b"y": b"2"}, A: {A: b"0", A + b"x": b"1"}})
    assert list(state) == [A, A + b"x", B + b"y"]
    assert dict(state) == {A: b"0", A + b"x": b"1", B + b"y": b"2"}
    assert len(state) == 3
    assert rows_of(state, B) == rows_of(dict(state), B) == {B + b"y": b"2"}
    assert state.get(b"?") is None
    assert rows_of(state, AccountId(ZERO_HASH)) == {}
