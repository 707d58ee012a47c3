"""`neurond stake move|swap|transfer|unstake-all|show`: stake from position to position, and what positions are."""

from collections.abc import Awaitable, Callable

import click

from node.commands.common import Env, command, table
from node.commands.errors import NothingThere
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import NETUID, TOLERANCE, from_config
from node.commands.prices import change
from node.commands.subnets import hotkey_of
from node.commands.wallet import address_of
from node.control.amounts import format_amount, parse_amount, unit_of
from node.control.api import AccountRequest, Api, SubnetsRequest
from node.control.client_sync import SyncClient
from node.control.errors import BadAmount
from node.control.intents import Intent, MoveIntent, SwapIntent, TransferStakeIntent, UnstakeAllIntent
from node.control.options import DEFAULT_WALLET
from node.control.price_api import MarketsRequest
from node.control.schema import Account, View

ALL = "all"
_PPM = 1_000_000
Wanted = Callable[[Api, str], Awaitable[Intent]]


class PositionView(View, frozen=True):
    """One position; `day_change_ppm` is how far its price has gone in 24 hours, None where that is not known."""

    netuid: int
    subnet: str
    hotkey: str
    stake_alpha: int
    price_rao: int
    value_rao: int
    day_change_ppm: int | None


class PortfolioView(View, frozen=True):
    """All positions of an address, the most valuable first."""

    address: str
    height: int
    balance_rao: int
    stakes_value_rao: int
    positions: tuple[PositionView, ...]


