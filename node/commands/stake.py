"""`neurond stake`: putting τ behind validators and taking it back, with quotes and price limits."""

import click

from node.commands.common import Env, command, facts
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import AMOUNT, ANY_AMOUNT, netuid_option
from node.commands.stake_gains import gains
from node.commands.stake_moves import (
    AMOUNT_OR_ALL,
    hotkey_option,
    move,
    partial_option,
    show,
    staked,
    swap,
    tolerance_option,
    transfer,
    unstake_all,
)
from node.commands.subnets import hotkey_of
from node.commands.wallet import address_of, render_stakes
from node.control.amounts import format_amount, format_ppm, unit_of
from node.control.api import AccountRequest, Api, QuoteStakeRequest, QuoteUnstakeRequest
from node.control.client_sync import SyncClient
from node.control.intents import StakeIntent, UnstakeIntent
from node.control.options import DEFAULT_WALLET
from node.control.schema import Quote


@click.group()
def stake() -> None:
    """Stake, unstake, move, swap, transfer; quotes and positions.

    \b
    Example:
      neurond stake add 100 --netuid 1 --dry-run
    """


for each in (move, swap, transfer, unstake_all, show, gains):
    stake.add_command(each)


@stake.command("add")
@click.argument("amount", type=AMOUNT)
@netuid_option
@hotkey_option
@tolerance_option
@partial_option
@money_command
def add(
    env: Env, money: MoneyOptions, amount: int, netuid: int, hotkey: str | None, tolerance: int, partial: bool
) -> None:
    """Stake AMOUNT of τ behind a validator of a subnet; the preview shows the price impact first.

    \b
    Example:
      neurond stake add 100 --netuid 1 --tolerance 0.5
    """

    async def intent(api: Api, _sender: str) -> StakeIntent:
        return StakeIntent(netuid, await hotkey_of(env, api, hotkey), amount, tolerance, partial)

    run_intent(env, money, intent)


@stake.command("remove")
@click.argument("amount", type=AMOUNT_OR_ALL, metavar="AMOUNT|all")
@netuid_option
@hotkey_option
@tolerance_option
@partial_option
@money_command
def remove(
    env: Env, money: MoneyOptions, amount: int | None, netuid: int, hotkey: str | None, tolerance: int, partial: bool
) -> None:
    """Take AMOUNT of α (on root: τ), or all of it, back from a validator.

    \b
    Example:
      neurond stake remove all --netuid 1
    """

    async def intent(api: Api, sender: str) -> UnstakeIntent:
        validator = await hotkey_of(env, api, hotkey)
        alpha = await staked(api, sender, netuid, validator) if amount is None else amount
        return UnstakeIntent(netuid, validator, alpha, tolerance, partial)

    run_intent(env, money, intent)


@stake.command("list")
@click.argument("who", default=DEFAULT_WALLET, metavar="[NAME|SS58]")
@command
def list_stakes(env: Env, who: str) -> None:
    """List the stakes of a wallet or of any address.

    \b
    Example:
      neurond stake list
    """
    with SyncClient(env.home) as client:
        found = client.call(AccountRequest(address_of(env, who)))
    env.emit(found.stakes, lambda: render_stakes(found))


@stake.command("quote")
@click.argument("amount", type=ANY_AMOUNT)
@netuid_option
@click.option("--unstake", is_flag=True, help="AMOUNT is α (on root: τ) to be taken back.")
@command
def quote(env: Env, amount: int, netuid: int, unstake: bool) -> None:
    """Show what a stake (or unstake) would bring now, with its price impact.

    \b
    Example:
      neurond stake quote 100 --netuid 1
    """
    with SyncClient(env.home) as client:
        if unstake:
            found = client.call(QuoteUnstakeRequest(netuid, amount))
        else:
            found = client.call(QuoteStakeRequest(netuid, amount))
    env.emit(found, lambda: _render(found))


def _render(found: Quote) -> None:
    tao, alpha = format_amount(found.tao_rao), format_amount(found.amount_alpha, unit_of(found.netuid))
    pays, gets = (tao, alpha) if found.direction == "stake" else (alpha, tao)
    facts(
        [
            ("pay", pays),
            ("get", gets),
            ("swap fee (in the price)", format_amount(found.fee_rao)),
            ("price of 1 α", f"{format_amount(found.price_before_rao)} → {format_amount(found.price_after_rao)}"),
            ("price impact", format_ppm(found.impact_ppm)),
            ("as of block", f"{found.height:,}"),
        ]
    )
