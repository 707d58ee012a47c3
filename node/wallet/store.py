"""The wallets of one home: `<root>/<name>/{coldkey, coldkeypub.txt, hotkeys/<hotkey>}`, the layout Bittensor uses.

One phrase restores everything: the coldkey is the words' own key, hotkeys are hard-derived from it by their name. The
coldkey owns the money and is opened only to sign; the daemon gets a hotkey. Never keeps a password or the words.
"""

import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import WalletError, invariant
from node.primitives.types import AccountId
from node.wallet.container import (
    STRONG,
    KdfCost,
    KeyFile,
    RandomBytes,
    parse_key_file,
    parse_public_file,
    plain_file,
    public_file,
    sealed_file,
)
from node.wallet.errors import (
    BadKeyFile,
    BadWalletName,
    UnsupportedKeyFile,
    WalletExists,
    WalletNotFound,
    WrongPassword,
)
from node.wallet.files import (
    PRIVATE_DIRECTORY,
    TEMPORARY_PREFIX,
    inaccessible,
    read_file,
    replace_file,
    sync_directory,
    write_flushed,
    write_new,
)
from node.wallet.limits import HOTKEYS_LISTED_MAX, NAME_CHARS_MAX, WALLETS_LISTED_MAX
from node.wallet.mnemonic import ENTROPY_BYTES, WordCount, derive_hard, seed_from_words, words_from_entropy

DEFAULT_HOTKEY: Final = "default"
_COLDKEY: Final = "coldkey"
_COLDKEY_PUBLIC: Final = "coldkeypub.txt"
_HOTKEYS: Final = "hotkeys"
_PUBLIC_SUFFIX: Final = "pub.txt"  # Bittensor's tools put <hotkey>pub.txt beside a hotkey
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_CHARS_MAX - 1}}}")


@dataclass(frozen=True, slots=True)
class HotkeyInfo:
    """What can be told of a hotkey without opening it."""

    name: str
    public: AccountId
    sealed: bool

    @property
    def address(self) -> str:
        return to_ss58(self.public)


class Wallet:
    """One wallet on disk; made by `WalletStore`. Everything but unlocking needs no password."""

    def __init__(self, path: Path, public: AccountId, cost: KdfCost, random_bytes: RandomBytes) -> None:
        self.path = path
        self.public = public
        self._cost = cost
        self._random_bytes = random_bytes

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def address(self) -> str:
        """The coldkey's ss58 text."""
        return to_ss58(self.public)

    @property
    def sealed(self) -> bool:
        """Whether the coldkey needs a password. Raises as `unlock`."""
        return _key_file(self.path / _COLDKEY).sealed

    def unlock(self, password: str | None) -> Ed25519Signer:
        """Return the coldkey's signer; about a second and 256 MiB when sealed, so call it from a worker thread.

        Raises:
            WrongPassword, WalletNotFound, KeyFilePermissions, BadKeyFile, UnsupportedKeyFile, KeyFileInaccessible.
        """
        return Ed25519Signer(_seed(self.path / _COLDKEY, password))

    def change_password(self, old: str | None, new: str | None) -> None:
        """Seal the coldkey with another password; None leaves it unencrypted. Raises as `unlock`, or WeakPassword."""
        path = self.path / _COLDKEY
        replace_file(path, self._file(_seed(path, old), new))

    def matches_words(self, words: str) -> bool:
        """Tell whether these are the words of this wallet: the test of a written-down backup. Raises BadMnemonic."""
        return Ed25519Signer(seed_from_words(words)).public == self.public

    def hotkeys(self) -> list[HotkeyInfo]:
        """Return the hotkeys by name. Raises as `hotkey` for one that is damaged."""
        infos = []
        for path in _files_in(self.path / _HOTKEYS, HOTKEYS_LISTED_MAX):
            if _is_name(path.name):
                key = _key_file(path)
                infos.append(HotkeyInfo(path.name, key.public, key.sealed))
        return infos

    def hotkey(self, name: str = DEFAULT_HOTKEY, password: str | None = None) -> Ed25519Signer:
        """Return a hotkey's signer.

        Raises:
            WrongPassword, WalletNotFound, KeyFilePermissions, BadKeyFile, UnsupportedKeyFile, KeyFileInaccessible.
        """
        _check_name(name)
        return Ed25519Signer(_seed(self.path / _HOTKEYS / name, password))

    def add_hotkey(self, name: str, coldkey_password: str | None, *, password: str | None = None) -> HotkeyInfo:
        """Derive the hotkey `name` from the coldkey and store it; without `password` it is stored unencrypted.

        The same name gives the same key on every machine.

        Raises:
            WalletExists, BadWalletName, WeakPassword, and as `unlock`.
        """
        _check_name(name)
        path = self.path / _HOTKEYS / name
        if path.exists():
            raise WalletExists(f"The wallet {self.name} has a hotkey {name} already.")
        seed = hotkey_seed(_seed(self.path / _COLDKEY, coldkey_password), name)
        try:
            path.parent.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        except OSError as error:
            raise inaccessible(error, path.parent) from error
        write_new(path, self._file(seed, password))
        return HotkeyInfo(name, Ed25519Signer(seed).public, password is not None)

    def _file(self, seed: bytes, password: str | None) -> bytes:
        return plain_file(seed) if password is None else sealed_file(seed, password, self._cost, self._random_bytes)


