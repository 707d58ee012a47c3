"""Tables of the documentation that are made from the program: calls, events, state items, structs, errors, bounds.

Every function returns Markdown. Nothing here is written by hand twice: a table that differs from the program fails a
test, and `python -m docs.generate` writes it anew.
"""

import ast
import enum
import importlib
import inspect
import types
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, NewType, Union, get_args, get_origin

import msgspec

from node.commands.explain import error_codes
from node.control.config_kinds import show
from node.control.config_settings import SETTINGS
from node.ledger import genesis, transition
from node.ledger.calls import CALLS
from node.ledger.events import Event
from node.ledger.header import Authority
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import ITEMS, Map
from node.subnets.base import Code

ROOT = Path(__file__).resolve().parent.parent
_LOADED = (genesis, transition)  # importing them registers every item of the state
_ALWAYS_BOUNDED = {"account", "rao", "alpha", "netuid", "uid"}  # the document says their bounds once
_SHORT = {"int, 0 to 65,535": "u16", "int, 0 to 2^63 - 1": "u63"}
_COUNTS = {"node": "the node", "window": "the window", "command": "a command"}
_WORDS = {"AccountId": "account", "SetId": "set id", "NetUid": "netuid"}


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def type_name(kind: Any) -> str:
    """A type in the words of the protocol document."""
    if isinstance(kind, NewType):
        return _WORDS.get(kind.__name__, kind.__name__.lower())
    origin = get_origin(kind)
    if origin is Annotated:
        base, *metas = get_args(kind)
        return _bounded(type_name(base), metas)
    if origin is tuple:
        parts = get_args(kind)
        if not parts:
            return "nothing"
        if len(parts) == 2 and parts[1] is Ellipsis:
            return f"list of {type_name(parts[0])}"
        return f"({', '.join(type_name(part) for part in parts)})"
    if origin in (Union, types.UnionType):
        parts = get_args(kind)
        return " or ".join(type_name(part) for part in parts) if len(parts) < 4 else "one of the tagged structs"
    if isinstance(kind, tuple):
        return f"({', '.join(type_name(part) for part in kind)})"
    return {str: "text"}.get(kind, kind.__name__)


def _bounded(base: str, metas: list[Any]) -> str:
    if base in _ALWAYS_BOUNDED:
        return base
    for meta in metas:
        if not isinstance(meta, msgspec.Meta):
            continue
        if meta.ge is not None or meta.le is not None:
            text = f"{base}, {_number(meta.ge or 0)} to {_number(meta.le) if meta.le is not None else '2^64 - 1'}"
            return _SHORT.get(text, text)
        if meta.max_length is not None:
            what = {"bytes": " bytes", "text": " characters"}.get(base, "")
            least = f"{meta.min_length} to " if meta.min_length else "at most "
            return f"{base}, {least}{meta.max_length}{what}"
    return base


def _number(value: float) -> str:
    powers = {2**63 - 1: "2^63 - 1", 0xFFFF: "65,535", 1 << 60: "2^60", 3 << 60: "3·2^60"}
    return powers.get(int(value), f"{value:,}") if value == int(value) else f"{value:,}"


