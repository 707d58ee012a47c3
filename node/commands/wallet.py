"""`neurond wallet`: keys on this machine, balances, transfers. Keys are opened here, never in the daemon.

The commands are in `wallet_keys` (made, restored, changed), `wallet_show`, `wallet_money`, `wallet_sign` and
`wallet_book`; each is loaded when it runs.
"""

from typing import Final

import click

from node.commands.lazy import LazyGroup
from node.commands.wallet_common import HotkeyView, WalletView
from node.commands.wallet_show import address_of, render_account, render_stakes

__all__ = ["HotkeyView", "WalletView", "address_of", "render_account", "render_stakes", "wallet"]

_COMMANDS: Final = {
    "create": ("wallet_keys:create", "Make a wallet and show its recovery words once."),
    "restore": ("wallet_keys:restore", "Make a wallet again from its recovery words."),
    "watch": ("wallet_keys:watch", "Watch an address without its key."),
    "import": ("wallet_files:import_", "Copy a wallet that Bittensor's tools have made."),
    "export": ("wallet_files:export", "Write a wallet for Bittensor's tools."),
    "password": ("wallet_keys:password", "Change the password of a coldkey."),
    "test-backup": ("wallet_keys:test_backup", "Check that the written-down words are the right ones."),
    "new-hotkey": ("wallet_keys:new_hotkey", "Add a hotkey, derived from the coldkey."),
    "regen-hotkey": ("wallet_keys:regen_hotkey", "Add a hotkey from words of its own."),
    "regen-hotkeypub": ("wallet_keys:regen_hotkeypub", "Add a hotkey whose key is elsewhere."),
    "new-coldkey": ("wallet_keys:new_coldkey", "The same as create."),
    "regen-coldkey": ("wallet_keys:regen_coldkey", "The same as restore."),
    "regen-coldkeypub": ("wallet_keys:regen_coldkeypub", "The same as watch."),
    "list": ("wallet_show:list_wallets", "List the wallets of this home."),
    "show": ("wallet_show:show", "Show the addresses of a wallet."),
    "inspect": ("wallet_files:inspect", "Tell what a key file is, and whether its password opens it."),
    "balance": ("wallet_show:balance", "Show balance and stakes of a wallet or address."),
    "overview": ("wallet_show:overview", "All wallets with their money and seats."),
    "history": ("wallet_history:history", "What moved on an account, also as CSV."),
    "transfer": ("wallet_money:transfer", "Send τ."),
    "sign": ("wallet_sign:sign", "Sign a message as the owner of an address."),
    "verify": ("wallet_sign:verify", "Check a signed message."),
    "book": ("wallet_book:book", "Labels for addresses."),
}


@click.group(cls=LazyGroup, lazy={name: (f"node.commands.{where}", text) for name, (where, text) in _COMMANDS.items()})
def wallet() -> None:
    """Keys, balances, transfers.

    \b
    Example:
      neurond wallet create
    """