class WalletStore:
    """All wallets below one directory, usually `<home>/wallets`."""

    def __init__(self, root: Path, *, cost: KdfCost = STRONG, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        self.root = root
        self._cost = cost
        self._random_bytes = random_bytes

    def wallets(self) -> list[Wallet]:
        """Return the wallets by name; directories without a public coldkey file are none. Raises BadKeyFile."""
        paths = [path for path in _files_in(self.root, WALLETS_LISTED_MAX) if _is_name(path.name)]
        return [self.open(path.name) for path in paths if (path / _COLDKEY_PUBLIC).is_file()]

    def open(self, name: str) -> Wallet:
        """Return the wallet `name` without unlocking anything.

        Raises:
            WalletNotFound, BadWalletName, BadKeyFile, UnsupportedKeyFile, KeyFileInaccessible.
        """
        _check_name(name)
        path = self.root / name
        if not path.is_dir():
            raise WalletNotFound(f"There is no wallet {name} in {self.root}.")
        data = read_file(path / _COLDKEY_PUBLIC, private=False)
        with _naming(path / _COLDKEY_PUBLIC):
            public = parse_public_file(data)
        return Wallet(path, public, self._cost, self._random_bytes)

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
        _check_name(name)
        path = self.root / name
        if path.exists():
            raise WalletExists(f"There is a wallet {name} in {self.root} already.")
        wallet = Wallet(path, Ed25519Signer(seed).public, self._cost, self._random_bytes)
        files = {
            Path(_COLDKEY): wallet._file(seed, password),
            Path(_COLDKEY_PUBLIC): public_file(wallet.public),
            Path(_HOTKEYS, DEFAULT_HOTKEY): plain_file(hotkey_seed(seed, DEFAULT_HOTKEY)),
        }
        try:
            self.root.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            temporary = self.root / f"{TEMPORARY_PREFIX}{self._random_bytes(8).hex()}"
            with _removed_on_failure(temporary):
                _write_tree(temporary, files)
                temporary.rename(path)  # fails on a directory that holds anything
            sync_directory(self.root)
        except OSError as error:
            if path.exists():
                raise WalletExists(f"There is a wallet {name} in {self.root} already.") from error
            raise inaccessible(error, path) from error
        return wallet


def hotkey_seed(coldkey_seed: bytes, name: str) -> bytes:
    """Return the seed of the hotkey `name`: `//hotkey//name` below the coldkey."""
    invariant(_is_name(name), "a hotkey's name was checked before its key is derived")
    return derive_hard(coldkey_seed, f"//hotkey//{name}")


def _key_file(path: Path) -> KeyFile:
    data = read_file(path, private=True)
    with _naming(path):
        return parse_key_file(data)


def _seed(path: Path, password: str | None) -> bytes:
    key = _key_file(path)
    with _naming(path):
        return key.seed(password)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors about the bytes of a file say which file."""
    try:
        yield
    except (BadKeyFile, UnsupportedKeyFile, WrongPassword) as error:
        raise type(error)(f"{path}: {error.message}", remedy=error.hint) from error


def _write_tree(directory: Path, files: Mapping[Path, bytes]) -> None:
    """Write files below a new directory, all of it on disk when this returns."""
    directory.mkdir(mode=PRIVATE_DIRECTORY)
    (directory / _HOTKEYS).mkdir(mode=PRIVATE_DIRECTORY)
    for relative, data in files.items():
        write_flushed(directory / relative, data)
    sync_directory(directory / _HOTKEYS)
    sync_directory(directory)


@contextmanager
def _removed_on_failure(directory: Path) -> Iterator[None]:
    """Leave no half-written keys behind."""
    try:
        yield
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.endswith(_PUBLIC_SUFFIX)


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise BadWalletName(f"{name[:NAME_CHARS_MAX]!r} cannot be a name here.")


def _files_in(directory: Path, count_max: int) -> list[Path]:
    """Return the entries of a directory by name; none when it is missing."""
    try:
        entries = sorted(_bounded(directory, count_max))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise inaccessible(error, directory) from error
    return entries


def _bounded(directory: Path, count_max: int) -> Iterator[Path]:
    for count, path in enumerate(directory.iterdir(), start=1):
        if count > count_max:
            raise WalletError(f"{directory} holds more than {count_max} entries; is it a wallet directory?")
        yield path
