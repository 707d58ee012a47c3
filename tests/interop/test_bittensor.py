"""A wallet's round trip with Bittensor's own packages: theirs opens and signs with our files, ours opens theirs.

Skipped unless NEUROND_INTEROP is set, and where the packages cannot be installed. Real costs: some seconds a key.
"""

from pathlib import Path

import pytest

from node.primitives.address import from_ss58
from node.primitives.crypto import Ed25519Signer, verify
from node.wallet import KdfCost, UnsupportedKeyFile, WalletStore, WatchOnly, WrongPassword
from node.wallet.message import check_message, sign_message
from node.wallet.mnemonic import seed_from_words
from node.wallet.transfer import export_bittensor, import_wallet
from tests.interop import bittensor
from tests.interop.javascript import CannotRun

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
HOTKEY_WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
PASSWORD, MESSAGE = "correct horse ü", "a message of neurond"
CHEAP = KdfCost(1, 8192)


@pytest.fixture(scope="module", params=bittensor.VERSIONS)
def theirs(request: pytest.FixtureRequest) -> Path:
    """The Python of an environment with one version of bittensor."""
    try:
        return bittensor.prepare(request.param)
    except CannotRun as reason:
        pytest.skip(str(reason))


def test_their_package_opens_and_signs_with_our_files(theirs: Path, tmp_path: Path) -> None:
    wallet = WalletStore(tmp_path / "ours", cost=CHEAP).restore("mine", WORDS, PASSWORD)
    export_bittensor(wallet, tmp_path / "out", password=PASSWORD, new_password=PASSWORD)
    coldkey, hotkey = wallet.unlock(PASSWORD), wallet.hotkey()
    message = MESSAGE.encode()
    signatures = [coldkey.sign(message).hex(), sign_message(coldkey, message).hex()]
    told = bittensor.ask(
        theirs, "open", tmp_path / "out",
        {"name": "mine", "hotkey": "default", "password": PASSWORD, "message": MESSAGE, "signatures": signatures},
    )  # fmt: skip
    assert told["coldkey"] == told["coldkeypub"] == wallet.address
    assert told["hotkey"] == told["hotkeypub"] == wallet.hotkeys()[0].address
    assert verify(wallet.public, message, bytes.fromhex(told["coldkey_signature"]))
    assert verify(hotkey.public, message, bytes.fromhex(told["hotkey_signature"]))
    assert check_message(wallet.public, message, bytes.fromhex(told["coldkey_signature"])) == "bare"
    assert told["verified"][0] is True
    assert told["forged"] is False
    assert told["wrong_password_refused"] is True


def test_our_store_opens_and_signs_with_their_encrypted_files(theirs: Path, tmp_path: Path) -> None:
    question = {
        "name": "rig", "hotkey": "h1", "password": PASSWORD, "message": MESSAGE, "scheme": "ed25519",
        "words": WORDS, "hotkey_words": HOTKEY_WORDS,
    }  # fmt: skip
    told = bittensor.ask(theirs, "make", tmp_path, question)
    assert told["coldkey"] != told["hotkey"]
    wallet = WalletStore(tmp_path).open("rig")
    assert (wallet.address, wallet.kind) == (told["coldkey"], "bittensor")
    assert wallet.unlock(PASSWORD).public == Ed25519Signer(seed_from_words(WORDS)).public
    with pytest.raises(WrongPassword):
        wallet.unlock("wrong horse")
    assert wallet.hotkey("h1").public == from_ss58(told["hotkey"])
    assert verify(wallet.public, MESSAGE.encode(), bytes.fromhex(told["coldkey_signature"]))
    ours = WalletStore(tmp_path / "ours", cost=CHEAP)
    copied = import_wallet(wallet, ours, "copy", password=PASSWORD, new_password="another password")
    assert copied.wallet.unlock("another password").public == wallet.public
    assert copied.wallet.hotkey("h1").public == from_ss58(told["hotkey"])
    back = bittensor.ask(
        theirs, "open", tmp_path,
        {
            "name": "rig", "hotkey": "h1", "password": PASSWORD, "message": MESSAGE,
            "signatures": [copied.wallet.unlock("another password").sign(MESSAGE.encode()).hex()],
        },
    )  # fmt: skip
    assert back["verified"] == [True]


def test_their_usual_sr25519_wallets_are_watch_only(theirs: Path, tmp_path: Path) -> None:
    question = {
        "name": "usual", "hotkey": "h1", "password": PASSWORD, "message": MESSAGE, "scheme": "sr25519",
        "words": WORDS, "hotkey_words": HOTKEY_WORDS,
    }  # fmt: skip
    told = bittensor.ask(theirs, "make", tmp_path, question)
    wallet = WalletStore(tmp_path).open("usual")
    assert wallet.address == told["coldkey"]
    with pytest.raises((WatchOnly, UnsupportedKeyFile), match="sr25519"):
        wallet.unlock(PASSWORD)
    assert not verify(wallet.public, MESSAGE.encode(), bytes.fromhex(told["coldkey_signature"]))
