"""`neurond do`: an order to the wallet in words, such as "buy 10 sn4"; always shown before it is signed."""

from typing import TYPE_CHECKING

import click

from node.commands.common import Env, facts
from node.commands.errors import NothingThere
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import TOLERANCE, from_config
from node.control.amounts import format_amount

if TYPE_CHECKING:
    from node.control.api import Api
    from node.control.intents import Intent
    from node.control.orders import Order
    from node.control.views.chain import SubnetInfo


@click.command("do")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--tolerance", type=TOLERANCE, default=from_config("money.tolerance"), show_default="money.tolerance, 1 at first",
    metavar="PERCENT", help="How far the price may move, where the order does not say.",
)  # fmt: skip
@money_command
def do(env: Env, money: MoneyOptions, words: tuple[str, ...], tolerance: int) -> None:
    """Carry out an order in words: what it means is shown first, and nothing is guessed.

    \b
    Orders:
      buy AMOUNT snN [at HOTKEY] [within P%]         stake τ on a subnet
      sell AMOUNT|all snN [at HOTKEY] [within P%]    take α back as τ
      swap AMOUNT|all snN snM [at HOTKEY] [within P%]
      send AMOUNT WHOM                               an address, a wallet or a label
      balance [WHOM]
      price snN

    \b
    Examples:
      neurond do buy 10 sn4 --dry-run
      neurond do "swap all sn1 sn4 within 0.5%"
      neurond do send 2 to alice
    """
    from node.control.orders import read_order

    order = read_order(" ".join(words))
    match order.verb:
        case "balance":
            _balance(env, money, order.whom)
        case "price":
            _price(env, order.netuids[0])
        case _:
            chosen = tolerance if order.tolerance_ppm is None else order.tolerance_ppm
            receiver = _receiver(env, order.whom)

            async def intent(api: "Api", sender: str) -> "Intent":
                return await _intent(env, api, sender, order, receiver, chosen)

            run_intent(env, money, intent)


def _receiver(env: Env, whom: str) -> str:
    if not whom:
        return ""
    from node.control.addresses import find_address

    return find_address(env.home, whom)


async def _intent(env: Env, api: "Api", sender: str, order: "Order", receiver: str, tolerance_ppm: int) -> "Intent":
    """What moves money, as previews and signing take it."""
    from node.commands.stake_moves import staked
    from node.commands.subnets import hotkey_of
    from node.control.intents import StakeIntent, SwapIntent, TransferIntent, UnstakeIntent

    if order.verb == "send":
        return TransferIntent(receiver, order.amount or 0)
    first, hotkey = order.netuids[0], await hotkey_of(env, api, order.hotkey or None)
    if order.verb == "buy":
        return StakeIntent(first, hotkey, order.amount or 0, tolerance_ppm)
    alpha = await staked(api, sender, first, hotkey) if order.amount is None else order.amount
    if order.verb == "sell":
        return UnstakeIntent(first, hotkey, alpha, tolerance_ppm)
    return SwapIntent(hotkey, first, order.netuids[1], alpha, tolerance_ppm)


def _balance(env: Env, money: MoneyOptions, whom: str) -> None:
    from node.commands.wallet_show import address_of, render_account
    from node.control.api import AccountRequest
    from node.control.client_sync import SyncClient

    with SyncClient(env.home) as client:
        found = client.call(AccountRequest(address_of(env, whom or money.wallet)))
    env.emit(found, lambda: render_account(found))


def _price(env: Env, netuid: int) -> None:
    from node.control.api import SubnetsRequest
    from node.control.client_sync import SyncClient

    with SyncClient(env.home) as client:
        found: SubnetInfo | None = next((each for each in client.call(SubnetsRequest()) if each.netuid == netuid), None)
    if found is None:
        raise NothingThere(f"There is no subnet {netuid}.", remedy="`neurond subnets list` shows what there is.")
    shown = found
    env.emit(shown, lambda: facts([("subnet", f"{netuid} {shown.name}"), ("1 α", format_amount(shown.price_rao))]))
