"""Signed messages hold for what was said only, and never pass for a transaction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.primitives.crypto import Ed25519Signer, verify
from node.wallet import BadSignedMessage
from node.wallet.limits import MESSAGE_BYTES_MAX
from node.wallet.message import check_message, parse_signature, sign_message

ADA, BOB = Ed25519Signer(bytes(range(32))), Ed25519Signer(bytes(32))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_message_and_its_signer_only(message: bytes, other: bytes) -> None:
    signature = sign_message(ADA, message)
    assert check_message(ADA.public, message, signature) == "wrapped"
    assert check_message(BOB.public, message, signature) == "no"
    if other not in (message, b"<Bytes>" + message + b"</Bytes>"):
        assert check_message(ADA.public, other, signature) == "no"


@given(st.binary(min_size=32, max_size=32))
def test_signing_a_digest_as_a_message_signs_no_transaction(digest: bytes) -> None:
    assert not verify(ADA.public, digest, sign_message(ADA, digest))


def test_a_bare_signature_of_other_tools_is_told_apart() -> None:
    assert check_message(ADA.public, b"hello", ADA.sign(b"hello")) == "bare"


def test_a_message_may_not_be_a_disk_image() -> None:
    for use in (lambda data: sign_message(ADA, data), lambda data: check_message(ADA.public, data, bytes(64))):
        use(bytes(MESSAGE_BYTES_MAX))
        with pytest.raises(BadSignedMessage):
            use(bytes(MESSAGE_BYTES_MAX + 1))


@pytest.mark.parametrize("text", ["", "0x", "zz" * 64, "ab" * 63, "ab" * 65, "é" * 128])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(BadSignedMessage):
        parse_signature(text)


def test_a_signature_is_read_with_and_without_its_mark() -> None:
    assert parse_signature("0x" + "ab" * 64) == parse_signature(" " + "AB" * 64 + "\n") == b"\xab" * 64
