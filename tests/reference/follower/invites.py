"""Invites: docs/protocol.md, "Genesis"."""

from dataclasses import dataclass

import base58

from tests.reference.follower.wire import (
    SIGNATURE,
    Fields,
    Refused,
    Struct,
    Value,
    h,
    require,
    signed,
    unpack,
)

PREFIX = "nd1"
TEXT_CHARS = 4_096
NAME_CHARS = 64
ADDRESSES, ADDRESS_CHARS = 8, 256


@dataclass(frozen=True)
class Invite(Struct):
    version: int
    network: str
    genesis_hash: bytes
    addresses: tuple[str, ...]
    expires_ms: int
    inviter: bytes

    @property
    def message(self) -> bytes:
        return h("invite", self.raw())


def _read_address(value: Value) -> str:
    if not isinstance(value, str) or len(value) > ADDRESS_CHARS:
        raise Refused("an address of at most 256 characters was expected")
    return value


def invite_in(text: str, now_ms: int) -> Invite:
    """What a text says that has not expired. Raises Refused."""
    require(text.startswith(PREFIX) and len(text) <= TEXT_CHARS, "no invite")
    try:
        found = base58.b58decode(text[len(PREFIX) :])
    except ValueError as error:
        raise Refused("no base58") from error
    whole = Fields(unpack(found, TEXT_CHARS), 2)
    each = Fields(whole.any(), 6)
    body = Invite(
        each.number(1, 1), each.text(NAME_CHARS), each.fixed(), each.each(_read_address, ADDRESSES, 1), each.number(),
        each.fixed(),
    )  # fmt: skip
    require(signed(body.inviter, body.message, whole.fixed(SIGNATURE)), "the inviter did not sign this")
    require(now_ms < body.expires_ms, "it has expired")
    return body
