"""Wallets: words, key files and signers. The coldkey is unlocked in the user's own process, never in the daemon."""

from node.wallet.container import INTERACTIVE, STRONG, KdfCost
from node.wallet.errors import (
    BadKeyFile,
    BadMnemonic,
    BadWalletName,
    KeyFileInaccessible,
    KeyFilePermissions,
    UnsupportedKeyFile,
    WalletExists,
    WalletNotFound,
    WeakPassword,
    WrongPassword,
)
from node.wallet.store import DEFAULT_HOTKEY, HotkeyInfo, Wallet, WalletStore

__all__ = [
    "DEFAULT_HOTKEY",
    "INTERACTIVE",
    "STRONG",
    "BadKeyFile",
    "BadMnemonic",
    "BadWalletName",
    "HotkeyInfo",
    "KdfCost",
    "KeyFileInaccessible",
    "KeyFilePermissions",
    "UnsupportedKeyFile",
    "Wallet",
    "WalletExists",
    "WalletNotFound",
    "WalletStore",
    "WeakPassword",
    "WrongPassword",
]
