"""Wallets to and from other places: exports that Bittensor's tools open, imports of what they have written.

An export is a new directory of its own and is never written over. Nothing is ever changed where it is imported from.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.primitives.crypto import Ed25519Signer
from node.wallet.container import RandomBytes, bittensor_file, check_new_password, plain_file, public_file
from node.wallet.names import PUBLIC_SUFFIX
from node.wallet.store import WalletStore
from node.wallet.wallet import COLDKEY, COLDKEY_PUBLIC, HOTKEYS, HotkeyInfo, Wallet

HotkeyPassword = Callable[[HotkeyInfo], str | None]
"""Asks for the password of a sealed hotkey; None leaves that hotkey out."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """A wallet that was written: where it lies, and the hotkeys that were left out because nobody opened them."""

    wallet: Wallet
    left_out: tuple[str, ...]


def export_bittensor(
    wallet: Wallet,
    directory: Path,
    *,
    password: str | None,
    new_password: str | None,
    hotkey_password: HotkeyPassword = lambda _: None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Transferred:
    """Write the wallet below `directory` as Bittensor's tools keep it; `new_password` None leaves it unencrypted.

    `password` opens the coldkey. Hotkeys are written unencrypted, as those tools have them. Some seconds and 512 MiB.

    Raises:
        WalletExists: there is one of this name. WeakPassword, KeyFileInaccessible, and as `Wallet.unlock`.
    """
    if new_password is not None:
        check_new_password(new_password)
    seed = wallet.seed(password)
    opened, left_out = _hotkeys(wallet, hotkey_password)
    store = WalletStore(directory, random_bytes=random_bytes)
    sealed = plain_file(seed) if new_password is None else bittensor_file(seed, new_password, random_bytes)
    files = {Path(COLDKEY): sealed, Path(COLDKEY_PUBLIC): public_file(wallet.public)}
    for name, hotkey in opened.items():
        files[Path(HOTKEYS, name)] = plain_file(hotkey)
        files[Path(HOTKEYS, f"{name}{PUBLIC_SUFFIX}")] = public_file(Ed25519Signer(hotkey).public)
    store.store_files(wallet.name, files)
    return Transferred(store.open(wallet.name), left_out)


def import_wallet(
    source: Wallet,
    store: WalletStore,
    name: str,
    *,
    password: str | None,
    new_password: str | None,
    hotkey_password: HotkeyPassword = lambda _: None,
) -> Transferred:
    """Copy a wallet of another directory into `store` under `name`, sealed in our own form with `new_password`.

    A watch-only wallet stays one. Raises as `export_bittensor`.
    """
    if source.watch_only:
        return Transferred(store.watch(name, source.public), tuple(each.name for each in source.hotkeys()))
    if new_password is not None:
        check_new_password(new_password)
    seed = source.seed(password)
    opened, left_out = _hotkeys(source, hotkey_password)
    made = store.store_seed(name, seed, new_password)
    for hotkey, hotkey_seed in opened.items():
        if hotkey not in {each.name for each in made.hotkeys()}:
            made.store_hotkey(hotkey, hotkey_seed, None)
        elif Ed25519Signer(hotkey_seed).public != made.hotkey(hotkey).public:
            made.store_hotkey(f"{hotkey}-imported", hotkey_seed, None)
    return Transferred(made, left_out)


def _hotkeys(wallet: Wallet, ask: HotkeyPassword) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The seeds of the hotkeys that can be opened, and the names of the others."""
    opened: dict[str, bytes] = {}
    left_out: list[str] = []
    for each in wallet.hotkeys():
        secret = ask(each) if each.sealed else None
        if each.kind == "watch" or (each.sealed and secret is None):
            left_out.append(each.name)
        else:
            opened[each.name] = wallet.hotkey_seed(each.name, secret)
    return opened, tuple(left_out)