def first_line(kind: object) -> str:
    """The first sentence of a docstring, on one line."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n", 1)[0].split())


def fields_of(kind: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    """The fields of a struct in wire order."""
    return list(msgspec.structs.fields(kind))


def calls() -> str:
    """Every call: number, name, signer, fee and fields."""
    rows = []
    for spec in CALLS:
        fields = ", ".join(f"`{each.name}`: {type_name(each.type)}" for each in fields_of(spec.kind))
        rows.append((str(spec.number), f"`{spec.name}`", spec.signer.value, spec.fee.name.lower(), fields))
    return table(("tag", "call", "signed by", "fee", "fields in wire order"), rows)


def call_errors() -> str:
    """What every call can end with."""
    rows = [
        (f"`{spec.name}`", first_line(spec.kind), ", ".join(dict.fromkeys(f"`{each.code}`" for each in spec.errors)))
        for spec in CALLS
    ]
    return table(("call", "meaning", "may end with"), rows)


def events() -> str:
    """Every event with its tag and fields."""
    rows = []
    for kind in get_args(Event):
        fields = ", ".join(f"`{each.name}`: {type_name(each.type)}" for each in fields_of(kind))
        rows.append((str(kind.__struct_config__.tag), f"`{kind.__name__}`", first_line(kind), fields))
    return table(("tag", "event", "meaning", "fields in wire order"), rows)


def state() -> str:
    """Every item of the state."""
    rows = []
    for (pallet, name), item in sorted(ITEMS.items(), key=itemgetter(0)):
        key = type_name(item.key) if isinstance(item, Map) else "none"
        default = "no" if item.default is None else "yes"
        rows.append((f"`{pallet}`", f"`{name}`", key, type_name(item.kind), default, item.about))
    return table(("pallet", "item", "key", "value", "default", "meaning"), rows)


def state_values() -> str:
    """The fields of every struct that the state holds."""
    kinds: dict[str, type[msgspec.Struct]] = {}
    for item in ITEMS.values():
        if inspect.isclass(item.kind) and issubclass(item.kind, msgspec.Struct):
            kinds[item.kind.__name__] = item.kind
    kinds.update({each.__name__: each for each in (Authority,)})
    rows = []
    for name in sorted(kinds):
        if kinds[name] not in (Parameters, Hyperparameters):
            fields = ", ".join(f"`{each.name}`: {type_name(each.type)}" for each in fields_of(kinds[name]))
            rows.append((f"`{name}`", first_line(kinds[name]), fields))
    return table(("value", "meaning", "fields in wire order"), rows)


def struct(path: str) -> str:
    """One struct of the wire: `module.Name`."""
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    tag = kind.__struct_config__.tag
    rows = [] if tag is None else [("0", "tag", f"{tag}")]
    rows += [
        (str(place), f"`{each.name}`", type_name(each.type)) for place, each in enumerate(fields_of(kind), len(rows))
    ]
    return table(("place", "field", "type"), rows) if rows else "An empty array."


def numbers(kind: type[msgspec.Struct]) -> str:
    """Parameters with their default and range."""
    rows = [(f"`{each.name}`", _default(each.default), type_name(each.type)) for each in fields_of(kind)]
    return table(("name", "default", "type and range"), rows)


def _default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:,}"


def codes() -> str:
    """The codes of refusals and verdicts."""
    return table(("number", "code"), [(str(code.value), f"`{code.name}`") for code in Code])


def enumeration(path: str) -> str:
    """One enumeration: `module.Name`."""
    module, _, name = path.rpartition(".")
    kind: type[enum.Enum] = getattr(importlib.import_module(module), name)
    return table(("value", "name"), [(f"`{each.value}`", f"`{each.name}`") for each in kind])


def errors() -> str:
    """Every error code with meaning and remedy."""
    rows = [(f"`{each.code}`", each.meaning, each.remedy or "–") for each in error_codes().values()]
    return table(("code", "meaning", "what to do"), rows)


def settings() -> str:
    """Every setting: key, default, what is allowed, when a change counts, what it means."""
    rows = [
        (
            f"`{each.key}`", show(each.default) or each.otherwise or "–", each.kind.words, _COUNTS[each.applies],
            each.help,
        )
        for each in SETTINGS
    ]  # fmt: skip
    return table(("setting", "default", "allowed", "counts at the next start of", "meaning"), rows)


def limits(module: str) -> str:
    """The bounds of one limits module with their reasons, read from its source."""
    loaded = importlib.import_module(module)
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    lines, tree = source.split("\n"), ast.parse(source)
    rows = []
    for index, node in enumerate(tree.body):
        target = _target(node)
        if target is None:
            continue
        comment = lines[(node.end_lineno or node.lineno) - 1].partition("  # ")[2]
        following = tree.body[index + 1] if index + 1 < len(tree.body) else None
        rows.append((f"`{target}`", _value(getattr(loaded, target)), comment or _docstring(following)))
    return table(("bound", "value", "reason"), rows)


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _target(node: ast.stmt) -> str | None:
    target: ast.expr | None = None
    if isinstance(node, ast.AnnAssign):
        target = node.target
    elif isinstance(node, ast.Assign):
        target = node.targets[0]
    if not isinstance(target, ast.Name) or not target.id.isupper() or target.id.startswith("_"):
        return None
    return target.id


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return "–"


def parameters() -> str:
    """What holds for the whole chain."""
    return numbers(Parameters)


def hyperparameters() -> str:
    """What holds for one subnet."""
    return numbers(Hyperparameters)
