"""Bundles: one canonical form, an id that changes with every field, and every broken rule named at once."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.errors import TooLarge, Unfit
from node.subnets.chutes.bundle import (  # fmt: skip
    Chute,
    Constant,
    File,
    canonical,
    chute_id,
    failed_rules,
    parse_id,
    read_canonical,
    read_chute,
)
from node.subnets.chutes.dims import bind, shown, units
from node.subnets.chutes.errors import BadChute
from node.subnets.chutes.house import demo_chutes, house_chutes
from node.subnets.chutes.limits import CHUTE_FILE_BYTES_MAX
from node.subnets.chutes.steps import Resize, Tokenise
from node.subnets.lab.hosts import key_of
from tests.unit.subnets.chutes.support import bundle, classifier

OWNER = key_of("owner").public


def small(**changes: Any) -> Chute:
    return msgspec.structs.replace(bundle(b"model", OWNER), **changes)


def test_layout_and_order_of_a_written_file_make_no_difference() -> None:
    raw = canonical(small())
    pretty = msgspec.json.format(raw, indent=4)
    assert read_chute(pretty) == read_canonical(raw) == small()
    backwards = dict(reversed(msgspec.json.decode(raw).items()))
    assert chute_id(read_chute(msgspec.json.encode(backwards))) == chute_id(small())


def test_the_journal_takes_the_canonical_form_only() -> None:
    with pytest.raises(BadChute, match="canonical"):
        read_canonical(msgspec.json.format(canonical(small()), indent=1))


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"eps_ppm": 999}, {"price_rao": 1}, {"version": 2}, {"limits": {"batch": 17}}]
)
def test_every_field_is_part_of_the_id(changes: dict[str, Any]) -> None:
    assert chute_id(small(**changes)) != chute_id(small())
    assert chute_id(small()) == chute_id(small())


def test_the_programs_own_chutes_break_no_rule() -> None:
    for chute in (*house_chutes(), *demo_chutes(OWNER)):
        assert failed_rules(chute) == (), chute.name
        assert read_canonical(canonical(chute)) == chute


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"owner": "5xyz"}, "owner: "),
    ({"licence": " "}, "licence: "),
    ({"labels": ("x" * 300,)}, "too long or holds control"),
    ({"about": "a\x07b"}, "control characters"),
    ({"files": (File(role="tokenizer", sha256="0" * 64, size=1),)}, "none has the role model"),
    ({"files": (File(role="model", sha256="0" * 64, size=1),) * 2}, "more than one file is the model"),
    ({"limits": {}}, "'batch' has no largest size"),
    ({"limits": {"batch": 1, "spare": 2}}, "'spare' is used nowhere"),
    ({"macs": "3*batch*tokens"}, "'tokens' has no largest size"),
    ({"macs": "three"}, "macs: "),
    ({"feeds": ()}, "feeds: there must be at least one"),
    ({"outputs": ()}, "outputs: there must be at least one"),
    ({"kind": "text-generation"}, "takes chats"),
    (
        {"constants": (Constant(name="c", dtype="float32", shape=("n",)),), "limits": {"batch": 1, "n": 1}},
        "no feed gives the size 'n'",
    ),
    ({"constants": (Constant(name="x", dtype="float32", shape=()),)}, "'x' appears more than once"),
]


@pytest.mark.parametrize(("changes", "words"), BROKEN)
def test_a_broken_rule_is_named(changes: dict[str, Any], words: str) -> None:
    assert any(words in failed for failed in failed_rules(small(**changes))), failed_rules(small(**changes))


def test_all_broken_rules_are_named_together() -> None:
    with pytest.raises(BadChute) as caught:
        read_chute(canonical(small(owner="5xyz", licence="", limits={})))
    assert len(caught.value.failed) == 3
    assert "3 rules" in caught.value.message


def test_texts_are_tokenised_and_nothing_else_is() -> None:
    port = msgspec.structs.replace(small().inputs[0], pre=(Tokenise(max_tokens=3),))
    assert any("exactly when it is tokenised" in failed for failed in failed_rules(small(inputs=(port,))))
    resized = msgspec.structs.replace(small().inputs[0], dtype="text", pre=(Resize(height=1, width=1),))
    assert any("exactly when it is tokenised" in failed for failed in failed_rules(small(inputs=(resized,))))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 5000, b'{"name":"' + b"a" * 80 + b'"}',
        b" " * (CHUTE_FILE_BYTES_MAX + 1),
        canonical(small()).replace(b'"format":1', b'"format":2'),
        canonical(small()).replace(b'"name":"small"', b'"name":"small","more":1'),
        canonical(small()).replace(b'"step":"softmax"', b'"step":"exec"'),
        canonical(small()).replace(b'"price_rao":0', b'"price_rao":0.5'),
        canonical(small()).replace(b'"price_rao":0', b'"price_rao":-1'),
    ],
)  # fmt: skip
def test_what_is_no_bundle_is_refused_with_words(raw: bytes) -> None:
    with pytest.raises(BadChute):
        read_chute(raw)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise(raw: bytes) -> None:
    with pytest.raises(BadChute):
        read_chute(raw)


def test_an_id_is_64_hex_digits() -> None:
    assert parse_id(chute_id(small()).hex()) == chute_id(small())
    assert parse_id("zz" * 32) is parse_id("ab") is parse_id("٣" * 64) is None


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_a_symbol_means_one_size_in_a_whole_call() -> None:
    sizes: dict[str, int] = {}
    bind("x", ("n", 3, "n"), (4, 3, 4), sizes, {"n": 4})
    assert sizes == {"n": 4}
    with pytest.raises(Unfit, match=r"expected shape \[n=4\], got \[2\]"):
        bind("y", ("n",), (2,), sizes, {"n": 4})
    with pytest.raises(Unfit, match="4 and 3 in one array"):
        bind("z", ("m", "m"), (4, 3), {}, {"m": 9})
    with pytest.raises(TooLarge, match="1 to 4 is allowed"):
        bind("x", ("n",), (5,), {}, {"n": 4})
    assert shown(("n", 3), {"n": 4}) == "[n=4, 3]"


def test_units_are_begun_millions_of_multiplications_and_at_least_one() -> None:
    assert units("10*n", {"n": 1}) == 1
    assert units("1000000*n", {"n": 2}) == 2
    assert units("1000001*n", {"n": 1}) == 2


def test_the_classifier_of_these_tests_is_sound() -> None:
    assert failed_rules(bundle(classifier(), OWNER)) == ()
