"""The catalogue of what can be asked of a node: every read with its arguments, types, units and an example.

Made from the request structs and the docstrings of `Api`, for `neurond query`, `neurond tools`, the SDK and whatever
program wants to know. A method is a read only if it is listed here: one that is new changes things until it is.
"""

import inspect
import textwrap
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec
from msgspec import inspect as shapes

from node.control.errors import BadArgument
from node.control.methods import METHODS, Method
from node.control.requests import Request
from node.control.views.base import View

READS: Final = (
    "status", "doctor", "peers", "peer_bans", "peer_ping", "peer_detail", "network", "authorities",
    "proposals", "subnets", "metagraph", "seat", "account", "tx_context", "tx_preview", "tx_status", "quote_stake",
    "quote_unstake", "quote_exchange", "prices", "markets", "tasks", "task_detail", "earnings", "why", "logs",
    "log_file", "models", "data", "role_plan", "job", "channels", "budget", "journals", "journal_entries",
    "journal_forks", "offers", "receipts", "receipt", "usage", "audit",
)  # fmt: skip
"""Methods that change nothing, by wire name; those that this build does not have are passed over."""

_UNITS: Final = (
    ("_rao", "10^-9 τ"), ("_alpha", "10^-9 α (on root: τ)"), ("_ppm", "parts per million"), ("_ms", "milliseconds"),
    ("_s", "seconds"), ("_blocks", "blocks"), ("_gb", "GB"), ("_mb", "MB"),
)  # fmt: skip
_EXAMPLES: Final = {
    "netuid": "1", "origin_netuid": "1", "destination_netuid": "2", "uid": "0", "hotkey": "5F…", "address": "5F…",
    "author": "5F…", "validator": "5F…", "sender": "5F…", "amount_rao": "1000000000", "amount_alpha": "1000000000",
    "tolerance_ppm": "10000", "role": "miner", "peer_id": "12D3…", "transaction_hash": "ab…", "id": "ab…",
    "call": "0x…", "epoch": "10", "digest": "ab…",
}  # fmt: skip
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Argument(View, frozen=True):
    """One argument. `default` is JSON text, None where one must be given; `unit` is empty where there is none."""

    name: str
    type: str
    required: bool
    default: str | None = None
    unit: str = ""


class Read(View, frozen=True):
    """One read of the node; `answers` names the view that comes back (see `docs/sdk.md`)."""

    name: str
    about: str
    arguments: tuple[Argument, ...]
    answers: str
    example: str
    scope: Literal["read"] = "read"


def reads() -> tuple[Read, ...]:
    """Return every read of this build, by name."""
    return tuple(_read(METHODS[name]) for name in sorted(READS) if name in METHODS)


def request_of(name: str, arguments: Mapping[str, object]) -> Request[Any]:
    """Return the request of read `name` with `arguments`: values as JSON has them, or as text that fits.

    Raises:
        BadArgument: no such read, or an argument that is missing, unknown or does not fit; it is named.
    """
    method = METHODS.get(name) if name in READS else None
    if method is None:
        near = [each for each in sorted(READS) if each in METHODS and each[:3] == name[:3]]
        hint = f"Near it: {', '.join(near)}." if near else "`neurond query` lists all of them."
        raise BadArgument(f"There is no read {name[:60]!r}.", remedy=hint)
    fields = {field.name: field for field in msgspec.structs.fields(method.request)}
    for given in arguments:
        if given not in fields:
            raise BadArgument(f"{name} has no argument {given[:60]!r}; it takes {', '.join(fields) or 'none'}.")
    for field in fields.values():
        if field.required and field.name not in arguments:
            raise BadArgument(f"{name} needs the argument {field.name}.", remedy=_read(method).example)
    values = {key: _fitted(shapes.type_info(fields[key].type), value) for key, value in arguments.items()}
    try:
        found: Request[Any] = msgspec.convert(values, method.request)
    except (msgspec.ValidationError, OverflowError) as error:
        raise BadArgument(f"{name}: {error}.", remedy=f"As in: {_read(method).example}") from error
    return found


def _fitted(kind: shapes.Type, value: object) -> object:
    """Return text as the number, flag, bytes or list that the argument is; leave to the decoder what does not fit."""
    if not isinstance(value, str):
        return value
    match kind:
        case shapes.UnionType(types=types):
            inner = [each for each in types if not isinstance(each, shapes.NoneType)]
            if value.lower() in ("none", "null") and len(inner) < len(types):
                return None
            return _fitted(inner[0], value) if len(inner) == 1 else value
        case shapes.IntType():
            digits = value.replace(",", "")
            return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else value
        case shapes.FloatType():
            try:
                return float(value)
            except ValueError:
                return value
        case shapes.BoolType():
            return True if value.lower() in _TRUE else False if value.lower() in _FALSE else value
        case shapes.BytesType():
            try:
                return bytes.fromhex(value.removeprefix("0x"))
            except ValueError as error:
                raise BadArgument(f"{value[:24]!r} are no hex digits.") from error
        case shapes.VarTupleType(item_type=item):
            return tuple(_fitted(item, part) for part in value.split(",") if part)
        case _:
            return value


def _read(method: Method) -> Read:
    arguments = tuple(_argument(field) for field in msgspec.structs.fields(method.request))
    needed = [f"{each.name}={_EXAMPLES.get(each.name, '…')}" for each in arguments if each.required]
    example = " ".join(("neurond query", method.name, *needed))
    return Read(method.name, _about(method.name), arguments, _type_name(method.result), example)


def _argument(field: msgspec.structs.FieldInfo) -> Argument:
    default = None if field.required else msgspec.json.encode(field.default).decode()
    unit = next((unit for end, unit in _UNITS if field.name.endswith(end)), "")
    return Argument(field.name, _kind_name(shapes.type_info(field.type)), field.required, default, unit)


def _about(name: str) -> str:
    from node.control.api import Api

    text = inspect.getdoc(getattr(Api, name)) or ""
    first = " ".join(textwrap.dedent(text).split("\n\n", 1)[0].split())
    return first or _first_line(get_args(METHODS[name].result) or (METHODS[name].result,))


def _first_line(kinds: tuple[Any, ...]) -> str:
    return (inspect.getdoc(kinds[0]) or "").split("\n", 1)[0]


def _type_name(kind: Any) -> str:
    inner = get_args(kind)
    return f"list of {inner[0].__name__}" if inner else str(kind.__name__)


def _kind_name(kind: shapes.Type) -> str:
    match kind:
        case shapes.IntType(ge=least, le=most):
            return f"int {least} to {most}" if least is not None and most is not None else "int"
        case shapes.FloatType():
            return "number"
        case shapes.StrType(pattern=str()):
            return "64 hex digits"
        case shapes.StrType(max_length=most):
            return f"text of at most {most}" if most is not None else "text"
        case shapes.BytesType():
            return "bytes as hex"
        case shapes.BoolType():
            return "true or false"
        case shapes.LiteralType(values=values):
            return " or ".join(str(each) for each in values)
        case shapes.VarTupleType(item_type=item):
            return f"list of {_kind_name(item)}"
        case shapes.UnionType(types=types):
            return " or ".join(_kind_name(each) for each in types)
        case shapes.NoneType():
            return "none"
        case _:
            return "object"
