"""The bytes of key files: a plain form that Bittensor's tools also read, and an encrypted form of our own.

Encrypted: Argon2id over the password with a random salt gives the key of a NaCl SecretBox around the seed; costs and
salt stand beside it. Bittensor's encrypted form has one salt for everybody, so it is recognised but never written.
Argon2id: RFC 9106. Plain form: one JSON object with the fields of Substrate key files.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import msgspec
import nacl.exceptions
import nacl.pwhash
import nacl.secret

from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import AccountId
from node.wallet.errors import BadKeyFile, UnsupportedKeyFile, WeakPassword, WrongPassword
from node.wallet.limits import (
    KDF_MEMORY_BYTES_MAX,
    KDF_OPERATIONS_MAX,
    KEY_FILE_BYTES_MAX,
    PASSWORD_BYTES_MAX,
    PASSWORD_CHARS_MIN,
)
from node.wallet.mnemonic import SEED_BYTES

RandomBytes = Callable[[int], bytes]
_File = TypeVar("_File")

FORMAT: Final = "neurond-key"
FORMAT_VERSION: Final = 1
_ED25519: Final = 0
_SALT_BYTES: Final = nacl.pwhash.argon2id.SALTBYTES
_NONCE_BYTES: Final = nacl.secret.SecretBox.NONCE_SIZE
_FOREIGN_MARKS: Final = {
    b"$NACL": "an encrypted Bittensor key",
    b"$ANSIBLE_VAULT": "an old encrypted Bittensor key",
    b"gAAAAA": "an old encrypted Bittensor key",
}


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What one guess at a password costs: passes over `memory_bytes` of memory."""

    operations: int
    memory_bytes: int


STRONG: Final = KdfCost(nacl.pwhash.argon2id.OPSLIMIT_MODERATE, nacl.pwhash.argon2id.MEMLIMIT_MODERATE)
"""3 passes over 256 MiB, about 0.7 s: for keys that people unlock."""
INTERACTIVE: Final = KdfCost(nacl.pwhash.argon2id.OPSLIMIT_INTERACTIVE, nacl.pwhash.argon2id.MEMLIMIT_INTERACTIVE)
"""2 passes over 64 MiB, about 0.1 s: for hotkeys on small machines."""


