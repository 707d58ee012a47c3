"""The wallets of one home: `<root>/<name>/{coldkey, coldkeypub.txt, hotkeys/<hotkey>}`, the layout Bittensor uses.

One phrase restores everything: the coldkey is the words' own key, hotkeys are hard-derived from it by their name. The
coldkey owns the money and is opened only to sign; the daemon gets a hotkey. Never keeps a password or the words.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import WalletError
from node.primitives.types import AccountId
from node.wallet.container import STRONG, KdfCost, PublicKey, RandomBytes, plain_file, public_file
from node.wallet.errors import WalletExists, WalletNotFound
from node.wallet.files import (
    PRIVATE_DIRECTORY,
    TEMPORARY_PREFIX,
    entries,
    inaccessible,
    sync_directory,
    write_flushed,
)
from node.wallet.kinds import WordCount
from node.wallet.limits import WALLETS_LISTED_MAX
from node.wallet.mnemonic import ENTROPY_BYTES, seed_from_words, words_from_entropy
from node.wallet.names import check_name, is_name
from node.wallet.wallet import (
    COLDKEY,
    COLDKEY_PUBLIC,
    DEFAULT_HOTKEY,
    HOTKEYS,
    HotkeyInfo,
    Wallet,
    hotkey_seed,
    read_public,
)

__all__ = ["DEFAULT_HOTKEY", "HotkeyInfo", "Wallet", "WalletStore"]


class WalletStore:
    """All wallets below one directory, usually `<home>/wallets`."""

    def __init__(self, root: Path, *, cost: KdfCost = STRONG, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        self.root = root
        self._cost = cost
        self._random_bytes = random_bytes

    def wallets(self) -> list[Wallet]:
        """Return the wallets by name; directories without a public coldkey file are none. Raises BadKeyFile."""
        paths = [path for path in entries(self.root, WALLETS_LISTED_MAX) if is_name(path.name)]
        return [self.open(path.name) for path in paths if (path / COLDKEY_PUBLIC).is_file()]

    def readable(self) -> tuple[list[Wallet], list[WalletError]]:
        """Return the wallets whose address can be read, and what is wrong with the others."""
        found: list[Wallet] = []
        wrong: list[WalletError] = []
        for path in entries(self.root, WALLETS_LISTED_MAX):
            if is_name(path.name) and (path / COLDKEY_PUBLIC).is_file():
                try:
                    found.append(self.open(path.name))
                except WalletError as error:
                    wrong.append(error)
        return found, wrong

    def open(self, name: str) -> Wallet:
        """Return the wallet `name` without unlocking anything.

        Raises:
            WalletNotFound, BadWalletName, BadKeyFile, UnsupportedKeyFile, KeyFileInaccessible.
        """
        check_name(name)
        path = self.root / name
        if not path.is_dir():
            first = None if entries(self.root, WALLETS_LISTED_MAX) else "Make one with `neurond wallet create`."
            raise WalletNotFound(f"There is no wallet {name} in {self.root}.", remedy=first)
        return Wallet(path, read_public(path / COLDKEY_PUBLIC), self._cost, self._random_bytes)

    def create(self, name: str, password: str | None, *, words: WordCount = 12) -> tuple[Wallet, str]:
        """Make a wallet with one hotkey, and return it with its words: the only time that anybody sees them.

        `password` None leaves the coldkey unencrypted: for devnets and tests. The first hotkey is unencrypted, as the
        daemon starts without a person; `Wallet.add_hotkey` makes sealed ones.

        Raises:
            WalletExists, BadWalletName, WeakPassword, KeyFileInaccessible.
        """
        phrase = words_from_entropy(self._random_bytes(ENTROPY_BYTES[words]))
        return self.restore(name, phrase, password), phrase

    def restore(self, name: str, words: str, password: str | None) -> Wallet:
        """Make the wallet that belongs to the words, with its default hotkey.

        Raises:
            BadMnemonic, WalletExists, BadWalletName, WeakPassword, KeyFileInaccessible.
        """
        return self.store_seed(name, seed_from_words(words), password)

    def store_seed(self, name: str, seed: bytes, password: str | None) -> Wallet:
        """Make a wallet from its coldkey's 32-byte seed, whole or not at all. Raises as `restore`."""
        wallet = self._new(name, PublicKey(Ed25519Signer(seed).public, foreign=False))
        files = {
            Path(COLDKEY): wallet._file(seed, password),
            Path(COLDKEY_PUBLIC): public_file(wallet.public),
            Path(HOTKEYS, DEFAULT_HOTKEY): plain_file(hotkey_seed(seed, DEFAULT_HOTKEY)),
        }
        self.store_files(name, files)
        return wallet

    def watch(self, name: str, account: AccountId) -> Wallet:
        """Make a watch-only wallet: an address, and no key.

        Raises:
            WalletExists, BadWalletName, KeyFileInaccessible.
        """
        wallet = self._new(name, PublicKey(account, foreign=False))
        self.store_files(name, {Path(COLDKEY_PUBLIC): public_file(account)})
        return wallet

    def store_files(self, name: str, files: Mapping[Path, bytes]) -> Path:
        """Make the directory of a wallet with these files (by relative path), whole or not at all; return it.

        Raises:
            WalletExists, BadWalletName, KeyFileInaccessible.
        """
        check_name(name)
        path = self.root / name
        if path.exists():
            raise WalletExists(f"There is a wallet {name} in {self.root} already.")
        try:
            for each in (self.root.parent, self.root):  # the home too: of what is missing only the last gets the mode
                each.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            temporary = self.root / f"{TEMPORARY_PREFIX}{self._random_bytes(8).hex()}"
            with _removed_on_failure(temporary):
                _write_tree(temporary, files)
                temporary.rename(path)  # fails on a directory that holds anything
            sync_directory(self.root)
        except OSError as error:
            if path.exists():
                raise WalletExists(f"There is a wallet {name} in {self.root} already.") from error
            raise inaccessible(error, path) from error
        return path

    def _new(self, name: str, public: PublicKey) -> Wallet:
        check_name(name)
        path = self.root / name
        if path.exists():  # before the password is worked on
            raise WalletExists(f"There is a wallet {name} in {self.root} already.")
        return Wallet(path, public, self._cost, self._random_bytes)


def _write_tree(directory: Path, files: Mapping[Path, bytes]) -> None:
    """Write files below a new directory, all of it on disk when this returns."""
    directory.mkdir(mode=PRIVATE_DIRECTORY)
    (directory / HOTKEYS).mkdir(mode=PRIVATE_DIRECTORY)
    for relative, data in files.items():
        write_flushed(directory / relative, data)
    sync_directory(directory / HOTKEYS)
    sync_directory(directory)


@contextmanager
def _removed_on_failure(directory: Path) -> Iterator[None]:
    """Leave no half-written keys behind."""
    try:
        yield
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
