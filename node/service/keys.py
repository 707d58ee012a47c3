"""The keys a daemon works with: the hotkey it signs with, and the public half of the coldkey that owns it.

The coldkey's secret is never opened here; money moves are signed in the client's process.
"""

from dataclasses import dataclass

from node.control.wallets import wallet_store
from node.primitives.crypto import Signer
from node.primitives.errors import WalletError
from node.primitives.types import AccountId
from node.service.home import Home
from node.service.logbook import logger
from node.wallet.errors import WalletNotFound

log = logger("keys")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a node knows of its wallet; all None without one."""

    hotkey: Signer | None = None
    coldkey: AccountId | None = None

    @property
    def hotkey_account(self) -> AccountId | None:
        return None if self.hotkey is None else self.hotkey.public


def open_keys(home: Home, wallet_name: str, hotkey_name: str) -> Keys:
    """Return the keys of a home; a node without a wallet, or with a sealed hotkey, follows the chain and no more."""
    try:
        wallet = wallet_store(home.path).open(wallet_name)
    except WalletNotFound:
        log.info("no wallet %s in this home: the node follows the chain without a key", wallet_name)
        return Keys()
    try:
        return Keys(wallet.hotkey(hotkey_name), wallet.public)
    except WalletError as error:
        log.warning("the hotkey %s cannot be used: %s", hotkey_name, error)
        return Keys(None, wallet.public)