class PublicFile(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A public key file, and the public part of a private one. Unknown fields are ignored, missing ones allowed."""

    account_id: str = ""
    public_key: str = ""
    ss58_address: str = ""
    crypto_type: int | None = None


class _PlainFile(PublicFile, frozen=True, rename="camel", omit_defaults=True):
    private_key: str = ""
    secret_seed: str = ""


class _Kdf(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    name: Literal["argon2id"]
    operations: int
    memory_bytes: int
    salt: str


class _SealedFile(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    format: str
    version: int
    account_id: str
    public_key: str
    ss58_address: str
    crypto_type: int
    kdf: _Kdf
    box: str


class _Probe(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file that was read and understood; `sealed` tells whether it needs a password."""

    public: AccountId
    sealed: bool
    _data: bytes = field(repr=False)  # may hold the seed

    def open(self, password: str | None) -> Ed25519Signer:
        """Return the signer. Raises as `seed`."""
        return Ed25519Signer(self.seed(password))

    def seed(self, password: str | None) -> bytes:
        """Return the private seed. Takes the time of the key derivation when sealed; call it from a worker thread.

        Raises:
            WrongPassword: also for a missing one.
            BadKeyFile: the private part is not that of the public one.
        """
        seed = _open_sealed(self._data, password) if self.sealed else _plain_seed(_decode(self._data, _PlainFile))
        if Ed25519Signer(seed).public != self.public:
            raise BadKeyFile("The key file is damaged: its private key does not belong to its public key.")
        return seed


def parse_key_file(data: bytes) -> KeyFile:
    """Return what the bytes of a private key file hold, without opening it.

    Raises:
        BadKeyFile: too large, not JSON, or without a usable public key.
        UnsupportedKeyFile: a form or key type of other tools that this program does not use.
    """
    _check_size(data)
    for mark, what in _FOREIGN_MARKS.items():
        if data.startswith(mark):
            raise UnsupportedKeyFile(
                f"This is {what}; neurond does not open it.",
                remedy="Restore the wallet from its words, or save the key unencrypted with the tool that wrote it.",
            )
    probe = _decode(data, _Probe)
    if probe.format:
        if probe.format != FORMAT or probe.version != FORMAT_VERSION:
            raise UnsupportedKeyFile(
                f"This key file has the form {probe.format[:32]!r}, version {probe.version}.",
                remedy="Upgrade neurond to the version that wrote it.",
            )
        return KeyFile(_account(_decode(data, _SealedFile).public_key), True, data)
    return KeyFile(_plain_account(_decode(data, _PlainFile)), False, data)


def parse_public_file(data: bytes) -> AccountId:
    """Return the account in the bytes of a public key file. Raises BadKeyFile, UnsupportedKeyFile."""
    _check_size(data)
    return _plain_account(_decode(data, PublicFile))


def public_file(account: AccountId) -> bytes:
    """Return the bytes of a public key file."""
    return msgspec.json.encode(
        PublicFile(
            account_id="0x" + account.hex(),
            public_key="0x" + account.hex(),
            ss58_address=to_ss58(account),
            crypto_type=_ED25519,
        )
    )


def plain_file(seed: bytes) -> bytes:
    """Return the bytes of an unencrypted key file, in the form that Bittensor's tools read."""
    account = Ed25519Signer(seed).public
    return msgspec.json.encode(
        _PlainFile(
            account_id="0x" + account.hex(),
            public_key="0x" + account.hex(),
            ss58_address=to_ss58(account),
            crypto_type=_ED25519,
            private_key="0x" + (seed + account).hex(),
            secret_seed="0x" + seed.hex(),
        )
    )


def sealed_file(seed: bytes, password: str, cost: KdfCost, random_bytes: RandomBytes) -> bytes:
    """Return the bytes of an encrypted key file; takes the time of one key derivation.

    Raises:
        WeakPassword: shorter or longer than the bounds.
    """
    if len(password) < PASSWORD_CHARS_MIN:
        raise WeakPassword(f"The password has fewer than {PASSWORD_CHARS_MIN} characters. Choose a longer one.")
    secret = _password_bytes(password)
    if len(secret) > PASSWORD_BYTES_MAX:
        raise WeakPassword(f"The password has more than {PASSWORD_BYTES_MAX} bytes. Choose a shorter one.")
    account = Ed25519Signer(seed).public
    salt = random_bytes(_SALT_BYTES)
    box = nacl.secret.SecretBox(_derive(secret, salt, cost)).encrypt(seed, random_bytes(_NONCE_BYTES))
    kdf = _Kdf(name="argon2id", operations=cost.operations, memory_bytes=cost.memory_bytes, salt=salt.hex())
    sealed = _SealedFile(
        format=FORMAT,
        version=FORMAT_VERSION,
        account_id="0x" + account.hex(),
        public_key="0x" + account.hex(),
        ss58_address=to_ss58(account),
        crypto_type=_ED25519,
        kdf=kdf,
        box=bytes(box).hex(),
    )
    return msgspec.json.encode(sealed)


def _open_sealed(data: bytes, password: str | None) -> bytes:
    sealed = _decode(data, _SealedFile)
    cost = KdfCost(sealed.kdf.operations, sealed.kdf.memory_bytes)
    if not 0 < cost.operations <= KDF_OPERATIONS_MAX or not 0 < cost.memory_bytes <= KDF_MEMORY_BYTES_MAX:
        raise BadKeyFile("The key file asks for more work or memory than any real one.")
    salt, box = _from_hex(sealed.kdf.salt), _from_hex(sealed.box)
    if len(salt) != _SALT_BYTES or len(box) != _NONCE_BYTES + nacl.secret.SecretBox.MACBYTES + SEED_BYTES:
        raise BadKeyFile("The key file is damaged: a part has the wrong length.")
    if password is None:
        raise WrongPassword("This key is encrypted and needs its password.", remedy="")
    secret = _password_bytes(password)
    if len(secret) > PASSWORD_BYTES_MAX:
        raise WrongPassword("The password does not open this key.")
    try:
        return nacl.secret.SecretBox(_derive(secret, salt, cost)).decrypt(box)
    except nacl.exceptions.CryptoError as error:
        raise WrongPassword("The password does not open this key.") from error


def _derive(secret: bytes, salt: bytes, cost: KdfCost) -> bytes:
    try:
        return nacl.pwhash.argon2id.kdf(
            nacl.secret.SecretBox.KEY_SIZE, secret, salt, opslimit=cost.operations, memlimit=cost.memory_bytes
        )
    except (nacl.exceptions.CryptoError, ValueError) as error:
        raise BadKeyFile(
            f"The key cannot be derived with {cost.memory_bytes} bytes of memory.", remedy="Close other programs."
        ) from error


def _password_bytes(password: str) -> bytes:
    """One password, one byte string, whatever the keyboard composes."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _plain_account(file: PublicFile) -> AccountId:
    if file.crypto_type not in (None, _ED25519):
        raise UnsupportedKeyFile(
            "This is an sr25519 key; neurond signs with ed25519.",
            remedy="Make a new wallet here and transfer to it.",
        )
    return _account(file.public_key or file.account_id)


def _plain_seed(file: _PlainFile) -> bytes:
    seed = _from_hex(file.secret_seed or file.private_key)[:SEED_BYTES]
    if len(seed) != SEED_BYTES:
        raise BadKeyFile("The key file holds no private key.")
    return seed


def _account(text: str) -> AccountId:
    raw = _from_hex(text)
    if len(raw) != SEED_BYTES:
        raise BadKeyFile("The key file holds no public key of 32 bytes.")
    return AccountId(raw)


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise BadKeyFile("The key file is damaged: a part is not hexadecimal.") from error


def _check_size(data: bytes) -> None:
    if len(data) > KEY_FILE_BYTES_MAX:
        raise BadKeyFile(f"The key file is larger than {KEY_FILE_BYTES_MAX} bytes.")


def _decode(data: bytes, form: type[_File]) -> _File:
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # the last from deep nesting
        raise BadKeyFile("The key file is damaged: it is not the JSON it should be.") from error
