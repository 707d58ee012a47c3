"""Wallets for programs, under the names that programs of Bittensor use: `Wallet(name, hotkey, path)`.

The same files as `neurond wallet` and the terminal UI use. Keys are opened and sign in this process; nothing here
talks to a node. It must never print or keep a password or recovery words, and never ask without a terminal.
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Final, final

from node.control.asking import asking
from node.control.paths import default_home, wallets_path
from node.primitives.address import from_ss58, to_ss58
from node.primitives.crypto import Ed25519Signer, Signer, verify
from node.primitives.errors import WalletError
from node.primitives.types import AccountId
from node.sdk.errors import SdkError
from node.sdk.intents import Key
from node.wallet import DEFAULT_HOTKEY, WalletNotFound, WalletStore
from node.wallet import Wallet as StoredWallet
from node.wallet.kinds import WordCount

PASSWORD_VARIABLE: Final = "NEUROND_PASSWORD"


@final
class Keypair:
    """An account, and its key if it was opened. Ed25519 (crypto type 0)."""

    crypto_type: Final = 0

    def __init__(self, public: AccountId, signer: Signer | None = None) -> None:
        self._public = public
        self._signer = signer

    @classmethod
    def from_address(cls, ss58_address: str) -> "Keypair":
        """Return the account of an address; it can verify, not sign. Raises AddressError."""
        return cls(from_ss58(ss58_address))

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._public

    @property
    def ss58_address(self) -> str:
        return to_ss58(self._public)

    @property
    def signer(self) -> Signer | None:
        """What signs transactions; None for a public half."""
        return self._signer

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over `data`. Raises SdkError for a public half."""
        if self._signer is None:
            raise SdkError("This is only the public half of a key.", remedy="Open it: wallet.unlock_coldkey().")
        return self._signer.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is this account's over `data`; never raises on hostile input."""
        return verify(self._public, data, signature)

    def __repr__(self) -> str:
        return f"Keypair({self.ss58_address})"


