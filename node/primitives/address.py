"""The human form of accounts: ss58 with network format 42, and short forms of hashes for screens.

Parsing never guesses: a wrong length, checksum or format is an `AddressError`.
"""

import hashlib
from typing import Final

import base58

from node.primitives.errors import AddressError
from node.primitives.types import ACCOUNT_BYTES, AccountId

SS58_FORMAT: Final = 42
_CHECKSUM_BYTES: Final = 2
_TEXT_CHARS_MAX: Final = 64  # an address has 48 characters; longer input is not worth decoding


def to_ss58(account: bytes) -> str:
    """Return the ss58 text of a 32-byte account."""
    if len(account) != ACCOUNT_BYTES:
        raise AddressError(f"An account has 32 bytes, not {len(account)}.")
    body = bytes([SS58_FORMAT]) + account
    return str(base58.b58encode(body + _checksum(body)), "ascii")


def from_ss58(text: str) -> AccountId:
    """Return the account that `text` names.

    Raises:
        AddressError: not base58, wrong length, other network format or wrong checksum.
    """
    if not 0 < len(text) <= _TEXT_CHARS_MAX:
        raise AddressError(f"{text[:20]!r} is no address.")
    try:
        raw = base58.b58decode(text)
    except ValueError as error:
        raise AddressError(f"{text!r} is no address: it holds a character that addresses never use.") from error
    if len(raw) != 1 + ACCOUNT_BYTES + _CHECKSUM_BYTES:
        raise AddressError(f"{text!r} is no address: it is too short or too long.")
    if raw[0] != SS58_FORMAT:
        raise AddressError(f"{text!r} is an address of another network (format {raw[0]}, here {SS58_FORMAT}).")
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if _checksum(body) != checksum:
        raise AddressError(f"{text!r} has a typing error: its checksum does not fit.")
    return AccountId(body[1:])


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(b"SS58PRE" + body).digest()[:_CHECKSUM_BYTES]
