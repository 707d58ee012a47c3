"""`neurond budget`: what this node may spend for calls, by itself and without asking again."""

import click

from node.commands.common import Env, command, confirm, facts
from node.commands.lazy import DefaultGroup
from node.commands.options import AMOUNT
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.money_api import BudgetRequest, BudgetSetRequest
from node.control.schema import BudgetView


class _Limit(click.ParamType[int]):
    """An amount of τ, or 0 for none at all."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return 0 if str(value) == "0" else AMOUNT.convert(value, param, ctx)


LIMIT = _Limit()


@click.group(cls=DefaultGroup, default="show")
def budget() -> None:
    """What this node may spend for calls; nothing until you say so.

    \b
    Example:
      neurond budget set --per-call 0.01 --per-day 0.5 --channel 1
    """


@budget.command("show")
@command
def show(env: Env) -> None:
    """Show the limits, what was spent today, and what the paying account has.

    \b
    Example:
      neurond budget
    """
    with SyncClient(env.home) as client:
        found = client.call(BudgetRequest())
    env.emit(found, lambda: _render(found))


@budget.command("set")
@click.option("--per-call", type=LIMIT, help="The most τ that one call may cost.")
@click.option("--per-day", type=LIMIT, help="The most τ that all calls of a day (UTC) may cost.")
@click.option("--channel", type=LIMIT, help="τ that the node locks by itself for a miner it needs; 0: never.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would happen.")
@command
def set_budget(
    env: Env, per_call: int | None, per_day: int | None, channel: int | None, yes: bool, dry_run: bool
) -> None:
    """Change limits; what is not named stays as it is.

    \b
    Example:
      neurond budget set --per-day 0
    """
    if per_call is None and per_day is None and channel is None:
        raise click.UsageError("Name --per-call, --per-day or --channel.")
    with SyncClient(env.home) as client:
        now = client.call(BudgetRequest())
        facts(
            [
                *_change("per call", now.per_call_rao, per_call),
                *_change("per day", now.per_day_rao, per_day),
                *_change("for a channel", now.channel_rao, channel),
            ],
            err=True,
        )
        if dry_run:
            env.emit(now, lambda: None)
            return
        confirm("Let the node spend within these limits?", yes=yes)
        found = client.call(BudgetSetRequest(per_call, per_day, channel))
    env.emit(found, lambda: _render(found))


def _change(label: str, now_rao: int, then_rao: int | None) -> list[tuple[str, object]]:
    return [] if then_rao is None else [(label, f"{format_amount(now_rao)} → {format_amount(then_rao)}")]


def _render(found: BudgetView) -> None:
    facts(
        [
            ("per call", format_amount(found.per_call_rao)),
            ("per day", format_amount(found.per_day_rao)),
            ("for a channel", format_amount(found.channel_rao) if found.channel_rao else "opens none by itself"),
            ("spent today", format_amount(found.used_rao)),
            ("set aside", format_amount(found.reserved_rao)),
            ("account", found.account),
            ("balance", format_amount(found.balance_rao)),
        ]
    )
    if not (found.per_call_rao and found.per_day_rao):
        click.echo("This node pays for no calls. `neurond budget set --per-call 0.01 --per-day 0.5` changes that.")
    elif not found.balance_rao:
        click.echo(f"The account is empty. `neurond wallet transfer {found.account} 1` pays in.")
