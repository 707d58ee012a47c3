"""The tables of docs/cli.md, made from the commands themselves and from the table of aliases."""

from collections.abc import Iterator

import click

from docs.tables import table
from node.cli import cli
from node.commands.help_aliases import aliases


def _walk(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from _walk(found, (*words, name))
        elif found is not None:
            yield (*words, name), found


def commands() -> str:
    """Every command with its arguments, its flags and what it does; --home, --json, -q, -v and -h are left out."""
    rows = []
    for words, found in _walk(cli, ()):
        takes = [each.make_metavar(click.Context(found)) for each in found.params if isinstance(each, click.Argument)]
        flags = [
            max(each.opts, key=len)
            for each in found.params
            if isinstance(each, click.Option) and not each.hidden and each.name not in ("home", "as_json")
        ]
        shown = " ".join((*words, *takes))
        about = " ".join((found.help or "").split("\b")[0].split("\n\n")[0].split())
        rows.append((f"`{shown}`", ", ".join(f"`{each}`" for each in flags) or "–", about))
    return table(("command", "flags", "what it does"), rows)


def other_names() -> str:
    """Every name of other tools that is understood."""
    return table(
        ("written", "read as", "what it is"), [(f"`{each.theirs}`", f"`{each.ours}`", each.kind) for each in aliases()]
    )
