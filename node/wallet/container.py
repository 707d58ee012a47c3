"""The bytes of key files: a plain form that Bittensor's tools also read, and an encrypted form of our own.

Encrypted: Argon2id over the password with a random salt gives the key of a NaCl SecretBox around the seed; costs and
salt stand beside it. Bittensor's encrypted form (`node.wallet.bittensor`) is opened too, and written by exports only.
Argon2id: RFC 9106. Plain form: one JSON object with the fields of Substrate key files. Only Ed25519 keys sign here; an
sr25519 key is recognised, so that its address can be watched.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import msgspec
import nacl.exceptions
import nacl.pwhash
import nacl.secret

from node.primitives.address import from_ss58, to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import AddressError
from node.primitives.types import AccountId
from node.wallet import bittensor
from node.wallet.errors import BadKeyFile, UnsupportedKeyFile, WeakPassword, WrongPassword
from node.wallet.limits import (
    KDF_MEMORY_BYTES_MAX,
    KDF_OPERATIONS_MAX,
    KEY_FILE_BYTES_MAX,
    PASSWORD_BYTES_MAX,
    PASSWORD_CHARS_MIN,
)
from node.wallet.mnemonic import SEED_BYTES, seed_from_words

RandomBytes = Callable[[int], bytes]
KeyForm = Literal["plain", "neurond", "bittensor"]
"""Unencrypted, our own encrypted form, Bittensor's encrypted form."""
_File = TypeVar("_File")

FORMAT: Final = "neurond-key"
FORMAT_VERSION: Final = 1
_ED25519: Final = 0
_SR25519: Final = 1
_SALT_BYTES: Final = nacl.pwhash.argon2id.SALTBYTES
_NONCE_BYTES: Final = nacl.secret.SecretBox.NONCE_SIZE
_OLD_MARKS: Final = {b"$ANSIBLE_VAULT": "ansible-vault", b"gAAAAA": "Fernet"}


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

    account_id: str | None = ""
    public_key: str | None = ""
    ss58_address: str | None = ""
    crypto_type: int | None = None


class _PlainFile(PublicFile, frozen=True, rename="camel", omit_defaults=True):
    private_key: str | None = ""
    secret_seed: str | None = ""
    secret_phrase: str | None = None


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
class PublicKey:
    """An account, and whether its key is of the one scheme that this chain knows."""

    account: AccountId
    foreign: bool
    """An sr25519 key: what it holds can be shown, but it can sign nothing here."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file that was read and understood. `public` is None where it lies inside the encrypted part."""

    public: AccountId | None
    form: KeyForm
    foreign: bool
    _data: bytes = field(repr=False)  # may hold the seed

    @property
    def sealed(self) -> bool:
        """Whether it needs a password."""
        return self.form != "plain"

    def open(self, password: str | None) -> Ed25519Signer:
        """Return the signer. Raises as `seed`."""
        return Ed25519Signer(self.seed(password))

    def seed(self, password: str | None) -> bytes:
        """Return the private seed. Takes the time of the key derivation when sealed; call it from a worker thread.

        Raises:
            WrongPassword: also for a missing one.
            BadKeyFile: the private part is not that of the public one.
            UnsupportedKeyFile: it is an sr25519 key.
        """
        if self.form == "neurond":
            seed = _open_sealed(self._data, password)
            _check_pair(seed, self.public)
            return seed
        plain = self._data if self.form == "plain" else bittensor.open_box(self._data, password)
        return _plain_seed(_decode(plain, _PlainFile))


def parse_key_file(data: bytes) -> KeyFile:
    """Return what the bytes of a private key file hold, without opening it.

    Raises:
        BadKeyFile: too large, not JSON, or without a usable public key.
        UnsupportedKeyFile: a form of other tools that this program does not use.
    """
    _check_size(data)
    for mark, what in _OLD_MARKS.items():
        if data.startswith(mark):
            raise UnsupportedKeyFile(
                f"This is an old encrypted Bittensor key ({what}); neurond does not open it.",
                remedy="Restore the wallet from its words, or let `btcli wallet update` write the key anew.",
            )
    if data.startswith(bittensor.MARK):
        return KeyFile(None, "bittensor", False, data)
    probe = _decode(data, _Probe)
    if probe.format:
        if probe.format != FORMAT or probe.version != FORMAT_VERSION:
            raise UnsupportedKeyFile(
                f"This key file has the form {probe.format[:32]!r}, version {probe.version}.",
                remedy="Upgrade neurond to the version that wrote it.",
            )
        return KeyFile(_account(_decode(data, _SealedFile).public_key), "neurond", False, data)
    plain = _plain_public(_decode(data, _PlainFile))
    return KeyFile(plain.account, "plain", plain.foreign, data)


def parse_public_file(data: bytes) -> PublicKey:
    """Return the account in the bytes of a public key file. Raises BadKeyFile, UnsupportedKeyFile."""
    _check_size(data)
    return _plain_public(_decode(data, PublicFile))


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
    check_new_password(password)
    secret = _password_bytes(password)
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


def bittensor_file(seed: bytes, password: str, random_bytes: RandomBytes) -> bytes:
    """Return the bytes of a key file encrypted as Bittensor's tools do it; some seconds and 512 MiB.

    Raises:
        WeakPassword: as `sealed_file`. BadKeyFile: no memory for it.
    """
    check_new_password(password)
    return bittensor.seal_box(plain_file(seed), password, random_bytes)


def check_new_password(password: str) -> None:
    """Raise WeakPassword for one that is too short or too long."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise WeakPassword(f"The password has fewer than {PASSWORD_CHARS_MIN} characters. Choose a longer one.")
    if len(_password_bytes(password)) > PASSWORD_BYTES_MAX:
        raise WeakPassword(f"The password has more than {PASSWORD_BYTES_MAX} bytes. Choose a shorter one.")


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


def _plain_public(file: PublicFile) -> PublicKey:
    if file.crypto_type not in (None, _ED25519, _SR25519):
        raise UnsupportedKeyFile(f"This is a key of scheme {file.crypto_type}; neurond signs with ed25519.")
    written = file.public_key or file.account_id
    if not written and file.ss58_address:
        try:
            return PublicKey(from_ss58(file.ss58_address), file.crypto_type == _SR25519)
        except AddressError as error:
            raise BadKeyFile(f"The key file is damaged: {error.message}") from error
    return PublicKey(_account(written or ""), file.crypto_type == _SR25519)


def _plain_seed(file: _PlainFile) -> bytes:
    """The seed in a plain file, checked against its public key. Files that name no scheme may be of either."""
    if file.crypto_type == _SR25519:
        raise _sr25519()
    seed = _from_hex(file.secret_seed or file.private_key or "")[:SEED_BYTES]
    if not seed and file.secret_phrase:
        seed = seed_from_words(file.secret_phrase)
    if len(seed) != SEED_BYTES:
        raise BadKeyFile("The key file holds no private key.")
    public = _plain_public(file).account
    if file.crypto_type is None and Ed25519Signer(seed).public != public:
        raise _sr25519()
    _check_pair(seed, public)
    return seed


def _check_pair(seed: bytes, public: AccountId | None) -> None:
    if Ed25519Signer(seed).public != public:
        raise BadKeyFile("The key file is damaged: its private key does not belong to its public key.")


def _sr25519() -> UnsupportedKeyFile:
    return UnsupportedKeyFile(
        "This is an sr25519 key; this chain knows ed25519 signatures only, so that it can sign nothing here.",
        remedy="Watch its address (neurond wallet watch ADDRESS), send nothing to it here, and make a new wallet.",
    )


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
