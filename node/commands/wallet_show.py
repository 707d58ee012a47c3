"""`neurond wallet`: wallets, balances and stakes to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from node.commands.common import Env, facts, short, table
from node.commands.wallet_common import NAME, readable, render, view, wallet_command
from node.control.amounts import format_amount, unit_of
from node.control.api import AccountRequest, MetagraphRequest, SubnetsRequest
from node.control.client_sync import SyncClient
from node.control.options import DEFAULT_WALLET
from node.control.schema import Account, View
from node.wallet.kinds import KeyKind

if TYPE_CHECKING:
    from node.control.wallets import WalletStore

_OVERVIEW_SUBNETS_MAX: Final = 64  # metagraphs read for one overview


class Holding(View, frozen=True):
    """A wallet and what it holds; `seats` are (netuid, uid, hotkey's name)."""

    name: str
    address: str
    kind: KeyKind
    balance_rao: int
    stakes_value_rao: int
    total_rao: int
    seats: tuple[tuple[int, int, str], ...]
    backup_tested_on: str


@click.command("list")
@wallet_command
def list_wallets(env: Env, store: WalletStore) -> None:
    """List the wallets of this home.

    \b
    Example:
      neurond wallet list
    """
    found = tuple(readable(store))
    rows = [
        (each.name, each.address, _encrypted(each.kind), ", ".join(hotkey.name for hotkey in each.hotkeys))
        for each in found
    ]
    empty = "No wallets yet. Make one with `neurond wallet create`."
    env.emit(found, lambda: table(("name", "coldkey", "encrypted", "hotkeys"), rows, empty=empty))


@click.command("show")
@NAME
@click.option("--qr", is_flag=True, help="Also show the address as a QR code.")
@wallet_command
def show(env: Env, store: WalletStore, name: str, qr: bool) -> None:
    """Show the addresses of a wallet and its hotkeys.

    \b
    Example:
      neurond wallet show --qr
    """
    shown = view(store.open(name))

    def draw() -> None:
        render(shown)
        if qr:
            from node.control.qr import inverted, qr_lines

            click.echo("\n".join(inverted(qr_lines(shown.address, 80, 40))))

    env.emit(shown, draw)


@click.command("balance")
@click.argument("who", default=DEFAULT_WALLET, metavar="[WHO]")
@wallet_command
def balance(env: Env, store: WalletStore, who: str) -> None:
    """Show the balance and the stakes of WHO: a wallet, WALLET/HOTKEY, a label or any address.

    \b
    Example:
      neurond wallet balance
    """
    from node.control.addresses import find_address

    with SyncClient(env.home) as client:
        found = client.call(AccountRequest(find_address(env.home, who, store)))
    env.emit(found, lambda: render_account(found))


@click.command("overview")
@wallet_command
def overview(env: Env, store: WalletStore) -> None:
    """All wallets: free and staked τ, seats of their hotkeys, and whether their backup was tested.

    \b
    Example:
      neurond wallet overview
    """
    wallets = readable(store)
    with SyncClient(env.home) as client:
        seats = _seats(client) if wallets else {}
        found = []
        for each in wallets:
            account = client.call(AccountRequest(each.address))
            held = tuple((*seat, key.name) for key in each.hotkeys for seat in seats.get(key.address, ()))
            staked = account.stakes_value_rao
            total = account.balance_rao + staked
            found.append(Holding(each.name, each.address, each.kind, account.balance_rao, staked, total, held,
                                 each.backup_tested_on))  # fmt: skip
    env.emit(tuple(found), lambda: _show_overview(found))


def address_of(env: Env, who: str) -> str:
    """Return the ss58 address of `who`: an address, a wallet, WALLET/HOTKEY or a label. Raises as `find_address`."""
    from node.control.addresses import find_address

    return find_address(env.home, who)


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


def _seats(client: SyncClient) -> dict[str, list[tuple[int, int]]]:
    """(netuid, uid) of every hotkey that has a seat."""
    seats: dict[str, list[tuple[int, int]]] = {}
    for subnet in client.call(SubnetsRequest())[:_OVERVIEW_SUBNETS_MAX]:
        if subnet.netuid:
            for neuron in client.call(MetagraphRequest(subnet.netuid)).neurons:
                seats.setdefault(neuron.hotkey, []).append((subnet.netuid, neuron.uid))
    return seats


def _show_overview(found: list[Holding]) -> None:
    from node.control.wallets import KIND_WORDS

    rows = [
        (
            each.name, short(each.address), KIND_WORDS[each.kind], format_amount(each.balance_rao),
            format_amount(each.stakes_value_rao), format_amount(each.total_rao),
            ", ".join(f"{name}: uid {uid} of {netuid}" for netuid, uid, name in each.seats) or "-",
            each.backup_tested_on or ("-" if each.kind == "watch" else "NEVER"),
        )
        for each in found
    ]  # fmt: skip
    columns = ("wallet", "coldkey", "key", "free", "staked", "all", "seats", "backup tested")
    empty = "No wallets yet. Make one with `neurond wallet create`."
    table(columns, rows, right=("free", "staked", "all"), empty=empty)
    if found:
        own, watched = ([each.total_rao for each in found if (each.kind == "watch") is so] for so in (False, True))
        click.echo(f"{'together':<10}{format_amount(sum(own))}")
        if watched:
            click.echo(f"{'watched':<10}{format_amount(sum(watched))}")


def _encrypted(kind: KeyKind) -> str:
    return {"sealed": "yes", "bittensor": "yes (Bittensor's form)", "plain": "NO", "watch": "watch-only"}[kind]
