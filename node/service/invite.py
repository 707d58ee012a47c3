"""Signed invites: one line of text that holds what another machine needs to join a network.

`nd1` and the base58 of a canonical struct: network name, genesis hash, addresses of a node, expiry, the inviter's
account and its signature over all of it. Format: experimental. An invite grants nothing: it only says where to look.
Nothing here asks a node or a network: what an invite says can be shown to a person before anything is joined.
"""

from typing import Final

import base58

from node.control.limits import INVITE_ADDRESSES_MAX, INVITE_DEFAULT_S
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Signer, digest, verify
from node.primitives.errors import DecodeError
from node.primitives.limits import ADDRESS_BYTES_MAX, NETWORK_NAME_CHARS_MAX
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.service.errors import BadInvite

PREFIX: Final = "nd1"
VALID_MS: Final = INVITE_DEFAULT_S * 1000
_VERSION: Final = 1
_YEAR_9999_MS: Final = 253_402_300_799_000  # no calendar shows a later time
_BYTES_MAX: Final = 2560  # eight addresses of the greatest length, the longest name, key, hash and signature
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
    signer: Signer,
    network: str,
    genesis_hash: Hash,
    addresses: tuple[str, ...],
    now_ms: int,
    valid_ms: int = VALID_MS,
) -> tuple[str, InviteBody]:
    """Return the text of a new invite that is good for `valid_ms`, and what it says."""
    kept = addresses[:INVITE_ADDRESSES_MAX]
    body = InviteBody(_VERSION, network, genesis_hash, kept, now_ms + valid_ms, signer.public)
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
    body = open_invite(text)
    if body.expires_ms < now_ms:
        raise BadInvite(f"This invite expired {_length(now_ms - body.expires_ms)} ago, by this machine's clock.")
    return body


def open_invite(text: str) -> InviteBody:
    """Return what the invite says, expired or not. Raises BadInvite: damaged, of an unknown version, wrongly signed."""
    text = "".join(text.split())  # mail and chat break long lines
    if not looks_like_invite(text) or len(text) > _TEXT_CHARS_MAX:
        raise BadInvite(f"{text[:24]!r} is no invite; one starts with {PREFIX}.")
    try:
        invite = decode_canonical(SignedInvite, base58.b58decode(text[len(PREFIX) :]), max_bytes=_BYTES_MAX)
    except (ValueError, DecodeError) as error:
        raise BadInvite("This invite is damaged; a part is missing or mistyped.") from error
    body = invite.body
    if body.version != _VERSION:
        raise BadInvite(
            "This invite was made by a newer version of neurond.",
            remedy="Install a newer one here, or ask for the address of a node and join that.",
        )
    if not verify(body.inviter, message_of(body), invite.signature):
        raise BadInvite("The signature of this invite does not fit what it says.")
    _check_body(body)
    return body


def message_of(body: InviteBody) -> bytes:
    """Return the 32 bytes that the inviter signs."""
    return digest("invite", encode(body))


def _check_body(body: InviteBody) -> None:
    """Refuse what no honest node writes, such as text that would steer the terminal it is shown on (BadInvite)."""
    if not 0 < len(body.addresses) <= INVITE_ADDRESSES_MAX:
        raise BadInvite("This invite names no usable address.")
    if any(len(address) > ADDRESS_BYTES_MAX or not address.isprintable() for address in body.addresses):
        raise BadInvite("This invite names no usable address.")
    if not 0 < len(body.network) <= NETWORK_NAME_CHARS_MAX or not body.network.isprintable():
        raise BadInvite("This invite names no network that could be shown.")
    if len(body.genesis_hash) != HASH_BYTES:
        raise BadInvite("This invite names no genesis.")
    if not 0 <= body.expires_ms <= _YEAR_9999_MS:
        raise BadInvite("This invite names no time at which it ends.")


def _length(passed_ms: int) -> str:
    minutes = max(1, passed_ms // 60_000)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"
