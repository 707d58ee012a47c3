"""Key files of Bittensor's tools: opened, written by exports, never mistaken. The costs are those of a test.

`tests/interop/test_bittensor.py` does the same with the real packages and the real costs.
"""

import json
import os
import random
import unicodedata
from pathlib import Path

import nacl.pwhash
import pytest

from node.primitives.crypto import Ed25519Signer
from node.primitives.types import AccountId
from node.wallet import (
    BadKeyFile,
    KdfCost,
    KeyFileInaccessible,
    KeyFilePermissions,
    UnsupportedKeyFile,
    WalletExists,
    WalletStore,
    WatchOnly,
    WeakPassword,
    WrongPassword,
)
from node.wallet.container import bittensor_file, parse_key_file, plain_file, public_file
from node.wallet.transfer import export_bittensor, import_wallet

SEED = bytes(range(32))
PUBLIC = Ed25519Signer(SEED).public
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.wallet.bittensor._OPERATIONS", nacl.pwhash.argon2i.OPSLIMIT_MIN)
    monkeypatch.setattr("node.wallet.bittensor.NACL_MEMORY_BYTES", nacl.pwhash.argon2i.MEMLIMIT_MIN)


@pytest.fixture
def store(tmp_path: Path) -> WalletStore:
    return WalletStore(tmp_path / "ours", cost=KdfCost(1, 8192), random_bytes=random.Random(1).randbytes)


@pytest.fixture
def theirs(tmp_path: Path) -> WalletStore:
    """A directory of wallets as those tools write it: the first coldkey encrypted, its hotkey not."""
    root = tmp_path / "theirs"
    (root / "rig" / "hotkeys").mkdir(parents=True)
    hotkey = bytes(reversed(SEED))
    files = {
        "coldkey": bittensor_file(SEED, PASSWORD, os.urandom),
        "coldkeypub.txt": public_file(PUBLIC),
        "hotkeys/h1": plain_file(hotkey),
        "hotkeys/h1pub.txt": public_file(Ed25519Signer(hotkey).public),
        "hotkeys/h2": bittensor_file(hotkey, PASSWORD, os.urandom),
        "hotkeys/h2pub.txt": public_file(Ed25519Signer(hotkey).public),
    }
    for name, data in files.items():
        (root / "rig" / name).write_bytes(data)
        (root / "rig" / name).chmod(0o600)
    return WalletStore(root)


def test_an_encrypted_key_opens_with_its_password_only() -> None:
    data = bittensor_file(SEED, PASSWORD, os.urandom)
    assert data.startswith(b"$NACL")
    key = parse_key_file(data)
    assert (key.sealed, key.form, key.public) == (True, "bittensor", None)
    assert key.seed(PASSWORD) == SEED
    for wrong in ("Correct horse", "", "x" * 5000, None):
        with pytest.raises(WrongPassword):
            key.seed(wrong)


def test_a_password_opens_however_the_keyboard_composed_it() -> None:
    composed = "Zürich über alles"
    for written in ("NFC", "NFD"):
        data = bittensor_file(SEED, unicodedata.normalize(written, composed), os.urandom)
        for typed in ("NFC", "NFD"):
            assert parse_key_file(data).seed(unicodedata.normalize(typed, composed)) == SEED


@pytest.mark.parametrize("size", [5, 20, 29, 44, 45, 60])
def test_a_cut_file_is_no_key(size: int) -> None:
    data = bittensor_file(SEED, PASSWORD, os.urandom)[:size]
    with pytest.raises((BadKeyFile, WrongPassword)):
        parse_key_file(data).seed(PASSWORD)


def test_what_is_inside_is_checked_like_any_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def around(fields: dict[str, object]) -> bytes:
        from node.wallet import bittensor

        return bittensor.seal_box(json.dumps(fields).encode(), PASSWORD, os.urandom)

    plain = json.loads(plain_file(SEED))
    assert parse_key_file(around(plain | {"secretPhrase": None, "new": 1})).seed(PASSWORD) == SEED
    with pytest.raises(UnsupportedKeyFile, match="sr25519"):
        parse_key_file(around(plain | {"cryptoType": 1})).seed(PASSWORD)
    with pytest.raises(BadKeyFile, match="does not belong"):
        parse_key_file(around(plain | {"publicKey": "0x" + bytes(32).hex()})).seed(PASSWORD)
    with pytest.raises(BadKeyFile, match="no private key"):
        parse_key_file(around({"publicKey": plain["publicKey"]})).seed(PASSWORD)


