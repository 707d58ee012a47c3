"""`neurond wallet import`, `export` and `inspect`: key files of other tools, and files for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, confirm, facts, narrate
from node.commands.errors import NothingThere
from node.commands.money import password_of
from node.commands.wallet_common import (
    NAME,
    NO_PASSWORD,
    WalletView,
    new_password,
    old_password,
    render,
    view,
    wallet_command,
)
from node.control.options import DEFAULT_WALLET
from node.control.schema import View
from node.primitives.address import to_ss58
from node.wallet.files import private_to_owner

if TYPE_CHECKING:
    from node.control.wallets import WalletStore

_FORMS = {"plain": "not encrypted", "neurond": "encrypted by neurond", "bittensor": "encrypted by Bittensor's tools"}


class KeyFileView(View, frozen=True):
    """What a key file is; `address` "" where it lies inside the encrypted part, `opens` None when nobody tried."""

    path: str
    form: str
    scheme: str
    address: str
    private_to_owner: bool
    opens: bool | None


@click.command("export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("-w", "--wallet", "name", default=DEFAULT_WALLET, show_default=True, help="Wallet to write.")
@click.option("--format", "form", type=click.Choice(["bittensor"]), default="bittensor", show_default=True)
@NO_PASSWORD
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@wallet_command
def export(env: Env, store: WalletStore, directory: Path, name: str, form: str, no_password: bool, yes: bool) -> None:
    """Write a wallet below DIRECTORY so that Bittensor's tools open it; nothing there is written over.

    Its encryption has one salt for all wallets of the world: take a long password. Takes some seconds and 512 MiB.

    \b
    Example:
      neurond wallet export ./for-btcli -w savings
    """
    from node.wallet.transfer import export_bittensor

    wallet = store.open(name)
    if no_password:
        confirm("Write the private key of the coldkey without any encryption?", yes=yes)
    opened = old_password(wallet)
    done = export_bittensor(
        wallet, directory, password=opened, new_password=new_password(no_password, "Password of the written key"),
        hotkey_password=lambda each: password_of(f"{name}/{each.name}"),
    )  # fmt: skip
    _emit(env, view(done.wallet), done.left_out)


@click.command("import")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.argument("name", default="")
@NO_PASSWORD
@wallet_command
def import_(env: Env, store: WalletStore, directory: Path, name: str, no_password: bool) -> None:
    """Copy the wallet in DIRECTORY (…/wallets/NAME of Bittensor's tools) into this home, encrypted anew.

    The original stays as it is. Without a terminal: its password in NEUROND_PASSWORD, the new one in
    NEUROND_NEW_PASSWORD.

    \b
    Example:
      neurond wallet import ~/.bittensor/wallets/default savings
    """
    from node.control.wallets import WalletStore
    from node.wallet.transfer import import_wallet

    found = directory.expanduser().absolute()
    source = WalletStore(found.parent).open(found.name)
    done = import_wallet(
        source, store, name or found.name, password=old_password(source),
        new_password=None if source.watch_only else new_password(no_password),
        hotkey_password=lambda each: password_of(f"{source.name}/{each.name}"),
    )  # fmt: skip
    _emit(env, view(done.wallet), done.left_out)


@click.command("inspect")
@NAME
@click.option("--check", is_flag=True, help="Ask for the password and see whether it opens the key.")
@wallet_command
def inspect(env: Env, store: WalletStore, name: str, check: bool) -> None:
    """Tell what the key file NAME is: a wallet's coldkey, WALLET/HOTKEY, or the path of any key file.

    \b
    Example:
      neurond wallet inspect savings --check
    """
    from node.wallet import UnsupportedKeyFile
    from node.wallet.container import parse_key_file
    from node.wallet.files import read_file
    from node.wallet.wallet import naming

    path = _path_of(store, name)
    data = read_file(path, private=False)
    with naming(path):
        key = parse_key_file(data)
        opens = None
        if check:
            try:
                opens = bool(key.seed(password_of(name) if key.sealed else None))
            except UnsupportedKeyFile:
                opens = False
    scheme = "sr25519: watch-only here" if key.foreign else "unknown until opened" if key.public is None else "ed25519"
    address = "" if key.public is None else to_ss58(key.public)
    shown = KeyFileView(str(path), key.form, scheme, address, private_to_owner(path), opens)
    env.emit(shown, lambda: _show(shown))


def _path_of(store: WalletStore, name: str) -> Path:
    from node.wallet.wallet import COLDKEY

    path = Path(name).expanduser()
    if path.is_file():
        return path
    wallet, slash, hotkey = name.partition("/")
    if slash and (not wallet or wallet in (".", "..", "~") or "/" in hotkey):
        raise NothingThere(f"There is no file {name[:200]}.")
    if not slash:
        return store.open(wallet).path / COLDKEY
    found = store.open(wallet)
    if hotkey not in {each.name for each in found.hotkeys()}:
        raise NothingThere(f"The wallet {wallet} has no hotkey {hotkey[:64]!r}, and there is no file {name[:200]}.")
    return found.path / "hotkeys" / hotkey


def _show(shown: KeyFileView) -> None:
    rights = "for you alone" if shown.private_to_owner else f"OTHERS MAY READ IT: chmod 600 '{shown.path}'"
    opens = {None: "not tried (--check)", True: "yes", False: "no"}[shown.opens]
    facts(
        [
            ("file", shown.path),
            ("form", _FORMS[shown.form]),
            ("scheme", shown.scheme),
            ("address", shown.address or "inside the encrypted part"),
            ("rights", rights),
            ("opens", opens),
        ]
    )


def _emit(env: Env, shown: WalletView, left_out: tuple[str, ...]) -> None:
    for each in left_out:
        narrate(f"! The hotkey {each} was left out: its key is not here or not open.")
    env.emit(shown, lambda: render(shown))
