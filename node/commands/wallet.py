"""`neurond wallet`: keys on this machine, balances, transfers. Keys are opened here, never in the daemon."""

import os
import sys

import click

from node.commands.common import Env, command, facts, narrate, table
from node.commands.errors import PasswordNeeded
from node.commands.money import PASSWORD_VARIABLE, MoneyOptions, money_command, run_intent
from node.commands.options import AMOUNT
from node.control.actions import TransferIntent, unit_of
from node.control.amounts import format_amount
from node.control.api import AccountRequest, Api
from node.control.client_sync import SyncClient
from node.control.options import DEFAULT_WALLET
from node.control.schema import Account, View
from node.control.wallets import Wallet, wallet_store
from node.primitives.address import from_ss58
from node.primitives.errors import AddressError

_NAME = click.argument("name", default=DEFAULT_WALLET)
_NO_PASSWORD = click.option(
    "--no-password", is_flag=True, help="Leave the coldkey unencrypted: for test networks only."
)


class HotkeyView(View, frozen=True):
    """A hotkey of a wallet."""

    name: str
    address: str
    sealed: bool


class WalletView(View, frozen=True):
    """A wallet; `words` only right after it was created."""

    name: str
    address: str
    path: str
    sealed: bool
    hotkeys: tuple[HotkeyView, ...]
    words: str | None = None


@click.group()
def wallet() -> None:
    """Keys, balances, transfers.

    \b
    Example:
      neurond wallet create
    """


@wallet.command("create")
@_NAME
@click.option(
    "--words", "count", type=click.Choice(["12", "24"]), default="12", show_default=True, help="Recovery words."
)
@_NO_PASSWORD
@command
def create(env: Env, name: str, count: str, no_password: bool) -> None:
    """Make a wallet with a coldkey and a hotkey, and show its recovery words once.

    \b
    Example:
      neurond wallet create savings --words 24
    """
    password = _new_password(no_password)
    made, words = wallet_store(env.home).create(name, password, words=24 if count == "24" else 12)
    shown = _view(made, words)

    def render() -> None:
        narrate("Write these words down. They are shown once, and whoever has them has the money:")
        click.echo(words)
        _render(shown)

    env.emit(shown, render)


@wallet.command("restore")
@_NAME
@_NO_PASSWORD
@command
def restore(env: Env, name: str, no_password: bool) -> None:
    """Make a wallet again from its recovery words, typed in or piped in.

    \b
    Example:
      neurond wallet restore savings
    """
    terminal = sys.stdin.isatty()
    words = click.prompt("Recovery words", hide_input=True, err=True) if terminal else sys.stdin.readline(4096)
    shown = _view(wallet_store(env.home).restore(name, words, _new_password(no_password)))
    env.emit(shown, lambda: _render(shown))


@wallet.command("list")
@command
def list_wallets(env: Env) -> None:
    """List the wallets of this home.

    \b
    Example:
      neurond wallet list
    """
    found = tuple(_view(each) for each in wallet_store(env.home).wallets())
    rows = [
        (each.name, each.address, "yes" if each.sealed else "NO", ", ".join(hotkey.name for hotkey in each.hotkeys))
        for each in found
    ]
    empty = "No wallets yet. Make one with `neurond wallet create`."
    env.emit(found, lambda: table(("name", "coldkey", "encrypted", "hotkeys"), rows, empty=empty))


@wallet.command("show")
@_NAME
@command
def show(env: Env, name: str) -> None:
    """Show the addresses of a wallet and its hotkeys.

    \b
    Example:
      neurond wallet show
    """
    shown = _view(wallet_store(env.home).open(name))
    env.emit(shown, lambda: _render(shown))


@wallet.command("balance")
@click.argument("who", default=DEFAULT_WALLET, metavar="[NAME|SS58]")
@command
def balance(env: Env, who: str) -> None:
    """Show the balance and the stakes of a wallet or of any address.

    \b
    Example:
      neurond wallet balance
    """
    with SyncClient(env.home) as client:
        found = client.call(AccountRequest(address_of(env, who)))
    env.emit(found, lambda: render_account(found))


@wallet.command("transfer")
@click.argument("to", metavar="NAME|SS58")
@click.argument("amount", type=AMOUNT)
@money_command
def transfer(env: Env, money: MoneyOptions, to: str, amount: int) -> None:
    """Send AMOUNT of τ to an address or to another wallet of this home.

    \b
    Example:
      neurond wallet transfer 5F… 12.5 --dry-run
    """
    receiver = address_of(env, to)

    async def intent(_api: Api, _sender: str) -> TransferIntent:
        return TransferIntent(receiver, amount)

    run_intent(env, money, intent)


def address_of(env: Env, who: str) -> str:
    """Return the ss58 address that `who` is, or that the wallet `who` has.

    Raises:
        AddressError: neither. WalletError: the wallet is damaged.
    """
    store = wallet_store(env.home)
    if any(each.name == who for each in store.wallets()):
        return store.open(who).address
    try:
        from_ss58(who)
    except AddressError as error:
        raise AddressError(error.message, remedy="Write an address (5…) or a name of `neurond wallet list`.") from error
    return who


def render_account(found: Account) -> None:
    """Print balance and stakes."""
    facts(
        [
            ("address", found.address),
            ("balance", format_amount(found.balance_rao)),
            ("staked", f"{format_amount(found.stakes_value_rao)} at present prices"),
        ]
    )
    if found.stakes:
        render_stakes(found)


def render_stakes(found: Account) -> None:
    """Print the stakes of an account."""
    rows = [
        (each.netuid, each.hotkey, format_amount(each.stake_alpha, unit_of(each.netuid)), format_amount(each.value_rao))
        for each in found.stakes
    ]
    columns = ("netuid", "validator", "stake", "value")
    table(columns, rows, right=("netuid", "stake", "value"), empty="Nothing is staked.")


def _new_password(no_password: bool) -> str | None:
    if no_password:
        return None
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise PasswordNeeded(
            "A new wallet needs a password.",
            remedy=f"Set {PASSWORD_VARIABLE}, run the command in a terminal, or add --no-password.",
        )
    asked: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _view(found: Wallet, words: str | None = None) -> WalletView:
    hotkeys = tuple(HotkeyView(each.name, each.address, each.sealed) for each in found.hotkeys())
    return WalletView(found.name, found.address, str(found.path), found.sealed, hotkeys, words)


def _render(shown: WalletView) -> None:
    facts(
        [
            ("wallet", shown.name),
            ("coldkey", shown.address),
            *((f"hotkey {each.name}", each.address) for each in shown.hotkeys),
            ("encrypted", "yes" if shown.sealed else "NO"),
            ("files", shown.path),
        ]
    )
