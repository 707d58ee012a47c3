"""`neurond wallet transfer`: sending τ."""

import click

from node.commands.common import Env
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import AMOUNT
from node.control.api import Api
from node.control.intents import TransferIntent


@click.command("transfer")
@click.argument("to", metavar="TO")
@click.argument("amount", type=AMOUNT)
@money_command
def transfer(env: Env, money: MoneyOptions, to: str, amount: int) -> None:
    """Send AMOUNT of τ to an address, a wallet, WALLET/HOTKEY or a label of the address book.

    \b
    Example:
      neurond wallet transfer 5F… 12.5 --dry-run
    """
    from node.control.addresses import find_address

    receiver = find_address(env.home, to)

    async def intent(_api: Api, _sender: str) -> TransferIntent:
        return TransferIntent(receiver, amount)

    run_intent(env, money, intent)
