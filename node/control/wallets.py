"""The wallets of a home, for user interfaces: keys stay in the process of whoever unlocks them."""

from pathlib import Path

from node.control.paths import wallets_path
from node.primitives.crypto import Signer
from node.wallet import HotkeyInfo, KeyKind, Wallet, WalletStore

__all__ = ["KIND_WORDS", "HotkeyInfo", "KeyKind", "Signer", "Wallet", "WalletStore", "wallet_store"]

KIND_WORDS: dict[KeyKind, str] = {
    "sealed": "encrypted",
    "bittensor": "encrypted (Bittensor's form)",
    "plain": "NOT encrypted",
    "watch": "watch-only",
}
"""How a key is kept, for people."""


def wallet_store(home: Path, path: Path | None = None) -> WalletStore:
    """Return the wallets below `home`, or in the folder `path`; nothing is created before the first wallet is."""
    return WalletStore(wallets_path(home) if path is None else path.expanduser().absolute())
