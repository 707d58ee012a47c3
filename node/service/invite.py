"""Signed invites: one line of text that holds what another machine needs to join a network.

`nd1` and the base58 of a canonical struct: network name, genesis hash, addresses of a node, expiry, the inviter's
account and its signature over all of it. Format: experimental. An invite grants nothing: it only says where to look.
"""

from typing import Final

import base58

from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Signer, digest, verify
from node.primitives.errors import DecodeError
from node.primitives.limits import ADDRESS_BYTES_MAX, NETWORK_NAME_CHARS_MAX
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.service.errors import BadInvite

PREFIX: Final = "nd1"
VALID_MS: Final = 7 * 24 * 3600 * 1000
_VERSION: Final = 1
_ADDRESSES_MAX: Final = 8  # a node with more can be reached by the first ones
_BYTES_MAX: Final = 2048  # eight long addresses
_TEXT_CHARS_MAX: Final = 4096


class InviteBody(Wire, frozen=True):
    """What the inviter signs."""

    version: int
    network: str
    genesis_hash: Hash
    addresses: tuple[str, ...]
    expires_ms: int
    inviter: AccountId


class SignedInvite(Wire, frozen=True):
    """An invite and the inviter's signature over it."""

    body: InviteBody
    signature: bytes


def write_invite(
    signer: Signer, network: str, genesis_hash: Hash, addresses: tuple[str, ...], now_ms: int
) -> tuple[str, InviteBody]:
    """Return the text of a new invite that is good for a week, and what it says."""
    body = InviteBody(_VERSION, network, genesis_hash, addresses[:_ADDRESSES_MAX], now_ms + VALID_MS, signer.public)
    return text_of(SignedInvite(body, signer.sign(message_of(body)))), body


def text_of(invite: SignedInvite) -> str:
    """Return the one line of text that `read_invite` reads."""
    return PREFIX + str(base58.b58encode(encode(invite)), "ascii")


def looks_like_invite(text: str) -> bool:
    """Tell an invite from a multiaddress."""
    return text.strip().startswith(PREFIX)


def read_invite(text: str, now_ms: int) -> InviteBody:
    """Return what the invite says.

    Raises:
        BadInvite: damaged, of an unknown version, wrongly signed or expired.
    """
    text = text.strip()
    if not looks_like_invite(text) or len(text) > _TEXT_CHARS_MAX:
        raise BadInvite(f"{text[:24]!r} is no invite; one starts with {PREFIX}.")
    try:
        invite = decode_canonical(SignedInvite, base58.b58decode(text[len(PREFIX) :]), max_bytes=_BYTES_MAX)
    except (ValueError, DecodeError) as error:
        raise BadInvite("This invite is damaged; a part is missing or mistyped.") from error
    body = invite.body
    if body.version != _VERSION:
        raise BadInvite("This invite was made by a newer version of neurond.")
    if not verify(body.inviter, message_of(body), invite.signature):
        raise BadInvite("The signature of this invite does not fit what it says.")
    _check_body(body)
    if body.expires_ms < now_ms:
        raise BadInvite("This invite has expired.")
    return body


def message_of(body: InviteBody) -> bytes:
    """Return the 32 bytes that the inviter signs."""
    return digest("invite", encode(body))


def _check_body(body: InviteBody) -> None:
    """Refuse what no honest node writes, such as text that would steer the terminal it is shown on (BadInvite)."""
    if not 0 < len(body.addresses) <= _ADDRESSES_MAX:
        raise BadInvite("This invite names no usable address.")
    if any(len(address) > ADDRESS_BYTES_MAX or not address.isprintable() for address in body.addresses):
        raise BadInvite("This invite names no usable address.")
    if not 0 < len(body.network) <= NETWORK_NAME_CHARS_MAX or not body.network.isprintable():
        raise BadInvite("This invite names no network that could be shown.")
    if len(body.genesis_hash) != HASH_BYTES:
        raise BadInvite("This invite names no genesis.")