def test_a_wallet_of_those_tools_is_read_where_it_lies(theirs: WalletStore) -> None:
    wallet = theirs.open("rig")
    assert (wallet.kind, wallet.sealed, wallet.public) == ("bittensor", True, PUBLIC)
    assert wallet.unlock(PASSWORD).public == PUBLIC
    assert [(key.name, key.kind) for key in wallet.hotkeys()] == [("h1", "plain"), ("h2", "bittensor")]
    assert wallet.hotkey("h2", PASSWORD).public == wallet.hotkey("h1").public


def test_a_key_that_is_not_the_one_beside_it_is_refused(theirs: WalletStore) -> None:
    other = public_file(AccountId(bytes([9]) * 32))
    (theirs.root / "rig" / "coldkeypub.txt").write_bytes(other)
    with pytest.raises(BadKeyFile, match="another address"):
        theirs.open("rig").unlock(PASSWORD)
    (theirs.root / "rig" / "hotkeys" / "h1pub.txt").write_bytes(other)
    with pytest.raises(BadKeyFile, match="another address"):
        theirs.open("rig").hotkey("h1")


def test_an_encrypted_hotkey_without_its_address_says_what_is_missing(theirs: WalletStore) -> None:
    (theirs.root / "rig" / "hotkeys" / "h2pub.txt").unlink()
    with pytest.raises(BadKeyFile, match=r"h2pub\.txt is missing"):
        theirs.open("rig").hotkeys()


def test_an_sr25519_wallet_is_watch_only_with_the_reason(theirs: WalletStore) -> None:
    fields = json.loads(public_file(PUBLIC)) | {"cryptoType": 1}
    (theirs.root / "rig" / "coldkeypub.txt").write_text(json.dumps(fields))
    wallet = theirs.open("rig")
    assert (wallet.kind, wallet.sealed) == ("watch", False)
    with pytest.raises(WatchOnly, match="sr25519"):
        wallet.unlock(PASSWORD)


def test_an_export_has_the_layout_and_opens_again(store: WalletStore, tmp_path: Path) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    wallet.add_hotkey("rig", PASSWORD, password="hotkey password")
    done = export_bittensor(wallet, tmp_path / "out", password=PASSWORD, new_password="another password")
    assert done.left_out == ("rig",)
    found = {
        str(path.relative_to(done.wallet.path)): path.stat().st_mode & 0o777 for path in done.wallet.path.rglob("*")
    }
    assert found == {
        "coldkey": 0o600,
        "coldkeypub.txt": 0o600,
        "hotkeys": 0o700,
        "hotkeys/default": 0o600,
        "hotkeys/defaultpub.txt": 0o600,
    }
    assert (done.wallet.path / "coldkey").read_bytes().startswith(b"$NACL")
    assert done.wallet.unlock("another password").public == wallet.public
    assert done.wallet.hotkey().public == wallet.hotkey().public
    with pytest.raises(WalletExists):
        export_bittensor(wallet, tmp_path / "out", password=PASSWORD, new_password=None)
    opened = export_bittensor(
        wallet, tmp_path / "all", password=PASSWORD, new_password=None, hotkey_password=lambda _: "hotkey password"
    )
    assert opened.left_out == ()
    assert opened.wallet.kind == "plain"
    assert opened.wallet.hotkey("rig").public == wallet.hotkey("rig", "hotkey password").public


@pytest.mark.parametrize(("password", "new"), [("wrong horse", "long enough"), (PASSWORD, "short")])
def test_an_export_that_is_refused_writes_nothing(store: WalletStore, tmp_path: Path, password: str, new: str) -> None:
    wallet, _ = store.create("mine", PASSWORD)
    with pytest.raises((WrongPassword, WeakPassword)):
        export_bittensor(wallet, tmp_path / "out", password=password, new_password=new)
    assert not (tmp_path / "out").exists()


