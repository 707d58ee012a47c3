"""Any call of the chain from text: one converter driven by the call table's own types, for commands, forms and scripts.

Accounts are ss58 text, hashes 64 hex digits, other bytes `0x…` or plain text. Amounts (`…_rao`, `…_alpha`,
`limit_price`) given as text are whole τ or α ("12.5"); given as numbers they are the chain's smallest units. A call
inside a call is an object whose "call" is its name. Nothing is guessed: what does not fit is refused by field name.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from node.control.amounts import parse_amount
from node.control.errors import BadArgument
from node.ledger.calls import CALLS, Call, CallSpec
from node.primitives.address import from_ss58
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import AddressError, DecodeError
from node.primitives.limits import TRANSACTION_BYTES_MAX
from node.primitives.types import ACCOUNT_BYTES

AMOUNT_FIELDS: Final = ("_rao", "_alpha", "limit_price")
_DEPTH_MAX: Final = 4  # a proxy of a proposal of a call is the deepest that makes sense
_HEX_DIGITS: Final = 2 * ACCOUNT_BYTES


def spec_named(name: str) -> CallSpec:
    """Return the table's row of a call. Raises BadArgument, with names that are near."""
    spec = next((each for each in CALLS if each.name == name), None)
    if spec is None:
        near = (
            ", ".join(each.name for each in CALLS if name.split("_")[0] in each.name) or "`neurond tx list` shows all"
        )
        raise BadArgument(f"There is no call {name[:60]!r}; near it: {near}.")
    return spec


def build_call(name: str, arguments: Mapping[str, object]) -> Call:
    """Return the call `name` with `arguments`.

    Raises:
        BadArgument: an unknown call, a missing or unknown argument, or a value that does not fit; it names the field.
    """
    return cast(Call, _struct(spec_named(name).kind, arguments, name, 0))


def parse_arguments(words: tuple[str, ...]) -> dict[str, object]:
    """Return `name=value` words as arguments; a value that begins with [ or { is JSON. Raises BadArgument."""
    arguments: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier():
            raise BadArgument(f"{word[:60]!r} is no argument; write name=value.")
        if name in arguments:
            raise BadArgument(f"The argument {name} is given twice.")
        arguments[name] = _json(name, text) if text[:1] in ("[", "{") else text
    return arguments


def _json(name: str, text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArgument(f"{name}: this is no JSON: {error}.") from error


def _struct(kind: type[Wire], arguments: Mapping[str, object], where: str, depth: int) -> Wire:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    unknown = [name for name in arguments if name not in fields]
    missing = [name for name in fields if name not in arguments]
    if unknown:
        raise BadArgument(f"{where} has no argument {unknown[0][:60]!r}; it takes {', '.join(fields) or 'none'}.")
    if missing:
        raise BadArgument(f"{where} needs the argument {missing[0]}.")
    values = {
        name: _value(name, inspect.type_info(field.type), arguments[name], depth) for name, field in fields.items()
    }
    try:  # the bounds of the wire hold here too, and only decoding checks them
        return decode_canonical(kind, encode(kind(**values)), max_bytes=TRANSACTION_BYTES_MAX)
    except (DecodeError, OverflowError) as error:
        raise BadArgument(f"{where}: {error}") from error


def _value(name: str, kind: inspect.Type, value: object, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise BadArgument(f"{name}: nested too deeply.")
    match kind:
        case inspect.BoolType():
            return _bool(name, value)
        case inspect.IntType():
            return _within(name, kind, _int(name, value))
        case inspect.StrType():
            return str(value)
        case inspect.BytesType():
            return _bytes(name, kind, value, depth)
        case inspect.EnumType(cls=members):
            return _member(name, members, value)
        case inspect.VarTupleType(item_type=item):
            return tuple(_value(name, item, each, depth + 1) for each in _items(name, value))
        case inspect.TupleType(item_types=items):
            given = _items(name, value)
            if len(given) != len(items):
                raise BadArgument(f"{name}: each entry has {len(items)} parts.")
            return tuple(_value(name, item, each, depth + 1) for item, each in zip(items, given, strict=True))
        case inspect.StructType(cls=struct):
            return _struct(cast("type[Wire]", struct), _object(name, value), name, depth + 1)
        case inspect.UnionType():
            return _inner_call(name, value)
        case _:
            raise BadArgument(f"{name} cannot be written as text; use the SDK.")


def _inner_call(name: str, value: object) -> Call:
    arguments = dict(_object(name, value))
    inner = arguments.pop("call", None)
    if not isinstance(inner, str):
        raise BadArgument(f'{name}: name the inner call, as in {{"call": "transfer", …}}.')
    return build_call(inner, arguments)


def _bytes(name: str, kind: inspect.BytesType, value: object, depth: int) -> bytes:
    if isinstance(value, Mapping):  # a call that travels encoded, as in a proposal
        return encode(_inner_call(name, value))
    text = str(value)
    fixed = kind.min_length == kind.max_length
    if fixed and kind.min_length == ACCOUNT_BYTES:
        return _account_or_hash(name, text)
    if text.startswith("0x") or fixed:
        try:
            return bytes.fromhex(text.removeprefix("0x"))
        except ValueError as error:
            raise BadArgument(f"{name}: {text[:24]!r} are no hex digits.") from error
    return text.encode("utf-8")


def _account_or_hash(name: str, text: str) -> bytes:
    digits = text.removeprefix("0x")
    try:
        return bytes.fromhex(digits) if len(digits) == _HEX_DIGITS else from_ss58(text)
    except (ValueError, AddressError) as error:
        raise BadArgument(f"{name}: {text[:60]!r} is neither an ss58 address nor 64 hex digits.") from error


def _int(name: str, value: object) -> int:
    if isinstance(value, bool):
        raise BadArgument(f"{name} is a number.")
    if isinstance(value, int):
        return value
    if not isinstance(value, str):  # 5 is five rao and "5" five τ; what 5.0 would be nobody should have to guess
        raise BadArgument(f'{name} is a whole number, or a text such as "12.5"; not {str(value)[:40]}.')
    text = value.strip()
    if name.endswith(AMOUNT_FIELDS) and text not in ("0", ""):
        return parse_amount(text, "α" if name.endswith("_alpha") else "τ")
    if not text.isascii() or not text.isdigit():
        raise BadArgument(f"{name}: {text[:40]!r} is no whole number.")
    return int(text)


def _within(name: str, kind: inspect.IntType, number: int) -> int:
    if (kind.ge is not None and number < kind.ge) or (kind.le is not None and number > kind.le):
        raise BadArgument(f"{name}: {number} is not between {kind.ge} and {kind.le}.")
    return number


def _bool(name: str, value: object) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    found = known.get(str(value).lower())
    if found is None:
        raise BadArgument(f"{name} is true or false.")
    return found


def _member(name: str, members: type[Enum], value: object) -> Enum:
    for member in members:
        if str(value).lower() in (member.name.lower(), str(member.value)):
            return member
    raise BadArgument(f"{name} is one of {', '.join(member.name.lower() for member in members)}.")


def _items(name: str, value: object) -> list[object]:
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    if isinstance(value, list | tuple):
        return list(value)
    raise BadArgument(f"{name} is a list: a,b,c or a JSON array.")


def _object(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise BadArgument(f'{name} is an object: {{"name": value, …}}.')
    return value
