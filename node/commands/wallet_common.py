"""What the commands of `neurond wallet` share: which wallets they mean, how one is shown, how passwords come in."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from node.commands.common import Env, command, facts, narrate
from node.commands.errors import PasswordNeeded
from node.commands.money import PASSWORD_VARIABLE, WALLETS_VARIABLE, password_of
from node.control.options import DEFAULT_WALLET
from node.control.schema import View
from node.primitives.errors import WalletError
from node.wallet.kinds import KeyKind

if TYPE_CHECKING:
    from node.control.wallets import Wallet, WalletStore

NEW_PASSWORD_VARIABLE: Final = "NEUROND_NEW_PASSWORD"
_WORDS_CHARS_MAX: Final = 4096  # of a line that is piped in; the words check their own bound
R = TypeVar("R")

NAME: Final = click.argument("name", default=DEFAULT_WALLET)
NO_PASSWORD: Final = click.option(
    "--no-password", is_flag=True, help="Leave the coldkey unencrypted: for test networks only."
)
WORD_COUNT: Final = click.option(
    "--words", "count", type=click.Choice(["12", "15", "18", "21", "24"]), default="12", show_default=True,
    help="Recovery words.",
)  # fmt: skip


class HotkeyView(View, frozen=True):
    """A hotkey of a wallet."""

    name: str
    address: str
    sealed: bool
    kind: KeyKind = "plain"


class WalletView(View, frozen=True):
    """A wallet; `words` only right after it was created. `backup_tested_on`: YYYY-MM-DD, "" for never."""

    name: str
    address: str
    path: str
    sealed: bool
    hotkeys: tuple[HotkeyView, ...]
    words: str | None = None
    kind: KeyKind = "sealed"
    backup_tested_on: str = ""
    warnings: tuple[str, ...] = ()


def wallet_command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command --home, --json and --wallet-path, handed over as `Env` and `WalletStore`."""

    @click.option(
        "-p", "--wallet-path", type=click.Path(path_type=Path, file_okay=False), envvar=WALLETS_VARIABLE,
        show_envvar=True, help="Folder of wallets, such as Bittensor's. Default: the home's.",
    )  # fmt: skip
    @command
    @functools.wraps(function)
    def wrapped(env: Env, *args: Any, wallet_path: Path | None, **kwargs: Any) -> R:
        from node.control.wallets import wallet_store

        return function(env, wallet_store(env.home, wallet_path), *args, **kwargs)

    return wrapped


def view(found: Wallet, words: str | None = None) -> WalletView:
    """Return what can be told of a wallet without opening it. Raises WalletError for a damaged one."""
    hotkeys = tuple(HotkeyView(each.name, each.address, each.sealed, each.kind) for each in found.hotkeys())
    return WalletView(
        found.name, found.address, str(found.path), found.sealed, hotkeys, words, found.kind,
        found.backup_tested_on(), tuple(found.warnings()),
    )  # fmt: skip


def readable(store: WalletStore) -> list[WalletView]:
    """Return the wallets that can be shown; the others are named on standard error, not hidden."""
    wallets, wrong = store.readable()
    shown = []
    for each in wallets:
        try:
            shown.append(view(each))
        except WalletError as error:
            wrong.append(error)
    for problem in wrong:
        narrate(f"! {problem}")
    return shown


def render(shown: WalletView) -> None:
    """Print a wallet."""
    from node.control.wallets import KIND_WORDS

    backup = f"tested on {shown.backup_tested_on}" if shown.backup_tested_on else "NEVER TESTED"
    facts(
        [
            ("wallet", shown.name),
            ("coldkey", shown.address),
            *(
                (f"hotkey {each.name}", each.address + ("" if each.kind == "plain" else f"  {KIND_WORDS[each.kind]}"))
                for each in shown.hotkeys
            ),
            ("key", KIND_WORDS[shown.kind]),
            *([] if shown.kind == "watch" else [("backup", backup)]),
            ("files", shown.path),
        ]
    )
    for warning in shown.warnings:
        narrate(f"! {warning}")


def asked_words() -> str:
    """Return recovery words, typed unseen or piped in."""
    from node.wallet import BadMnemonic

    if sys.stdin.isatty():
        typed: str = click.prompt("Recovery words", hide_input=True, err=True)
        return typed
    piped = sys.stdin.readline(_WORDS_CHARS_MAX)
    if not piped.strip():
        raise BadMnemonic("No recovery words were given.", remedy="Type them at a terminal, or pipe them in.")
    return piped


def old_password(wallet: Wallet) -> str | None:
    """Return the password of a coldkey as it is now, None when it needs none."""
    return password_of(wallet.name) if wallet.sealed else None


def new_password(no_password: bool, what: str = "New password", *, another: bool = False) -> str | None:
    """Return the password of a key to be written, asked for twice; None when there shall be none.

    With `another` it is not that of $NEUROND_PASSWORD, which opens the old key.

    Raises:
        PasswordNeeded: no terminal, no variable.
    """
    if no_password:
        return None
    given = os.environ.get(NEW_PASSWORD_VARIABLE, None if another else os.environ.get(PASSWORD_VARIABLE))
    if given is not None:
        return given
    if not sys.stdin.isatty():
        variable = NEW_PASSWORD_VARIABLE if another else PASSWORD_VARIABLE
        raise PasswordNeeded(
            "A key that is written needs a password.",
            remedy=f"Set {variable}, run the command in a terminal, or add --no-password.",
        )
    asked: str = click.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
    return asked
