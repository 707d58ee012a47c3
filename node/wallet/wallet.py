"""One wallet on disk: `<wallet>/{coldkey, coldkeypub.txt, hotkeys/<hotkey>, hotkeys/<hotkey>pub.txt}`.

Everything but unlocking needs no password. A wallet whose coldkey is not here, or is of a scheme that this chain does
not know, is watch-only: it tells its address and refuses to sign. Never keeps a password or the words.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import invariant
from node.primitives.types import AccountId
from node.wallet.container import (
    KdfCost,
    KeyFile,
    KeyForm,
    PublicKey,
    RandomBytes,
    parse_key_file,
    parse_public_file,
    plain_file,
    public_file,
    sealed_file,
)
from node.wallet.errors import (
    BadKeyFile,
    UnsupportedKeyFile,
    WalletExists,
    WalletNotFound,
    WatchOnly,
    WrongPassword,
)
from node.wallet.files import (
    PRIVATE_DIRECTORY,
    entries,
    inaccessible,
    private_to_owner,
    read_file,
    replace_file,
    write_new,
)
from node.wallet.kinds import KeyKind
from node.wallet.limits import HOTKEYS_LISTED_MAX, NOTE_BYTES_MAX
from node.wallet.mnemonic import derive_hard, seed_from_words
from node.wallet.names import PUBLIC_SUFFIX, check_name, is_name

COLDKEY: Final = "coldkey"
COLDKEY_PUBLIC: Final = "coldkeypub.txt"
HOTKEYS: Final = "hotkeys"
DEFAULT_HOTKEY: Final = "default"
_TESTED: Final = "backup-tested.txt"

_KIND_OF_FORM: Final[dict[KeyForm, KeyKind]] = {"plain": "plain", "neurond": "sealed", "bittensor": "bittensor"}


@dataclass(frozen=True, slots=True)
class HotkeyInfo:
    """What can be told of a hotkey without opening it."""

    name: str
    public: AccountId
    sealed: bool
    kind: KeyKind = "plain"

    @property
    def address(self) -> str:
        return to_ss58(self.public)


class Wallet:
    """See the module; made by `WalletStore`."""

    def __init__(self, path: Path, public: PublicKey, cost: KdfCost, random_bytes: RandomBytes) -> None:
        self.path = path
        self.public = public.account
        self._foreign = public.foreign
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
    def kind(self) -> KeyKind:
        """How the coldkey is kept. Raises BadKeyFile, UnsupportedKeyFile, KeyFileInaccessible."""
        path = self.path / COLDKEY
        if self._foreign or not path.exists():
            return "watch"
        return _kind_of(_key_file(path, private=False))

    @property
    def sealed(self) -> bool:
        """Whether the coldkey needs a password. Raises as `kind`."""
        return self.kind in ("sealed", "bittensor")

    @property
    def watch_only(self) -> bool:
        """Whether nothing can be signed with this wallet. Raises as `kind`."""
        return self.kind == "watch"

    def why_watch_only(self) -> str:
        """Return why nothing can be signed with the coldkey, "" when it can. Raises as `kind`."""
        if not self.watch_only:
            return ""
        if self._foreign:
            return f"The wallet {self.name} has an sr25519 key, whose signatures this chain does not know."
        return f"The wallet {self.name} is watch-only: its coldkey is not on this machine."

    def warnings(self) -> list[str]:
        """Return what is wrong with the files' rights; such keys are not used until it is put right."""
        paths = [self.path / COLDKEY, *(self.path / HOTKEYS / each.name for each in self.hotkeys())]
        return [
            f"Others on this machine may read or change {path}. Run: chmod 600 '{path}'"
            for path in paths
            if path.exists() and not private_to_owner(path)
        ]

    def unlock(self, password: str | None) -> Ed25519Signer:
        """Return the coldkey's signer; about a second and 256 MiB when sealed, so call it from a worker thread.

        For a key encrypted by Bittensor's tools: some seconds and 512 MiB.

        Raises:
            WatchOnly, WrongPassword, WalletNotFound, KeyFilePermissions, BadKeyFile, UnsupportedKeyFile,
            KeyFileInaccessible.
        """
        return Ed25519Signer(self.seed(password))

    def seed(self, password: str | None) -> bytes:
        """Return the coldkey's 32-byte seed, for exports and derivations. Raises as `unlock`."""
        why = self.why_watch_only()
        if why:
            raise WatchOnly(why)
        return _seed(self.path / COLDKEY, password, self.public)

    def change_password(self, old: str | None, new: str | None) -> None:
        """Seal the coldkey with another password; None leaves it unencrypted. Raises as `unlock`, or WeakPassword."""
        replace_file(self.path / COLDKEY, self._file(self.seed(old), new))

    def matches_words(self, words: str) -> bool:
        """Tell whether these are the words of this wallet: the test of a written-down backup. Raises BadMnemonic."""
        return Ed25519Signer(seed_from_words(words)).public == self.public

    def backup_tested_on(self) -> str:
        """Return the day of the last successful test of the backup as YYYY-MM-DD, "" when there was none."""
        try:
            text = read_file(self.path / _TESTED, private=False, bytes_max=NOTE_BYTES_MAX).decode("ascii", "replace")
        except (WalletNotFound, BadKeyFile):
            return ""
        return text.strip()[:10]

    def note_backup_test(self, day: str) -> None:
        """Remember that the words were shown to be right on `day` (YYYY-MM-DD); nothing else of them is kept."""
        replace_file(self.path / _TESTED, f"{day}\n".encode("ascii"))

    # --- hotkeys ----------------------------------------------------------------------------------------------------

    def hotkeys(self) -> list[HotkeyInfo]:
        """Return the hotkeys by name, watched ones included. Raises as `hotkey` for one that is damaged."""
        found = [path.name for path in entries(self.path / HOTKEYS, HOTKEYS_LISTED_MAX)]
        private = [name for name in found if is_name(name)]
        watched = [name.removesuffix(PUBLIC_SUFFIX) for name in found if name.endswith(PUBLIC_SUFFIX)]
        names = {*private, *(name for name in watched if is_name(name))}
        return [self._info(name, private=name in private) for name in sorted(names)]

    def hotkey(self, name: str = DEFAULT_HOTKEY, password: str | None = None) -> Ed25519Signer:
        """Return a hotkey's signer.

        Raises:
            WatchOnly, WrongPassword, WalletNotFound, KeyFilePermissions, BadKeyFile, UnsupportedKeyFile,
            KeyFileInaccessible.
        """
        return Ed25519Signer(self.hotkey_seed(name, password))

    def hotkey_seed(self, name: str = DEFAULT_HOTKEY, password: str | None = None) -> bytes:
        """Return a hotkey's 32-byte seed. Raises as `hotkey`."""
        check_name(name)
        path = self.path / HOTKEYS / name
        if not path.exists() and _beside(path).exists():
            raise WatchOnly(f"The hotkey {self.name}/{name} is watch-only: its key is not on this machine.")
        return _seed(path, password, _public_beside(path))

    def add_hotkey(self, name: str, coldkey_password: str | None, *, password: str | None = None) -> HotkeyInfo:
        """Derive the hotkey `name` from the coldkey and store it; without `password` it is stored unencrypted.

        The same name gives the same key on every machine.

        Raises:
            WalletExists, BadWalletName, WeakPassword, and as `unlock`.
        """
        self._check_free(name)
        return self.store_hotkey(name, hotkey_seed(self.seed(coldkey_password), name), password)

    def store_hotkey(self, name: str, seed: bytes, password: str | None) -> HotkeyInfo:
        """Store a hotkey that was not derived from this coldkey, from its 32-byte seed. Raises as `add_hotkey`."""
        path = self._check_free(name)
        write_new(path, self._file(seed, password))
        return self._info(name, private=True)

    def watch_hotkey(self, name: str, account: AccountId) -> HotkeyInfo:
        """Remember a hotkey whose key is elsewhere. Raises WalletExists, BadWalletName, KeyFileInaccessible."""
        write_new(_beside(self._check_free(name)), public_file(account))
        return self._info(name, private=False)

    def _check_free(self, name: str) -> Path:
        check_name(name)
        path = self.path / HOTKEYS / name
        if path.exists() or _beside(path).exists():
            raise WalletExists(f"The wallet {self.name} has a hotkey {name} already.")
        try:
            path.parent.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        except OSError as error:
            raise inaccessible(error, path.parent) from error
        return path

    def _info(self, name: str, *, private: bool) -> HotkeyInfo:
        path = self.path / HOTKEYS / name
        if not private:
            return HotkeyInfo(name, _public_file(_beside(path)).account, False, "watch")
        key = _key_file(path, private=False)
        public = key.public or _public_beside(path)
        if public is None:
            raise BadKeyFile(
                f"{path}: the address of this encrypted hotkey is unknown: {_beside(path).name} is missing."
            )
        kind: KeyKind = "watch" if key.foreign else _kind_of(key)
        return HotkeyInfo(name, public, key.sealed, kind)

    def _file(self, seed: bytes, password: str | None) -> bytes:
        return plain_file(seed) if password is None else sealed_file(seed, password, self._cost, self._random_bytes)