@final
class Wallet:
    """The wallet `name` with its hotkey `hotkey` below the folder `path` (None: the default home's wallets).

    Making one touches no file: it need not exist yet.
    """

    def __init__(
        self, name: str = "default", hotkey: str = DEFAULT_HOTKEY, path: str | os.PathLike[str] | None = None
    ) -> None:
        self.name = name
        self.hotkey_str = hotkey
        self.path = wallets_path(default_home()) if path is None else Path(path).expanduser().absolute()
        self._store = WalletStore(self.path)
        self._coldkey: Keypair | None = None
        self._hotkey: Keypair | None = None

    def __repr__(self) -> str:
        return f"Wallet(name={self.name!r}, hotkey={self.hotkey_str!r}, path={str(self.path)!r})"

    # --- looking ------------------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether there is such a wallet on disk."""
        try:
            self._open()
        except WalletNotFound:
            return False
        return True

    @property
    def address(self) -> str:
        """The coldkey's ss58 text. Raises WalletError."""
        return self._open().address

    @property
    def coldkeypub(self) -> Keypair:
        """The coldkey's public half; needs no password. Raises WalletError."""
        return Keypair(self._open().public)

    @property
    def hotkeypub(self) -> Keypair:
        """The hotkey's public half; needs no password. Raises WalletError."""
        for each in self._open().hotkeys():
            if each.name == self.hotkey_str:
                return Keypair(each.public)
        raise WalletNotFound(f"The wallet {self.name} has no hotkey {self.hotkey_str}.")

    # --- opening ------------------------------------------------------------------------------------------------------

    @property
    def coldkey(self) -> Keypair:
        """The coldkey, opened as `unlock_coldkey` does and kept until `lock`."""
        return self.unlock_coldkey()

    @property
    def hotkey(self) -> Keypair:
        """The hotkey, opened as `unlock_hotkey` does and kept until `lock`."""
        return self.unlock_hotkey()

    def unlock_coldkey(self, password: str | None = None) -> Keypair:
        """Open the coldkey; about a second when it is sealed.

        The password is `password`, else $NEUROND_PASSWORD, else asked for at a terminal.

        Raises:
            SdkError: sealed, and there is nobody to ask. WrongPassword and other WalletErrors.
        """
        if self._coldkey is None:
            wallet = self._open()
            signer = wallet.unlock(self._password(password, "coldkey") if wallet.sealed else None)
            self._coldkey = Keypair(wallet.public, signer)
        return self._coldkey

    def unlock_hotkey(self, password: str | None = None) -> Keypair:
        """Open the hotkey; as `unlock_coldkey`."""
        if self._hotkey is None:
            wallet = self._open()
            sealed = any(each.sealed for each in wallet.hotkeys() if each.name == self.hotkey_str)
            signer = wallet.hotkey(self.hotkey_str, self._password(password, "hotkey") if sealed else None)
            self._hotkey = Keypair(signer.public, signer)
        return self._hotkey

    def lock(self) -> None:
        """Forget the opened keys."""
        self._coldkey = self._hotkey = None

    def signer(self, key: Key) -> Signer:
        """Return what signs for "coldkey" or "hotkey", opening it as above."""
        opened = self.unlock_coldkey() if key == "coldkey" else self.unlock_hotkey()
        signer = opened.signer
        if signer is None:
            raise SdkError(f"The {key} of {self.name} cannot sign.")
        return signer

    def address_of(self, key: Key) -> str:
        """Return the ss58 text of "coldkey" or "hotkey" without opening it."""
        return (self.coldkeypub if key == "coldkey" else self.hotkeypub).ss58_address

    # --- making -------------------------------------------------------------------------------------------------------

    def create(self, password: str | None, words: WordCount = 12) -> str:
        """Make the wallet with its default hotkey and return its recovery words: the only time that anybody sees them.

        `password` None leaves the coldkey unencrypted: for test networks only. Raises WalletExists, WeakPassword …
        """
        _, phrase = self._store.create(self.name, password, words=words)
        self._add_own_hotkey(password)
        return phrase

    def create_new_coldkey(self, n_words: WordCount = 12, *, password: str | None) -> str:
        """See `create`; the name that programs of Bittensor use."""
        return self.create(password, n_words)

    def create_new_hotkey(self, password: str | None = None) -> Keypair:
        """Derive this hotkey from the coldkey (opened with `password` when sealed) and store it unencrypted."""
        wallet = self._open()
        coldkey_password = self._password(password, "coldkey") if wallet.sealed else None
        return Keypair(wallet.add_hotkey(self.hotkey_str, coldkey_password).public)

    def regenerate_coldkey(self, mnemonic: str, *, password: str | None) -> Keypair:
        """Make the wallet again from its words, with the same hotkeys as before. Raises BadMnemonic, WalletExists …"""
        wallet = self._store.restore(self.name, mnemonic, password)
        self._add_own_hotkey(password)
        return Keypair(wallet.public)

    def _add_own_hotkey(self, password: str | None) -> None:
        if self.hotkey_str != DEFAULT_HOTKEY:
            self._open().add_hotkey(self.hotkey_str, password)

    def _open(self) -> StoredWallet:
        return self._store.open(self.name)

    def _password(self, given: str | None, key: Key) -> str:
        found = given if given is not None else os.environ.get(PASSWORD_VARIABLE)
        if found is not None:
            return found
        if not sys.stdin.isatty():
            raise SdkError(
                f"The {key} of wallet {self.name} is locked and nobody is there to ask for its password.",
                remedy=f"Set {PASSWORD_VARIABLE}, or pass the password to unlock_{key}.",
            )
        with asking():
            return getpass.getpass(f"Password of wallet {self.name}: ")


__all__ = ["PASSWORD_VARIABLE", "Ed25519Signer", "Keypair", "Wallet", "WalletError"]
