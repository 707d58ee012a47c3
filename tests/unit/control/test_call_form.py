"""Any call of the table can be written as text, and what does not fit is refused by the name of its field."""

import json
from decimal import Decimal

import msgspec
import pytest
from msgspec import inspect

from node.control.call_form import build_call, parse_arguments
from node.control.errors import BadAmount, BadArgument
from node.ledger import calls
from node.ledger.calls import CALLS, CallSpec
from node.primitives.address import to_ss58
from node.primitives.codec import decode_canonical, encode
from node.primitives.types import AccountId

ACCOUNT = AccountId(bytes(range(32)))
ADDRESS = to_ss58(ACCOUNT)


def sample(name: str, kind: inspect.Type) -> object:
    """Some text that fits a field: what a person would write."""
    match kind:
        case inspect.BoolType():
            return "true"
        case inspect.IntType():
            return str(kind.ge or 1)
        case inspect.StrType():
            return "text"
        case inspect.BytesType() if name == "call":
            return {"call": "transfer", "to": ADDRESS, "amount_rao": 5}
        case inspect.BytesType():
            return ADDRESS if kind.min_length == kind.max_length == 32 else "0x" + "ab" * (kind.min_length or 1)
        case inspect.EnumType():
            return next(iter(kind.cls)).name.lower()
        case inspect.VarTupleType():
            return [sample(name, kind.item_type)]
        case inspect.TupleType():
            return [sample(name, each) for each in kind.item_types]
        case inspect.StructType():
            return {field.name: sample(field.name, field.type) for field in kind.fields}
        case inspect.UnionType():
            return {"call": "transfer", "to": ADDRESS, "amount_rao": 5}
        case _:
            raise TypeError(f"no sample for {kind}")


@pytest.mark.parametrize("spec", CALLS, ids=lambda spec: spec.name)
def test_every_call_of_the_table_can_be_written_as_text(spec: CallSpec) -> None:
    fields = {each.name: sample(each.name, inspect.type_info(each.type)) for each in msgspec.structs.fields(spec.kind)}
    words = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items()]
    call = build_call(spec.name, parse_arguments(tuple(words)))
    assert isinstance(call, spec.kind)
    assert decode_canonical(spec.kind, encode(call), max_bytes=100_000) == call


def test_amounts_in_text_are_whole_and_numbers_are_the_smallest_units() -> None:
    assert build_call("transfer", {"to": ADDRESS, "amount_rao": "12.5"}) == calls.Transfer(ACCOUNT, 12_500_000_000)  # type: ignore[arg-type]
    assert build_call("transfer", {"to": ADDRESS, "amount_rao": 12}) == calls.Transfer(ACCOUNT, 12)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("no_such_call", {}, "no_such_call"),
        ("transfer", {"amount_rao": 1}, "to"),
        ("transfer", {"to": ADDRESS, "amount_rao": 1, "colour": "blue"}, "colour"),
        ("transfer", {"to": ADDRESS[:-1] + "1", "amount_rao": 1}, "to"),
        ("transfer", {"to": ADDRESS, "amount_rao": True}, "amount_rao"),
        ("transfer", {"to": ADDRESS, "amount_rao": 2**70}, "amount_rao"),
        ("transfer", {"to": ADDRESS, "amount_rao": 5.0}, "amount_rao"),
        ("transfer", {"to": ADDRESS, "amount_rao": Decimal("0.5")}, "amount_rao"),
        ("burned_register", {"netuid": "one", "hotkey": ADDRESS}, "netuid"),
        ("burned_register", {"netuid": "70000", "hotkey": ADDRESS}, "netuid"),
        ("add_proxy", {"delegate": ADDRESS, "proxy_kind": "emperor", "delay_blocks": 0}, "proxy_kind"),
        ("proxy", {"real": ADDRESS, "call": {"to": ADDRESS}}, "call"),
        ("proxy", {"real": ADDRESS, "call": "transfer"}, "call"),
        ("set_weights", {"netuid": 1, "uids": 5, "values": "1", "version_key": 0}, "uids"),
        ("set_children", {"hotkey": ADDRESS, "netuid": 1, "children": [[1]]}, "children"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, arguments: dict[str, object], named: str) -> None:
    with pytest.raises(BadArgument, match=named):
        build_call(name, arguments)


@pytest.mark.parametrize(
    "words", [("to",), ("=5",), ("a b=1",), ("a=1", "a=2"), ('a={"b"',), ("a=[1,",), ("a=" + "[" * 20_000,)]
)
def test_malformed_words_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(BadArgument):
        parse_arguments(words)


def test_an_amount_that_is_none_is_refused_as_everywhere() -> None:
    with pytest.raises(BadAmount):
        build_call("transfer", {"to": ADDRESS, "amount_rao": "-1"})
