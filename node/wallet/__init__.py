"""Wallets: words, key files and signers. The coldkey is unlocked in the user's own process, never in the daemon.

Names are loaded on first use, so that a command that only names a wallet loads no cryptography.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from node.wallet.container import INTERACTIVE, STRONG, KdfCost
    from node.wallet.errors import (
        BadAddressBook,
        BadKeyFile,
        BadMnemonic,
        BadSignedMessage,
        BadTransactionFile,
        BadWalletName,
        KeyFileInaccessible,
        KeyFilePermissions,
        LabelTaken,
        OtherNetwork,
        TransactionExpired,
        UnsupportedKeyFile,
        WalletExists,
        WalletNotFound,
        WatchOnly,
        WeakPassword,
        WrongPassword,
    )
    from node.wallet.kinds import KeyKind
    from node.wallet.store import WalletStore
    from node.wallet.wallet import DEFAULT_HOTKEY, HotkeyInfo, Wallet

_HOME = {
    "BadAddressBook": "node.wallet.errors",
    "BadKeyFile": "node.wallet.errors",
    "BadMnemonic": "node.wallet.errors",
    "BadSignedMessage": "node.wallet.errors",
    "BadTransactionFile": "node.wallet.errors",
    "BadWalletName": "node.wallet.errors",
    "DEFAULT_HOTKEY": "node.wallet.wallet",
    "HotkeyInfo": "node.wallet.wallet",
    "INTERACTIVE": "node.wallet.container",
    "KdfCost": "node.wallet.container",
    "KeyFileInaccessible": "node.wallet.errors",
    "KeyFilePermissions": "node.wallet.errors",
    "KeyKind": "node.wallet.kinds",
    "LabelTaken": "node.wallet.errors",
    "OtherNetwork": "node.wallet.errors",
    "STRONG": "node.wallet.container",
    "TransactionExpired": "node.wallet.errors",
    "UnsupportedKeyFile": "node.wallet.errors",
    "Wallet": "node.wallet.wallet",
    "WalletExists": "node.wallet.errors",
    "WalletNotFound": "node.wallet.errors",
    "WalletStore": "node.wallet.store",
    "WatchOnly": "node.wallet.errors",
    "WeakPassword": "node.wallet.errors",
    "WrongPassword": "node.wallet.errors",
}

__all__ = [
    "DEFAULT_HOTKEY",
    "INTERACTIVE",
    "STRONG",
    "BadAddressBook",
    "BadKeyFile",
    "BadMnemonic",
    "BadSignedMessage",
    "BadTransactionFile",
    "BadWalletName",
    "HotkeyInfo",
    "KdfCost",
    "KeyFileInaccessible",
    "KeyFilePermissions",
    "KeyKind",
    "LabelTaken",
    "OtherNetwork",
    "TransactionExpired",
    "UnsupportedKeyFile",
    "Wallet",
    "WalletExists",
    "WalletNotFound",
    "WalletStore",
    "WatchOnly",
    "WeakPassword",
    "WrongPassword",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"node.wallet has no {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
