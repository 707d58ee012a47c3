"""`neurond query` and `neurond tools`: every question of the control API by its name, and the catalogue for programs.

Both are made from `node.control.catalogue` and the call table: what a node learns to answer is here at once.
"""

from typing import Any, Final

import click
import msgspec

from node.commands.common import Env, command, facts, home_command, table
from node.control.catalogue import Read, reads, request_of
from node.control.client_sync import SyncClient
from node.control.errors import BadArgument
from node.control.limits import DOCTOR_TIMEOUT_S
from node.control.schema import View

_CELLS_MAX: Final = 8  # columns of a table that a terminal still shows
_TEXT_CHARS_MAX: Final = 60


class CallTool(View, frozen=True):
    """One call of the chain as the catalogue shows it; `arguments` are name and meaning with unit."""

    name: str
    about: str
    signed_by: str
    fee: str
    arguments: tuple[tuple[str, str], ...]
    errors: tuple[str, ...]
    example: str
    scope: str = "sign"


class Catalogue(View, frozen=True):
    """Everything that a program can ask (`reads`) and have done (`calls`)."""

    version: str
    reads: tuple[Read, ...]
    calls: tuple[CallTool, ...]


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.argument("words", nargs=-1, metavar="[ARGUMENT=VALUE]...")
@command
def query(env: Env, name: str | None, words: tuple[str, ...]) -> None:
    """Ask the node for NAME; without one, list what can be asked.

    \b
    Examples:
      neurond query
      neurond query metagraph netuid=1 --json
    """
    if name is None:
        _list(env)
        return
    request = request_of(name, _arguments(words))
    with SyncClient(env.home, timeout_s=DOCTOR_TIMEOUT_S) as client:
        answer = client.call(request)
    env.emit(answer, lambda: _render(msgspec.to_builtins(answer)))


@click.command()
@click.argument("name", required=False)
@home_command
def tools(_env: Env, name: str | None) -> None:
    """Print the catalogue as JSON: reads and calls with arguments, types, units, scopes and examples.

    \b
    Examples:
      neurond tools
      neurond tools metagraph
    """
    from node.version import __version__

    known_reads, known_calls = reads(), calls()
    if name is not None:
        known_reads = tuple(each for each in known_reads if each.name == name)
        known_calls = tuple(each for each in known_calls if each.name == name)
        if not known_reads and not known_calls:
            raise BadArgument(f"Nothing is called {name[:60]!r}.", remedy="`neurond tools` has all reads and calls.")
    found = Catalogue(__version__, known_reads, known_calls)
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))


def calls() -> tuple[CallTool, ...]:
    """Return every call of the chain, by name."""
    from node.ledger.calls import CALLS

    found = [
        CallTool(
            spec.name, (spec.kind.__doc__ or "").split("\n", 1)[0], spec.signer.value, spec.fee.value, spec.arguments,
            tuple(dict.fromkeys(each.code for each in spec.errors)),
            " ".join(("neurond tx send", spec.name, *(f"{name}=…" for name, _ in spec.arguments), "--dry-run")),
        )
        for spec in CALLS
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: each.name))


def _arguments(words: tuple[str, ...]) -> dict[str, object]:
    from node.control.call_form import parse_arguments

    return parse_arguments(words)


def _list(env: Env) -> None:
    found = reads()
    rows = [
        (each.name, ", ".join(arg.name if arg.required else f"[{arg.name}]" for arg in each.arguments), each.about)
        for each in found
    ]
    env.emit(found, lambda: table(("read", "arguments", "what it tells"), rows, empty="There is nothing to ask."))


def _render(value: Any) -> None:
    """Show an answer for people: one struct as facts, several as a table; the rest is for --json."""
    if isinstance(value, dict):
        facts([(key, _cell(each)) for key, each in value.items()])
    elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        columns = list(value[0])[:_CELLS_MAX]
        table(columns, [[_cell(row.get(column)) for column in columns] for row in value], empty="")
    else:
        click.echo(_cell(value) if value else "nothing")


def _cell(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and len(value) > 3:
        return f"{len(value)} entries (--json shows them)"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _TEXT_CHARS_MAX else f"{text[:_TEXT_CHARS_MAX]}…"