def hotkey_seed(coldkey_seed: bytes, name: str) -> bytes:
    """Return the seed of the hotkey `name`: `//hotkey//name` below the coldkey."""
    invariant(is_name(name), "a hotkey's name was checked before its key is derived")
    return derive_hard(coldkey_seed, f"//hotkey//{name}")


def read_public(path: Path) -> PublicKey:
    """Return what a public key file holds. Raises WalletNotFound, BadKeyFile, UnsupportedKeyFile, …."""
    return _public_file(path)


def _kind_of(key: KeyFile) -> KeyKind:
    if key.foreign:
        return "watch"
    return _KIND_OF_FORM[key.form]


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}{PUBLIC_SUFFIX}")


def _public_beside(path: Path) -> AccountId | None:
    """The account that `<hotkey>pub.txt` names, if it is there."""
    return _public_file(_beside(path)).account if _beside(path).exists() else None


def _public_file(path: Path) -> PublicKey:
    data = read_file(path, private=False)
    with naming(path):
        return parse_public_file(data)


def _key_file(path: Path, *, private: bool = True) -> KeyFile:
    data = read_file(path, private=private)
    with naming(path):
        return parse_key_file(data)


def _seed(path: Path, password: str | None, expected: AccountId | None) -> bytes:
    """The seed in a private key file; it must be that of `expected`, where that is known."""
    key = _key_file(path)
    with naming(path):
        seed = key.seed(password)
        if expected is not None and Ed25519Signer(seed).public != expected:
            raise BadKeyFile("This is the key of another address than the public key file beside it names.")
        return seed


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors about the bytes of a file say which file."""
    try:
        yield
    except (BadKeyFile, UnsupportedKeyFile, WrongPassword) as error:
        raise type(error)(f"{path}: {error.message}", remedy=error.hint) from error
