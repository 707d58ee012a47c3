"""Wallets on disk: private, whole, never overwritten, and restored from their words alone."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from node.primitives.address import from_ss58
from node.primitives.crypto import verify
from node.primitives.errors import NodeError
from node.wallet import (
    BadKeyFile,
    BadMnemonic,
    BadWalletName,
    KdfCost,
    KeyFileInaccessible,
    KeyFilePermissions,
    WalletExists,
    WalletNotFound,
    WalletStore,
    WeakPassword,
    WrongPassword,
)
from node.wallet.files import write_new

PASSWORD = "correct horse"
CHEAP = KdfCost(1, 8192)  # the least that Argon2id takes


def _store(root: Path, seed: int = 1) -> WalletStore:
    return WalletStore(root / "wallets", cost=CHEAP, random_bytes=random.Random(seed).randbytes)


@pytest.fixture
def store(tmp_path: Path) -> WalletStore:
    return _store(tmp_path)


@pytest.mark.parametrize("count", [12, 24])
def test_the_words_restore_the_coldkey_and_every_hotkey(tmp_path: Path, count: int) -> None:
    wallet, words = _store(tmp_path).create("mine", PASSWORD, words=12 if count == 12 else 24)
    assert len(words.split()) == count
    named = wallet.add_hotkey("rig-2", PASSWORD)
    again = _store(tmp_path / "elsewhere", seed=2).restore("other", words, None)
    assert again.public == wallet.public
    assert again.hotkey().public == wallet.hotkey().public
    assert again.add_hotkey("rig-2", None).public == named.public
    assert len({wallet.public, wallet.hotkey().public, named.public}) == 3


def test_two_wallets_never_share_words(store: WalletStore) -> None:
    assert store.create("a", None)[1] != store.create("b", None)[1]


def test_a_wallet_unlocks_with_its_password_only(store: WalletStore) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    assert wallet.sealed
    signer = store.open("mine").unlock(PASSWORD)
    assert signer.public == wallet.public
    assert from_ss58(wallet.address) == wallet.public
    assert verify(wallet.public, b"pay", signer.sign(b"pay"))
    for wrong in ("wrong horse", None):
        with pytest.raises(WrongPassword):
            wallet.unlock(wrong)


def test_the_files_lie_where_bittensors_tools_look_and_are_private(store: WalletStore) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    found = {str(path.relative_to(store.root)): path.stat().st_mode & 0o777 for path in store.root.rglob("*")}
    assert found == {
        "mine": 0o700,
        "mine/coldkey": 0o600,
        "mine/coldkeypub.txt": 0o600,
        "mine/hotkeys": 0o700,
        "mine/hotkeys/default": 0o600,
    }
    assert wallet.public.hex() in (wallet.path / "coldkeypub.txt").read_text()


def test_wallets_and_hotkeys_are_listed_without_a_password(store: WalletStore) -> None:
    assert store.wallets() == []
    for name in ("zoe", "adam"):
        store.create(name, PASSWORD)
    wallet = store.open("zoe")
    wallet.add_hotkey("second", PASSWORD, password="hotkey password")
    (store.root / "no wallet").mkdir()
    (store.root / "notes.txt").write_text("hello")
    (wallet.path / "hotkeys" / "defaultpub.txt").write_text("{}")
    assert [found.name for found in store.wallets()] == ["adam", "zoe"]
    assert [(key.name, key.sealed) for key in wallet.hotkeys()] == [("default", False), ("second", True)]
    assert all(key.address.startswith("5") for key in wallet.hotkeys())
    assert wallet.hotkey("second", "hotkey password").public == wallet.hotkeys()[1].public
    with pytest.raises(WrongPassword):
        wallet.hotkey("second")


def test_nothing_is_ever_overwritten(store: WalletStore) -> None:
    wallet, words = store.create("mine", PASSWORD)
    before = {path: path.read_bytes() for path in wallet.path.rglob("*") if path.is_file()}
    with pytest.raises(WalletExists):
        store.create("mine", PASSWORD)
    with pytest.raises(WalletExists):
        store.restore("mine", words, None)
    with pytest.raises(WalletExists):
        wallet.add_hotkey("default", PASSWORD)
    assert {path: path.read_bytes() for path in wallet.path.rglob("*") if path.is_file()} == before


def test_two_writers_of_one_file_do_not_overwrite_each_other(tmp_path: Path) -> None:
    write_new(tmp_path / "hotkey", b"first")
    with pytest.raises(WalletExists):
        write_new(tmp_path / "hotkey", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["hotkey"]
    assert (tmp_path / "hotkey").read_bytes() == b"first"


def test_a_creation_that_fails_leaves_nothing(store: WalletStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("node.wallet.store.sync_directory", full)
        with pytest.raises(KeyFileInaccessible, match="No space left"):
            store.create("mine", PASSWORD)
    assert list(store.root.iterdir()) == []
    store.create("mine", PASSWORD)


def test_a_change_that_fails_keeps_the_old_key(store: WalletStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet, _ = store.create("mine", PASSWORD)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("node.wallet.files.os.fsync", full)
        with pytest.raises(KeyFileInaccessible):
            wallet.change_password(PASSWORD, "another password")
        with pytest.raises(KeyFileInaccessible):
            wallet.add_hotkey("second", PASSWORD)
    assert wallet.unlock(PASSWORD).public == wallet.public
    assert sorted(path.name for path in wallet.path.iterdir()) == ["coldkey", "coldkeypub.txt", "hotkeys"]
    assert [path.name for path in (wallet.path / "hotkeys").iterdir()] == ["default"]


def test_a_new_password_replaces_the_old_one(store: WalletStore) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    wallet.change_password(PASSWORD, "another password")
    with pytest.raises(WrongPassword):
        wallet.unlock(PASSWORD)
    assert wallet.unlock("another password").public == wallet.public
    with pytest.raises(WrongPassword):
        wallet.change_password(PASSWORD, "third password")
    with pytest.raises(WeakPassword):
        wallet.change_password("another password", "short")
    wallet.change_password("another password", None)
    assert wallet.unlock(None).public == wallet.public
    assert (wallet.path / "coldkey").stat().st_mode & 0o777 == 0o600


def test_a_private_key_that_others_may_read_is_not_used(store: WalletStore) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    uses: list[tuple[Path, Callable[[], object]]] = [
        (wallet.path / "coldkey", lambda: wallet.unlock(PASSWORD)),
        (wallet.path / "hotkeys" / "default", lambda: wallet.hotkey()),
    ]
    for path, use in uses:
        path.chmod(0o640)
        with pytest.raises(KeyFilePermissions, match="chmod 600"):
            use()
        path.chmod(0o600)
        use()


def test_the_written_down_words_can_be_tested(store: WalletStore) -> None:
    wallet, words = store.create("mine", PASSWORD)
    _, others = store.create("other", PASSWORD)
    assert wallet.matches_words(words.upper())
    assert not wallet.matches_words(others)
    with pytest.raises(BadMnemonic):
        wallet.matches_words("not these words")


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\0b", "x" * 65, "-dash", "a b", "kpub.txt", "ключ"])
def test_names_that_could_leave_the_directory_are_refused(store: WalletStore, name: str) -> None:
    wallet, words = store.create("mine", None)
    for call in (
        lambda: store.create(name, None),
        lambda: store.restore(name, words, None),
        lambda: store.open(name),
        lambda: wallet.hotkey(name),
        lambda: wallet.add_hotkey(name, None),
    ):
        with pytest.raises(BadWalletName):
            call()


def test_missing_wallets_and_hotkeys_are_not_found(store: WalletStore) -> None:
    with pytest.raises(WalletNotFound, match="wallet create"):
        store.open("nobody")
    wallet, _ = store.create("mine", None)
    with pytest.raises(WalletNotFound, match="wallet list"):
        store.open("nobody")
    with pytest.raises(WalletNotFound):
        wallet.hotkey("nobody")


def test_a_damaged_file_is_named(store: WalletStore) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    for name in ("coldkey", "hotkeys/default", "coldkeypub.txt"):
        (wallet.path / name).write_bytes(b"{")
    with pytest.raises(BadKeyFile, match="mine/coldkey:"):
        wallet.unlock(PASSWORD)
    with pytest.raises(BadKeyFile, match="hotkeys/default:"):
        wallet.hotkeys()
    with pytest.raises(BadKeyFile, match=r"coldkeypub\.txt:"):
        store.wallets()


def test_strange_files_do_not_block_or_fill_memory(store: WalletStore) -> None:
    wallet, _ = store.create("mine", None)
    os.mkfifo(wallet.path / "hotkeys" / "pipe", 0o600)
    with pytest.raises(BadKeyFile, match="no regular file"):
        wallet.hotkey("pipe")
    big = wallet.path / "hotkeys" / "big"
    big.touch(0o600)
    os.truncate(big, 10**9)
    with pytest.raises(BadKeyFile, match="larger"):
        wallet.hotkey("big")
    (wallet.path / "hotkeys" / "folder").mkdir()
    with pytest.raises(NodeError):
        wallet.hotkey("folder")


def test_weak_passwords_make_no_wallet(store: WalletStore) -> None:
    with pytest.raises(WeakPassword):
        store.create("mine", "short")
    assert store.wallets() == []
