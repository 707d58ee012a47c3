"""`neurond stake`: putting τ behind validators and taking it back, with quotes and price limits."""

import click

from node.commands.common import Env, command, facts
from node.commands.errors import NothingThere
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import AMOUNT, TOLERANCE, netuid_option
from node.commands.subnets import node_hotkey
from node.commands.wallet import address_of, render_stakes
from node.control.actions import DEFAULT_TOLERANCE_PPM, StakeIntent, UnstakeIntent, unit_of
from node.control.amounts import format_amount, format_ppm, parse_amount
from node.control.api import AccountRequest, Api, QuoteStakeRequest, QuoteUnstakeRequest
from node.control.client_sync import SyncClient
from node.control.errors import BadAmount
from node.control.options import DEFAULT_WALLET
from node.control.schema import Quote

_ALL = "all"
_TOLERANCE_OPTION = click.option(
    "--tolerance", type=TOLERANCE, default=DEFAULT_TOLERANCE_PPM, metavar="PERCENT",
    help="How far the price may move. [default: 1]",
)  # fmt: skip
_PARTIAL = click.option("--partial", is_flag=True, help="Fill what fits below the limit instead of refusing.")
_HOTKEY = click.option("--hotkey", metavar="SS58", help="Validator. Default: the running node's hotkey.")


@click.group()
def stake() -> None:
    """Stake, unstake, quotes.

    \b
    Example:
      neurond stake add 100 --netuid 1 --dry-run
    """


@stake.command("add")
@click.argument("amount", type=AMOUNT)
@netuid_option
@_HOTKEY
@_TOLERANCE_OPTION
@_PARTIAL
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
        return StakeIntent(netuid, hotkey or await node_hotkey(api), amount, tolerance, partial)

    run_intent(env, money, intent)


@stake.command("remove")
@click.argument("amount", metavar="AMOUNT|all")
@netuid_option
@_HOTKEY
@_TOLERANCE_OPTION
@_PARTIAL
@money_command
def remove(
    env: Env, money: MoneyOptions, amount: str, netuid: int, hotkey: str | None, tolerance: int, partial: bool
) -> None:
    """Take AMOUNT of α (on root: τ), or all of it, back from a validator.

    \b
    Example:
      neurond stake remove all --netuid 1
    """
    wanted = None if amount == _ALL else _amount(amount)

    async def intent(api: Api, sender: str) -> UnstakeIntent:
        validator = hotkey or await node_hotkey(api)
        alpha = await _staked(api, sender, netuid, validator) if wanted is None else wanted
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
@click.argument("amount", type=AMOUNT)
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


def _amount(text: str) -> int:
    try:
        return parse_amount(text)
    except BadAmount as error:
        raise click.BadParameter(str(error), param_hint="AMOUNT|all") from error


async def _staked(api: Api, sender: str, netuid: int, hotkey: str) -> int:
    account = await api.account(sender)
    found = sum(each.stake_alpha for each in account.stakes if each.netuid == netuid and each.hotkey == hotkey)
    if not found:
        raise NothingThere(
            f"Nothing of yours is staked with {hotkey} on subnet {netuid}.", remedy="See `neurond stake list`."
        )
    return found


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
