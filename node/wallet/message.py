"""Signed messages: what somebody says as the owner of an account, in a form that can never be a transaction.

The signed bytes are `<Bytes>`, the message, `</Bytes>`, as Polkadot's and Bittensor's tools wrap and check them; what
moves money here is always a 32-byte digest under a domain of its own, so that neither signature fits the other. Raw
bytes are never signed. Checking also accepts a signature over the bare message, as `btcli wallet sign` makes them.
"""

from typing import Final, Literal

from node.primitives.crypto import Signer, verify
from node.primitives.types import SIGNATURE_BYTES, AccountId
from node.wallet.errors import BadSignedMessage
from node.wallet.limits import MESSAGE_BYTES_MAX

_BEFORE: Final = b"<Bytes>"
_AFTER: Final = b"</Bytes>"

Verdict = Literal["wrapped", "bare", "no"]
"""The signature is over the wrapped message, over its bare bytes, or does not hold."""


def sign_message(signer: Signer, message: bytes) -> bytes:
    """Return the 64-byte signature over a message. Raises BadSignedMessage when it is too large."""
    return signer.sign(_wrapped(message))


def check_message(account: AccountId, message: bytes, signature: bytes) -> Verdict:
    """Tell whether and how `account` has signed `message`. Raises BadSignedMessage when it is too large."""
    if verify(account, _wrapped(message), signature):
        return "wrapped"
    return "bare" if verify(account, message, signature) else "no"


def parse_signature(text: str) -> bytes:
    """Return the 64 bytes of a signature in hexadecimal. Raises BadSignedMessage."""
    digits = text.strip().removeprefix("0x")
    try:
        raw = bytes.fromhex(digits) if len(digits) == 2 * SIGNATURE_BYTES else b""
    except ValueError:
        raw = b""
    if len(raw) != SIGNATURE_BYTES:
        raise BadSignedMessage(f"{text[:20]!r} is no signature.")
    return raw


def _wrapped(message: bytes) -> bytes:
    if len(message) > MESSAGE_BYTES_MAX:
        raise BadSignedMessage(f"The message has more than {MESSAGE_BYTES_MAX:,} bytes.")
    already = message.startswith(_BEFORE) and message.endswith(_AFTER)
    return message if already else _BEFORE + message + _AFTER
