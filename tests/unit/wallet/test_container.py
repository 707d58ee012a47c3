"""Key files: what is sealed opens with its password only, and nothing hostile opens at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.errors import WalletError
from node.wallet.container import (
    KdfCost,
    PublicKey,
    parse_key_file,
    parse_public_file,
    plain_file,
    public_file,
    sealed_file,
)
from node.wallet.errors import BadKeyFile, UnsupportedKeyFile, WeakPassword, WrongPassword

SEED = bytes(range(32))
PUBLIC = Ed25519Signer(SEED).public
CHEAP = KdfCost(1, 8192)  # the least that Argon2id takes
PASSWORD = "correct horse"


def _counting_bytes(count: int) -> bytes:
    return bytes(range(count))


def _sealed() -> dict[str, object]:
    fields = json.loads(sealed_file(SEED, PASSWORD, CHEAP, _counting_bytes))
    assert isinstance(fields, dict)
    return fields


def test_a_sealed_key_opens_with_its_password_and_signs() -> None:
    key = parse_key_file(sealed_file(SEED, PASSWORD, CHEAP, _counting_bytes))
    assert key.sealed
    assert key.public == PUBLIC
    assert verify(PUBLIC, b"message", key.open(PASSWORD).sign(b"message"))


def test_a_sealed_key_does_not_open_otherwise() -> None:
    key = parse_key_file(sealed_file(SEED, PASSWORD, CHEAP, _counting_bytes))
    for wrong in ("Correct horse", "", "x" * 5000, None):
        with pytest.raises(WrongPassword):
            key.open(wrong)


def test_a_password_is_the_same_however_it_was_typed() -> None:
    key = parse_key_file(sealed_file(SEED, "Zürich über alles", CHEAP, _counting_bytes))
    assert key.seed("Zu\u0308rich u\u0308ber alles") == SEED


def test_the_seed_is_nowhere_in_a_sealed_file() -> None:
    data = sealed_file(SEED, PASSWORD, CHEAP, _counting_bytes)
    assert SEED.hex().encode() not in data
    assert SEED not in data


def test_no_representation_shows_the_seed() -> None:
    key = parse_key_file(plain_file(SEED))
    assert SEED.hex() not in repr(key) + repr(key.open(None))


@pytest.mark.parametrize("password", ["", "short", "1234567", "x" * 1025, "é" * 513])
def test_passwords_out_of_bounds_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        sealed_file(SEED, password, CHEAP, _counting_bytes)


def test_a_plain_key_has_the_fields_of_bittensors_files() -> None:
    fields = json.loads(plain_file(SEED))
    assert fields == {
        "accountId": "0x" + PUBLIC.hex(),
        "publicKey": "0x" + PUBLIC.hex(),
        "ss58Address": fields["ss58Address"],
        "cryptoType": 0,
        "privateKey": "0x" + SEED.hex() + PUBLIC.hex(),
        "secretSeed": "0x" + SEED.hex(),
    }
    assert fields["ss58Address"].startswith("5")
    assert parse_key_file(plain_file(SEED)).open(None).public == PUBLIC
    assert parse_public_file(public_file(PUBLIC)) == PublicKey(PUBLIC, foreign=False)


@pytest.mark.parametrize("missing", ["accountId", "secretSeed", "privateKey", "ss58Address", "cryptoType"])
def test_a_plain_key_of_another_tool_may_lack_and_add_fields(missing: str) -> None:
    fields = json.loads(plain_file(SEED))
    del fields[missing]
    fields["secretPhrase"] = "twelve words"
    assert parse_key_file(json.dumps(fields).encode()).seed(None) == SEED


@pytest.mark.parametrize("data", [b"$ANSIBLE_VAULT;1.1", b"gAAAAABk", b'{"format":"other"}'])
def test_forms_that_are_not_opened_are_named_not_guessed(data: bytes) -> None:
    with pytest.raises(UnsupportedKeyFile):
        parse_key_file(data)


@pytest.mark.parametrize("private", [True, False])
def test_an_sr25519_key_tells_its_address_and_signs_nothing(private: bool) -> None:
    fields = json.loads(plain_file(SEED)) | {"cryptoType": 1}
    key = parse_key_file(json.dumps(fields).encode())
    assert (key.public, key.foreign) == (PUBLIC, True)
    assert parse_public_file(json.dumps(fields).encode()) == PublicKey(PUBLIC, foreign=True)
    with pytest.raises(UnsupportedKeyFile, match="sr25519"):
        key.open(None)


def test_a_key_that_names_no_scheme_and_is_not_ed25519_is_no_damage() -> None:
    fields = json.loads(plain_file(SEED)) | {"publicKey": "0x" + bytes(32).hex()}
    del fields["cryptoType"]
    with pytest.raises(UnsupportedKeyFile, match="sr25519"):
        parse_key_file(json.dumps(fields).encode()).open(None)


def test_a_key_of_a_scheme_nobody_knows_is_refused() -> None:
    with pytest.raises(UnsupportedKeyFile, match="scheme 7"):
        parse_key_file(json.dumps(json.loads(plain_file(SEED)) | {"cryptoType": 7}).encode())


def test_a_later_version_is_refused_with_the_advice_to_upgrade() -> None:
    with pytest.raises(UnsupportedKeyFile, match="Upgrade"):
        parse_key_file(json.dumps(_sealed() | {"version": 2}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"publicKey":"0x12"}',
        b'{"publicKey":"zz"}',
        b'{"publicKey":7}',
        b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b" " * 16385,
    ],
)
def test_garbage_is_a_bad_key_file(data: bytes) -> None:
    with pytest.raises(BadKeyFile):
        parse_key_file(data)
    with pytest.raises(BadKeyFile):
        parse_public_file(data)


def test_a_swapped_public_key_is_noticed() -> None:
    other = "0x" + Ed25519Signer(bytes(32)).public.hex()
    sealed = parse_key_file(json.dumps(_sealed() | {"publicKey": other}).encode())
    plain = parse_key_file(json.dumps(json.loads(plain_file(SEED)) | {"publicKey": other}).encode())
    for key in (sealed, plain):
        with pytest.raises(BadKeyFile, match="does not belong"):
            key.open(PASSWORD)


def test_a_public_file_in_the_place_of_a_private_one_holds_no_key() -> None:
    with pytest.raises(BadKeyFile, match="no private key"):
        parse_key_file(public_file(PUBLIC)).open(None)


@pytest.mark.parametrize(
    "change",
    [
        {"operations": 17},
        {"operations": 0},
        {"memoryBytes": 2**40},
        {"memoryBytes": 100},
        {"salt": "00"},
        {"salt": "x"},
    ],
)
def test_hostile_costs_are_refused_before_any_work(change: dict[str, object]) -> None:
    fields = _sealed()
    kdf = fields["kdf"]
    assert isinstance(kdf, dict)
    with pytest.raises(BadKeyFile):
        parse_key_file(json.dumps(fields | {"kdf": kdf | change}).encode()).open(PASSWORD)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_never_gives_another_key(position: int, value: int) -> None:
    data = bytearray(sealed_file(SEED, PASSWORD, CHEAP, _counting_bytes))
    data[position % len(data)] = value
    try:
        seed = parse_key_file(bytes(data)).seed(PASSWORD)
    except WalletError:
        return
    assert seed == SEED


@given(st.binary(max_size=300))
def test_parsing_anything_ends_in_a_wallet_error(data: bytes) -> None:
    with pytest.raises(WalletError):
        parse_key_file(data)
    with pytest.raises(WalletError):
        parse_public_file(data)
