"""The encrypted key file of Bittensor's tools: opened wherever it is found, written only by an export for those tools.

It is the mark `$NACL`, a nonce, and a NaCl SecretBox around the JSON of a plain key file. The box's key is Argon2i
over the password with one salt for everybody, so that whoever prepares guesses once has them for every wallet; hence
neurond never writes it for itself. One derivation takes 512 MiB and some seconds: call it from a worker thread.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

import nacl.exceptions
import nacl.pwhash
import nacl.secret

from node.wallet.errors import BadKeyFile, WrongPassword
from node.wallet.limits import NACL_MEMORY_BYTES, PASSWORD_BYTES_MAX

MARK: Final = b"$NACL"
_SALT: Final = bytes.fromhex("137183dff15a09bc9c90b5518739e9b1")
_OPERATIONS: Final = nacl.pwhash.argon2i.OPSLIMIT_SENSITIVE
_OVERHEAD_BYTES: Final = len(MARK) + nacl.secret.SecretBox.NONCE_SIZE + nacl.secret.SecretBox.MACBYTES


def open_box(data: bytes, password: str | None) -> bytes:
    """Return the JSON inside.

    Raises:
        WrongPassword: also for a missing one. BadKeyFile: too short, or there is no memory for the derivation.
    """
    if len(data) <= _OVERHEAD_BYTES:
        raise BadKeyFile("The key file is damaged: it ends too early.")
    if password is None:
        raise WrongPassword("This key is encrypted and needs its password.", remedy="")
    for secret in _spellings(password):
        try:
            return nacl.secret.SecretBox(_derive(secret)).decrypt(data[len(MARK) :])
        except nacl.exceptions.CryptoError:
            continue
    raise WrongPassword("The password does not open this key.")


def seal_box(plain: bytes, password: str, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the bytes of an encrypted file around the JSON `plain`."""
    nonce = random_bytes(nacl.secret.SecretBox.NONCE_SIZE)
    return MARK + bytes(nacl.secret.SecretBox(_derive(password.encode())).encrypt(plain, nonce))


def _spellings(password: str) -> list[bytes]:
    """The byte strings that a keyboard may have made of one password: as typed, composed, decomposed.

    Those tools take the bytes as they come. A password of ASCII has one spelling, hence one derivation.
    """
    forms = (password, unicodedata.normalize("NFC", password), unicodedata.normalize("NFKD", password))
    spelt = dict.fromkeys(form.encode("utf-8", "surrogatepass") for form in forms)
    return [secret for secret in spelt if len(secret) <= PASSWORD_BYTES_MAX]


def _derive(secret: bytes) -> bytes:
    try:
        return nacl.pwhash.argon2i.kdf(
            nacl.secret.SecretBox.KEY_SIZE, secret, _SALT, opslimit=_OPERATIONS, memlimit=NACL_MEMORY_BYTES
        )
    except (nacl.exceptions.CryptoError, MemoryError) as error:
        raise BadKeyFile(
            f"Opening this key takes {NACL_MEMORY_BYTES // 2**20} MiB of memory, which this machine does not give.",
            remedy="Close other programs.",
        ) from error
