"""Runs inside an environment that has Bittensor's own package and nothing of neurond: makes and opens wallets with it.

Called as `python their_wallet.py open|make ROOT`; reads one JSON object on standard input, prints one.
"""

import json
import sys

try:  # 8 and 10 share a package, 11 has a wallet of its own
    from bittensor_wallet import Keypair, Wallet

    OLD = True
except ImportError:
    from bittensor import Wallet
    from bittensor.keyfiles import Keypair

    OLD = False

ED25519, SR25519 = 0, 1


def opened(root, asked):
    wallet = Wallet(name=asked["name"], hotkey=asked["hotkey"], path=root)
    coldkey = wallet.coldkey_file.get_keypair(asked["password"])
    hotkey = wallet.hotkey
    message = asked["message"].encode()
    try:
        wallet.coldkey_file.get_keypair("wrong " + asked["password"])
        refused = False
    except Exception:  # whatever it raises, it must not open
        refused = True
    return {
        "coldkey": coldkey.ss58_address,
        "coldkeypub": wallet.coldkeypub.ss58_address,
        "hotkey": hotkey.ss58_address,
        "hotkeypub": wallet.hotkeypub.ss58_address,
        "coldkey_signature": bytes(coldkey.sign(message)).hex(),
        "hotkey_signature": bytes(hotkey.sign(message)).hex(),
        "verified": [bool(coldkey.verify(message, bytes.fromhex(each))) for each in asked["signatures"]],
        "forged": bool(coldkey.verify(message + b"!", bytes.fromhex(asked["signatures"][0]))),
        "wrong_password_refused": refused,
    }


def made(root, asked):
    wallet = Wallet(name=asked["name"], hotkey=asked["hotkey"], path=root)
    scheme = ED25519 if asked["scheme"] == "ed25519" else SR25519
    coldkey = Keypair.create_from_mnemonic(asked["words"], crypto_type=scheme)
    hotkey = Keypair.create_from_mnemonic(asked["hotkey_words"], crypto_type=scheme)
    if OLD:
        wallet.set_coldkey(coldkey, encrypt=True, overwrite=True, coldkey_password=asked["password"])
        wallet.set_coldkeypub(coldkey, encrypt=False, overwrite=True)
        wallet.set_hotkey(hotkey, encrypt=False, overwrite=True)
        wallet.set_hotkeypub(hotkey, encrypt=False, overwrite=True)
    else:
        wallet.regenerate_coldkey(mnemonic=asked["words"], coldkey_password=asked["password"], crypto_type=scheme)
        wallet.regenerate_hotkey(mnemonic=asked["hotkey_words"], use_password=False, crypto_type=scheme)
    return {
        "coldkey": coldkey.ss58_address,
        "hotkey": hotkey.ss58_address,
        "coldkey_signature": bytes(coldkey.sign(asked["message"].encode())).hex(),
    }


if __name__ == "__main__":
    task = {"open": opened, "make": made}[sys.argv[1]]
    out = sys.stdout
    sys.stdout = sys.stderr  # the package talks
    answer = task(sys.argv[2], json.load(sys.stdin))
    print(json.dumps(answer), file=out)
