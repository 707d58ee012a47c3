"""Wallets: words, key files and signers. The coldkey is unlocked in the user's own process, never in the daemon."""

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
from node.wallet.store import WalletStore
from node.wallet.wallet import DEFAULT_HOTKEY, HotkeyInfo, KeyKind, Wallet

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
