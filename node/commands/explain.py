"""`neurond explain`: what an error code means and what to do, and what the calls of transactions are.

Both are read from the program itself: the error trees and the table of calls.
"""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, facts, table
from node.commands.errors import NothingThere
from node.control.call_form import AMOUNT_FIELDS
from node.control.schema import View
from node.ledger.calls import CALLS, CallSpec
from node.primitives.errors import NodeError

_LEAVES: Final = ("p2p.errors", "storage.errors", "models.errors")


class ErrorInfo(View, frozen=True):
    """One error code."""

    code: str
    meaning: str
    remedy: str


class CallInfo(View, frozen=True):
    """One call of transactions; `arguments` are name and meaning with unit."""

    name: str
    meaning: str
    signer: str
    fee: str
    arguments: tuple[tuple[str, str], ...]
    errors: tuple[str, ...]


@click.command()
@click.argument("word", required=False, metavar="[CODE|CALL]")
@command
def explain(env: Env, word: str | None) -> None:
    """Explain an error code or a call of the chain; without one, list them all.

    \b
    Examples:
      neurond explain not_running
      neurond explain add_stake
    """
    if word is None:
        _list(env)
        return
    call = next((each for each in CALLS if each.name == word), None)
    if call is not None:
        shown = _call_info(call)
        env.emit(shown, lambda: _render_call(shown))
        return
    found = error_named(word)
    if found is None:
        raise NothingThere(f"Nothing is called {word!r} here.", remedy="See `neurond explain` for all codes and calls.")
    env.emit(found, lambda: facts([("code", found.code), ("meaning", found.meaning), ("remedy", found.remedy or "-")]))


def error_codes() -> dict[str, ErrorInfo]:
    """Return every error that this program can end with, by code; a general one never hides a special one."""
    found: dict[str, ErrorInfo] = {}
    for kind in sorted(_error_classes(), key=lambda each: len(each.__mro__), reverse=True):
        told = _told(kind)
        if told is not None:
            found.setdefault(told.code, told)
    return dict(sorted(found.items()))


def error_named(code: str) -> ErrorInfo | None:
    """Return one error by its code, loading no more than it takes to find it."""
    own = (kind for kind in _error_classes() if vars(kind).get("code") == code)
    found = next(own, None)
    return error_codes().get(code) if found is None else _told(found)


def _told(kind: type[Exception]) -> ErrorInfo | None:
    code, remedy = getattr(kind, "code", None), getattr(kind, "remedy", "")
    if not isinstance(code, str):
        return None
    meaning = getattr(kind, "sentence", "") or _first_line(kind)
    return ErrorInfo(code, meaning, remedy if isinstance(remedy, str) else "")


def _error_classes() -> Iterator[type[Exception]]:
    """Yield every error class, those that are quick to load first."""
    import node

    root = Path(node.__path__[0])
    files = [*root.rglob("errors.py"), *root.rglob("errors/__init__.py")]
    names = sorted(".".join(("node", *each.relative_to(root).with_suffix("").parts)) for each in files)
    plain = [name.removesuffix(".__init__") for name in names]
    for name in ["node.primitives.errors", *sorted(plain, key=lambda each: each.startswith("node.subnets")), *_LEAVES]:
        for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            own = kind.__module__ == name or kind.__module__.startswith(f"{name}.")
            if issubclass(kind, Exception) and own and (issubclass(kind, NodeError) or name in _LEAVES):
                yield kind


def _list(env: Env) -> None:
    errors = tuple(error_codes().values())
    calls = tuple(_call_info(each) for each in CALLS)

    def render() -> None:
        table(("call", "meaning"), [(each.name, each.meaning) for each in calls], empty="There are no calls.")
        click.echo()
        table(("error", "meaning"), [(each.code, each.meaning) for each in errors], empty="There are no errors.")

    env.emit({"calls": calls, "errors": errors}, render)


def _call_info(spec: CallSpec) -> CallInfo:
    codes = tuple(dict.fromkeys(each.code for each in spec.errors))
    return CallInfo(spec.name, _first_line(spec.kind), spec.signer.value, spec.fee.value, spec.arguments, codes)


def _render_call(shown: CallInfo) -> None:
    facts(
        [
            ("call", shown.name),
            ("meaning", shown.meaning),
            ("signed by", shown.signer),
            ("fee", shown.fee),
            *((f"  {name}", f"{meaning}{_in_text(name)}") for name, meaning in shown.arguments),
            ("may fail with", ", ".join(shown.errors)),
        ]
    )


def _in_text(name: str) -> str:
    """What is added for those who write the argument after `neurond tx send`, where 5 is five τ and not five rao."""
    return "; written as whole τ or α, such as 12.5" if name.endswith(AMOUNT_FIELDS) else ""


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").split("\n", 1)[0]
