"""`neurond wallet`: making, restoring, watching and changing keys."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, narrate
from node.commands.wallet_common import (
    NAME,
    NO_PASSWORD,
    WORD_COUNT,
    HotkeyView,
    WalletView,
    asked_words,
    new_password,
    old_password,
    render,
    view,
    wallet_command,
)
from node.control.options import DEFAULT_WALLET
from node.primitives.address import from_ss58
from node.wallet.kinds import WordCount

if TYPE_CHECKING:
    from node.control.wallets import HotkeyInfo, WalletStore

_COUNTS: dict[str, WordCount] = {"12": 12, "15": 15, "18": 18, "21": 21, "24": 24}
_WALLET = click.option("-w", "--wallet", "name", default=DEFAULT_WALLET, show_default=True, help="Wallet to add it to.")
_HOTKEY_PASSWORD = click.option("--password", "sealed", is_flag=True, help="Encrypt the hotkey too.")


@click.command("create")
@NAME
@WORD_COUNT
@NO_PASSWORD
@wallet_command
def create(env: Env, store: WalletStore, name: str, count: str, no_password: bool) -> None:
    """Make a wallet with a coldkey and a hotkey, and show its recovery words once.

    \b
    Example:
      neurond wallet create savings --words 24
    """
    made, words = store.create(name, new_password(no_password), words=_COUNTS[count])
    _emit_new(env, view(made, words))


@click.command("new-coldkey")
@NAME
@WORD_COUNT
@NO_PASSWORD
@wallet_command
def new_coldkey(env: Env, store: WalletStore, name: str, count: str, no_password: bool) -> None:
    """Make a wallet, as `neurond wallet create` does.

    \b
    Example:
      neurond wallet new-coldkey savings --words 24
    """
    made, words = store.create(name, new_password(no_password), words=_COUNTS[count])
    _emit_new(env, view(made, words))


@click.command("restore")
@NAME
@NO_PASSWORD
@wallet_command
def restore(env: Env, store: WalletStore, name: str, no_password: bool) -> None:
    """Make a wallet again from its 12, 15, 18, 21 or 24 recovery words, typed in or piped in.

    \b
    Example:
      neurond wallet restore savings
    """
    _restore(env, store, name, no_password)


@click.command("regen-coldkey")
@NAME
@NO_PASSWORD
@wallet_command
def regen_coldkey(env: Env, store: WalletStore, name: str, no_password: bool) -> None:
    """Make a wallet again from its words, as `neurond wallet restore` does.

    \b
    Example:
      neurond wallet regen-coldkey savings
    """
    _restore(env, store, name, no_password)


@click.command("watch")
@click.argument("address", metavar="SS58")
@click.argument("name", default="watched")
@wallet_command
def watch(env: Env, store: WalletStore, address: str, name: str) -> None:
    """Watch an address under a name: everything is shown, nothing can be signed.

    \b
    Example:
      neurond wallet watch 5F… cold
    """
    _watch(env, store, address, name)


@click.command("regen-coldkeypub")
@click.argument("address", metavar="SS58")
@click.argument("name", default="watched")
@wallet_command
def regen_coldkeypub(env: Env, store: WalletStore, address: str, name: str) -> None:
    """Watch an address under a name, as `neurond wallet watch` does.

    \b
    Example:
      neurond wallet regen-coldkeypub 5F… cold
    """
    _watch(env, store, address, name)


@click.command("new-hotkey")
@click.argument("hotkey")
@_WALLET
@_HOTKEY_PASSWORD
@wallet_command
def new_hotkey(env: Env, store: WalletStore, hotkey: str, name: str, sealed: bool) -> None:
    """Add the hotkey HOTKEY to a wallet. It follows from the coldkey's words and this name.

    \b
    Example:
      neurond wallet new-hotkey rig-2 -w savings
    """
    wallet = store.open(name)
    secret = new_password(not sealed, f"New password of the hotkey {hotkey}")
    _emit_hotkey(env, wallet.add_hotkey(hotkey, old_password(wallet), password=secret))


@click.command("regen-hotkey")
@click.argument("hotkey")
@_WALLET
@_HOTKEY_PASSWORD
@wallet_command
def regen_hotkey(env: Env, store: WalletStore, hotkey: str, name: str, sealed: bool) -> None:
    """Add a hotkey from recovery words of its own, typed in or piped in, as Bittensor's tools make them.

    \b
    Example:
      neurond wallet regen-hotkey rig-2 -w savings
    """
    from node.wallet.mnemonic import seed_from_words

    wallet = store.open(name)
    seed = seed_from_words(asked_words())
    secret = new_password(not sealed, f"New password of the hotkey {hotkey}")
    _emit_hotkey(env, wallet.store_hotkey(hotkey, seed, secret))


@click.command("regen-hotkeypub")
@click.argument("hotkey")
@click.argument("address", metavar="SS58")
@_WALLET
@wallet_command
def regen_hotkeypub(env: Env, store: WalletStore, hotkey: str, address: str, name: str) -> None:
    """Add a hotkey by its address alone: its key is on another machine.

    \b
    Example:
      neurond wallet regen-hotkeypub rig-2 5F… -w savings
    """
    from node.control.addresses import find_address

    account = from_ss58(find_address(env.home, address, store))
    _emit_hotkey(env, store.open(name).watch_hotkey(hotkey, account))


@click.command("password")
@NAME
@NO_PASSWORD
@wallet_command
def password(env: Env, store: WalletStore, name: str, no_password: bool) -> None:
    """Encrypt a coldkey with another password. A key in Bittensor's form gets neurond's own.

    Without a terminal: the old one in NEUROND_PASSWORD, the new one in NEUROND_NEW_PASSWORD.

    \b
    Example:
      neurond wallet password savings
    """
    wallet = store.open(name)
    old = old_password(wallet)
    wallet.unlock(old)  # before anybody thinks of a new one
    wallet.change_password(old, new_password(no_password, another=True))
    shown = view(wallet)
    env.emit(shown, lambda: click.echo(f"The coldkey of {name} is {'encrypted anew' if shown.sealed else 'open'}."))


@click.command("test-backup")
@NAME
@wallet_command
def test_backup(env: Env, store: WalletStore, name: str) -> None:
    """Type the words you have written down: are they the right ones? Nothing but the day is kept.

    \b
    Example:
      neurond wallet test-backup savings
    """
    from node.wallet import BadMnemonic

    wallet = store.open(name)
    if not wallet.matches_words(asked_words()):
        raise BadMnemonic(
            f"These are good words, but of another wallet: {name} is {wallet.address}.",
            remedy="Look for the right paper, or move the money to a new wallet while you still can.",
        )
    wallet.note_backup_test(datetime.date.today().isoformat())
    shown = view(wallet)
    env.emit(shown, lambda: click.echo(f"✓ These words bring back {name} ({wallet.address})."))


def _restore(env: Env, store: WalletStore, name: str, no_password: bool) -> None:
    from node.wallet.mnemonic import seed_from_words

    words = asked_words()
    seed_from_words(words)  # wrong ones are told before a password is thought of
    made = store.restore(name, words, new_password(no_password))
    made.note_backup_test(datetime.date.today().isoformat())
    shown = view(made)
    env.emit(shown, lambda: render(shown))


def _watch(env: Env, store: WalletStore, address: str, name: str) -> None:
    from node.control.addresses import find_address

    shown = view(store.watch(name, from_ss58(find_address(env.home, address, store))))
    env.emit(shown, lambda: render(shown))


def _emit_new(env: Env, shown: WalletView) -> None:
    def show() -> None:
        narrate("Write these words down. They are shown once, and whoever has them has the money:")
        click.echo(shown.words)
        render(shown)
        narrate(f"Then see whether you wrote them right: neurond wallet test-backup {shown.name}")

    env.emit(shown, show)


def _emit_hotkey(env: Env, info: HotkeyInfo) -> None:
    shown = HotkeyView(info.name, info.address, info.sealed, info.kind)
    env.emit(shown, lambda: click.echo(f"{shown.name}  {shown.address}"))
