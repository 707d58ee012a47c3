"""The wallets of a home, for user interfaces: keys stay in the process of whoever unlocks them."""

from pathlib import Path

from node.control.paths import wallets_path
from node.primitives.crypto import Signer
from node.wallet import HotkeyInfo, Wallet, WalletStore

__all__ = ["HotkeyInfo", "Signer", "Wallet", "WalletStore", "wallet_store"]


def wallet_store(home: Path) -> WalletStore:
    """Return the wallets below `home`; nothing is created before the first wallet is."""
    return WalletStore(wallets_path(home))
