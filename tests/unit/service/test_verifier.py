"""The memory of checked signatures: it saves repeated checks and never lets one through that does not hold."""

from unittest.mock import patch

from node.primitives import crypto
from node.primitives.crypto import Ed25519Signer
from node.service import verifier
from node.service.verifier import RememberingVerifier

ALICE = Ed25519Signer(bytes(31) + b"\x01")
BOB = Ed25519Signer(bytes(31) + b"\x02")
MESSAGE = bytes(32)


class Counting:
    """The real check, counted."""

    def __init__(self) -> None:
        self.checks = 0

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool:
        self.checks += 1
        return crypto.verify(public, message, signature)


def test_a_signature_that_held_is_not_checked_again() -> None:
    check, signature = Counting(), ALICE.sign(MESSAGE)
    with patch.object(verifier, "verify", check):
        remembering = RememberingVerifier()
        assert [remembering(ALICE.public, MESSAGE, signature) for _ in range(5)] == [True] * 5
    assert check.checks == 1


def test_a_remembered_signature_says_nothing_about_another_key_or_message() -> None:
    remembering, signature = RememberingVerifier(), ALICE.sign(MESSAGE)
    assert remembering(ALICE.public, MESSAGE, signature)
    assert not remembering(BOB.public, MESSAGE, signature)
    assert not remembering(ALICE.public, bytes(31) + b"\x01", signature)
    assert not remembering(ALICE.public, MESSAGE + b"\x00", signature)
    assert remembering(ALICE.public, MESSAGE, signature)


def test_a_long_message_is_remembered_too() -> None:
    check, message = Counting(), bytes(1000)
    signature = ALICE.sign(message)
    with patch.object(verifier, "verify", check):
        remembering = RememberingVerifier()
        assert remembering(ALICE.public, message, signature)
        assert remembering(ALICE.public, message, signature)
        assert not remembering(ALICE.public, message + b"\x00", signature)
    assert check.checks == 2


def test_a_signature_that_does_not_hold_is_never_remembered() -> None:
    check = Counting()
    with patch.object(verifier, "verify", check):
        remembering = RememberingVerifier()
        assert [remembering(ALICE.public, MESSAGE, bytes(64)) for _ in range(3)] == [False] * 3
    assert check.checks == 3


def test_the_memory_stays_within_its_capacity_and_keeps_the_latest_half() -> None:
    check, capacity = Counting(), 10
    messages = [number.to_bytes(32, "big") for number in range(4 * capacity)]
    signatures = [ALICE.sign(message) for message in messages]
    with patch.object(verifier, "verify", check):
        remembering = RememberingVerifier(capacity)
        for message, signature in zip(messages, signatures, strict=True):
            assert remembering(ALICE.public, message, signature)
        done, half = check.checks, capacity // 2
        for message, signature in zip(messages[-half:], signatures[-half:], strict=True):
            assert remembering(ALICE.public, message, signature)
        assert check.checks == done
        for message, signature in zip(messages[: 2 * capacity], signatures[: 2 * capacity], strict=True):
            assert remembering(ALICE.public, message, signature)
    assert check.checks == done + 2 * capacity