def test_an_import_is_sealed_in_our_own_form_and_keeps_foreign_hotkeys(theirs: WalletStore, store: WalletStore) -> None:
    source = theirs.open("rig")
    before = {path: path.read_bytes() for path in source.path.rglob("*") if path.is_file()}
    done = import_wallet(source, store, "mine", password=PASSWORD, new_password="another password")
    assert done.left_out == ("h2",)
    assert done.wallet.kind == "sealed"
    assert done.wallet.unlock("another password").public == PUBLIC
    assert {key.name for key in done.wallet.hotkeys()} == {"default", "h1"}
    assert done.wallet.hotkey("h1").public == source.hotkey("h1").public
    assert {path: path.read_bytes() for path in source.path.rglob("*") if path.is_file()} == before


def test_a_watched_wallet_is_imported_as_one(store: WalletStore, tmp_path: Path) -> None:
    elsewhere = WalletStore(tmp_path / "elsewhere")
    source = elsewhere.watch("far", PUBLIC)
    done = import_wallet(source, store, "near", password=None, new_password=None)
    assert (done.wallet.kind, done.wallet.public) == ("watch", PUBLIC)


def test_a_watched_address_is_shown_and_signs_nothing(store: WalletStore) -> None:
    wallet = store.watch("cold", PUBLIC)
    assert [each.name for each in store.wallets()] == ["cold"]
    assert (wallet.kind, wallet.sealed, wallet.hotkeys()) == ("watch", False, [])
    for use in (lambda: wallet.unlock(None), lambda: wallet.add_hotkey("x", None), lambda: wallet.seed("p")):
        with pytest.raises(WatchOnly, match="tx build"):
            use()
    with pytest.raises(WalletExists):
        store.watch("cold", PUBLIC)


def test_a_watched_hotkey_is_listed_and_signs_nothing(store: WalletStore) -> None:
    wallet, _ = store.create("mine", None)
    info = wallet.watch_hotkey("far", PUBLIC)
    assert (info.kind, info.public) == ("watch", PUBLIC)
    assert [(each.name, each.kind) for each in wallet.hotkeys()] == [("default", "plain"), ("far", "watch")]
    with pytest.raises(WatchOnly):
        wallet.hotkey("far")
    with pytest.raises(WalletExists):
        wallet.add_hotkey("far", None)


def test_a_link_is_followed_and_what_it_leads_to_is_checked(store: WalletStore, tmp_path: Path) -> None:
    wallet, _ = store.create("mine", None)
    real = tmp_path / "disk"
    (wallet.path / "coldkey").rename(real)
    (wallet.path / "coldkey").symlink_to(real)
    assert wallet.unlock(None).public == wallet.public
    real.chmod(0o644)
    with pytest.raises(KeyFilePermissions):
        wallet.unlock(None)
    assert len(wallet.warnings()) == 1
    (wallet.path / "coldkey").unlink()
    (wallet.path / "coldkey").symlink_to("/dev/zero")
    with pytest.raises(BadKeyFile, match="no regular file"):
        wallet.unlock(None)


def test_a_link_that_leads_to_itself_is_an_error(store: WalletStore) -> None:
    wallet, _ = store.create("mine", None)
    loop = wallet.path / "hotkeys" / "loop"
    loop.symlink_to(loop)
    with pytest.raises(KeyFileInaccessible, match="loop"):
        wallet.hotkey("loop")


def test_the_day_of_a_backup_test_is_all_that_is_kept(store: WalletStore) -> None:
    wallet, words = store.create("mine", PASSWORD)
    assert wallet.backup_tested_on() == ""
    wallet.note_backup_test("2027-01-02")
    assert store.open("mine").backup_tested_on() == "2027-01-02"
    written = b"".join(path.read_bytes() for path in wallet.path.rglob("*") if path.is_file())
    assert not [word for word in set(words.split()) if len(word) > 4 and word.encode() in written]


def test_wallets_that_cannot_be_read_do_not_hide_the_others(store: WalletStore) -> None:
    store.create("good", None)
    store.watch("bad", PUBLIC)
    (store.root / "bad" / "coldkeypub.txt").write_bytes(b"\xff\x00{")
    found, wrong = store.readable()
    assert [each.name for each in found] == ["good"]
    assert ["bad/coldkeypub.txt" in str(each) for each in wrong] == [True]
