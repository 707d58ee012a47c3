"""`neurond usage`: what was asked for through this node, or done by it for others, from its receipts."""

from typing import Final, get_args

import click

from node.commands.common import Env, command, short, table
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.record_api import UsageRequest
from node.control.views.records import Usage, UsageGroup

GROUPS: Final[tuple[UsageGroup, ...]] = get_args(UsageGroup)


@click.command()
@click.option("--group", type=click.Choice(GROUPS), default="day", show_default=True, help="What to add up by.")
@click.option("--served", is_flag=True, help="What this node did for others, instead of what it asked for.")
@command
def usage(env: Env, group: UsageGroup, served: bool) -> None:
    """Add up calls, tokens, units and what was spent.

    \b
    Examples:
      neurond usage
      neurond usage --group model --json
      neurond usage --served
    """
    with SyncClient(env.home) as client:
        found = client.call(UsageRequest(group, served))
    env.emit(found, lambda: _render(found))


def _render(found: Usage) -> None:
    columns = (found.group, "subnet", "calls", "prompt tokens", "tokens", "units", "spent")
    rows: list[tuple[object, ...]] = [
        (short(each.group) if found.group == "miner" and each.group else each.group or "-", each.netuid, each.calls,
         each.prompt_tokens, each.completion_tokens, each.units, format_amount(each.spent_rao))
        for each in found.lines
    ]  # fmt: skip
    if len(rows) > 1:
        lines = found.lines
        rows.append((
            "together", "", sum(each.calls for each in lines), sum(each.prompt_tokens for each in lines),
            sum(each.completion_tokens for each in lines), sum(each.units for each in lines),
            format_amount(sum(each.spent_rao for each in lines)),
        ))  # fmt: skip
    empty = "Nothing was served yet." if found.served else "Nothing was asked through this node yet."
    table(columns, rows, right=columns[1:], empty=empty)