class _AmountOrAll(click.ParamType[int | None]):
    """An exact amount of what is staked on the subnet (on root τ, else α), or "all" (None): what the position holds."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == ALL or value is None:
            return None
        given = {} if ctx is None else ctx.params
        netuid = given.get("origin", given.get("netuid", 1))
        try:
            return value if isinstance(value, int) else parse_amount(str(value), unit_of(netuid))
        except BadAmount as error:
            self.fail(str(error), param, ctx)


AMOUNT_OR_ALL = _AmountOrAll()
tolerance_option = click.option(
    "--tolerance", type=TOLERANCE, default=from_config("money.tolerance"), show_default="money.tolerance, 1 at first",
    metavar="PERCENT", help="How far the price may move.",
)  # fmt: skip
partial_option = click.option("--partial", is_flag=True, help="Fill what fits below the limit instead of refusing.")
hotkey_option = click.option("--hotkey", metavar="SS58", help="Validator. Default: the running node's hotkey.")
_ORIGIN = click.option(
    "--netuid", "--origin-netuid", "origin", type=NETUID, required=True, is_eager=True, help="Subnet it leaves."
)
_DESTINATION = click.option(
    "--to-netuid", "--dest-netuid", "destination", type=NETUID, help="Subnet it goes to. Default: the same."
)


@click.command("move")
@click.argument("amount", type=AMOUNT_OR_ALL, metavar="AMOUNT|all")
@click.option("--from", "--origin-hotkey", "origin_hotkey", metavar="SS58", help="Default: the node's hotkey.")
@click.option("--to", "--dest-hotkey", "destination_hotkey", metavar="SS58", required=True, help="The other hotkey.")
@_ORIGIN
@_DESTINATION
@tolerance_option
@money_command
def move(
    env: Env, money: MoneyOptions, amount: int | None, origin_hotkey: str | None, destination_hotkey: str,
    origin: int, destination: int | None, tolerance: int,
) -> None:  # fmt: skip
    """Take AMOUNT of stake from one hotkey to another; within a subnet nothing is bought or sold.

    \b
    Example:
      neurond stake move all --netuid 1 --to 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --dry-run
    """

    async def intent(api: Api, sender: str) -> MoveIntent:
        hotkey = await hotkey_of(env, api, origin_hotkey)
        alpha = await staked(api, sender, origin, hotkey) if amount is None else amount
        where = origin if destination is None else destination
        return MoveIntent(hotkey, address_of(env, destination_hotkey), origin, where, alpha, tolerance)

    run_intent(env, money, intent)


@click.command("swap")
@click.argument("amount", type=AMOUNT_OR_ALL, metavar="AMOUNT|all")
@_ORIGIN
@click.option("--to-netuid", "--dest-netuid", "destination", type=NETUID, required=True, help="Subnet it goes to.")
@hotkey_option
@tolerance_option
@partial_option
@money_command
def swap(
    env: Env, money: MoneyOptions, amount: int | None, origin: int, destination: int, hotkey: str | None,
    tolerance: int, partial: bool,
) -> None:  # fmt: skip
    """Exchange AMOUNT of α on one subnet for α on another, behind the same hotkey; both pools' prices move.

    \b
    Example:
      neurond stake swap 10 --netuid 1 --to-netuid 2 --tolerance 0.5 --dry-run
    """

    async def intent(api: Api, sender: str) -> SwapIntent:
        validator = await hotkey_of(env, api, hotkey)
        alpha = await staked(api, sender, origin, validator) if amount is None else amount
        return SwapIntent(validator, origin, destination, alpha, tolerance, partial)

    run_intent(env, money, intent)


@click.command("transfer")
@click.argument("amount", type=AMOUNT_OR_ALL, metavar="AMOUNT|all")
@click.argument("to", metavar="SS58")
@_ORIGIN
@_DESTINATION
@hotkey_option
@tolerance_option
@money_command
def transfer(
    env: Env, money: MoneyOptions, amount: int | None, to: str, origin: int, destination: int | None,
    hotkey: str | None, tolerance: int,
) -> None:  # fmt: skip
    """Give AMOUNT of stake to the coldkey SS58; it stays behind the same hotkey.

    \b
    Example:
      neurond stake transfer 5 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --netuid 1 --dry-run
    """

    async def intent(api: Api, sender: str) -> TransferStakeIntent:
        validator = await hotkey_of(env, api, hotkey)
        alpha = await staked(api, sender, origin, validator) if amount is None else amount
        where = origin if destination is None else destination
        return TransferStakeIntent(address_of(env, to), validator, origin, where, alpha, tolerance)

    run_intent(env, money, intent)


@click.command("unstake-all")
@hotkey_option
@click.option("--to-root", is_flag=True, help="Stake what comes back on root, behind the same hotkey.")
@tolerance_option
@money_command
def unstake_all(env: Env, money: MoneyOptions, hotkey: str | None, to_root: bool, tolerance: int) -> None:
    """Sell every position behind a hotkey, each shown with its price impact first.

    \b
    Example:
      neurond stake unstake-all --dry-run
    """

    async def intent(api: Api, _sender: str) -> UnstakeAllIntent:
        return UnstakeAllIntent(await hotkey_of(env, api, hotkey), to_root, tolerance)

    run_intent(env, money, intent)


@click.command("show")
@click.argument("who", default=DEFAULT_WALLET, metavar="[NAME|SS58]")
@command
def show(env: Env, who: str) -> None:
    """Show positions with price, value, and how far the price has gone in a day.

    \b
    Example:
      neurond stake show
    """
    with SyncClient(env.home) as client:
        account = client.call(AccountRequest(address_of(env, who)))
        board = client.call(MarketsRequest())
        names = {each.netuid: each.name for each in client.call(SubnetsRequest())}
    before = {each.netuid: each.before_rao for each in board.markets if each.since_ms is not None}
    found = portfolio(account, names, before)
    env.emit(found, lambda: _render(found))


def portfolio(account: Account, names: dict[int, str], before_rao: dict[int, int]) -> PortfolioView:
    """Return an account's positions with what the price was a day ago."""
    positions = []
    for each in sorted(account.stakes, key=lambda each: (-each.value_rao, each.netuid)):
        before = before_rao.get(each.netuid, 0)
        moved = (each.price_rao - before) * _PPM // before if before > 0 else None
        name = "root" if each.netuid == 0 else names.get(each.netuid, "")
        positions.append(
            PositionView(each.netuid, name, each.hotkey, each.stake_alpha, each.price_rao, each.value_rao, moved)
        )
    return PortfolioView(
        account.address, account.height, account.balance_rao, account.stakes_value_rao, tuple(positions)
    )  # fmt: skip


def _render(found: PortfolioView) -> None:
    rows = [
        (
            each.netuid,
            each.subnet,
            each.hotkey,
            format_amount(each.stake_alpha, unit_of(each.netuid), 4),
            format_amount(each.price_rao, decimals=6),
            format_amount(each.value_rao, decimals=4),
            "–" if each.day_change_ppm is None else change(_PPM, _PPM + each.day_change_ppm),
        )
        for each in found.positions
    ]
    columns = ("netuid", "subnet", "validator", "stake", "price", "value", "24 h")
    table(columns, rows, right=("netuid", *columns[3:]), empty="Nothing is staked.")
    staked_rao, free_rao = found.stakes_value_rao, found.balance_rao
    sums = [format_amount(rao, decimals=4) for rao in (staked_rao, free_rao, staked_rao + free_rao)]
    click.echo(f"staked {sums[0]}, free {sums[1]}, together {sums[2]} at block {found.height:,}")


async def staked(api: Api, sender: str, netuid: int, hotkey: str) -> int:
    """Return all that a coldkey has staked with a hotkey on a subnet. Raises NothingThere when that is nothing."""
    account = await api.account(sender)
    found = sum(each.stake_alpha for each in account.stakes if each.netuid == netuid and each.hotkey == hotkey)
    if not found:
        raise NothingThere(
            f"Nothing of yours is staked with {hotkey} on subnet {netuid}.", remedy="See `neurond stake list`."
        )
    return found
