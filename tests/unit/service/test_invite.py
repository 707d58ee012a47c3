"""An invite says truthfully where a network is, or is refused."""

import msgspec
import pytest

from node.control.limits import INVITE_ADDRESSES_MAX, TARGET_CHARS_MAX
from node.primitives.crypto import Ed25519Signer
from node.primitives.limits import ADDRESS_BYTES_MAX, NETWORK_NAME_CHARS_MAX
from node.primitives.types import Hash
from node.service.errors import BadInvite
from node.service.invite import (
    VALID_MS,
    SignedInvite,
    message_of,
    open_invite,
    read_invite,
    text_of,
    write_invite,
)

SIGNER = Ed25519Signer(bytes(32))
GENESIS = Hash(b"\x07" * 32)
PEER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
ADDRESSES = (f"/ip4/127.0.0.1/tcp/4001/p2p/{PEER}",)
DAY_MS = 86_400_000


def make(now_ms: int = 1000) -> str:
    return write_invite(SIGNER, "devnet", GENESIS, ADDRESSES, now_ms)[0]


def test_an_invite_survives_being_pasted() -> None:
    body = read_invite(f"  {make()[:50]}\r\n\t{make()[50:]}\n", 2000)  # mail and chat break long lines
    assert (body.network, body.genesis_hash, body.addresses, body.inviter) == (
        "devnet",
        GENESIS,
        ADDRESSES,
        SIGNER.public,
    )


def test_every_single_mistyped_letter_is_noticed() -> None:
    text = make()
    for position in range(3, len(text)):
        wrong = text[:position] + ("2" if text[position] != "2" else "3") + text[position + 1 :]
        with pytest.raises(BadInvite):
            read_invite(wrong, 2000)


def test_an_expired_invite_is_refused_and_can_still_be_looked_at() -> None:
    with pytest.raises(BadInvite, match="expired 3 days ago"):
        read_invite(make(1000), 1000 + VALID_MS + 3 * DAY_MS + 1)
    assert open_invite(make(1000)).addresses == ADDRESSES


def test_an_invite_is_good_for_as_long_as_was_asked_for_and_not_a_moment_longer() -> None:
    text, body = write_invite(SIGNER, "devnet", GENESIS, ADDRESSES, 1000, 30 * DAY_MS)
    assert body.expires_ms == 1000 + 30 * DAY_MS
    assert read_invite(text, body.expires_ms) == body
    with pytest.raises(BadInvite, match="expired"):
        read_invite(text, body.expires_ms + 1)


def test_an_invite_with_as_many_addresses_of_the_greatest_length_as_allowed_can_be_read() -> None:
    relayed = f"/dns4/{'x' * 63}.example/tcp/4001/p2p/{PEER}/p2p-circuit/p2p/{PEER}"
    longest = tuple(f"/{number}{relayed}".ljust(ADDRESS_BYTES_MAX, "x") for number in range(INVITE_ADDRESSES_MAX + 3))
    text, _ = write_invite(SIGNER, "n" * NETWORK_NAME_CHARS_MAX, GENESIS, longest, 1000)
    assert read_invite(text, 1000).addresses == longest[:INVITE_ADDRESSES_MAX]
    assert len(text) <= TARGET_CHARS_MAX


@pytest.mark.parametrize("expires_ms", [-1, 2**62])
def test_a_time_that_no_calendar_has_is_refused(expires_ms: int) -> None:
    body = msgspec.structs.replace(open_invite(make()), expires_ms=expires_ms)
    text = text_of(SignedInvite(body, SIGNER.sign(message_of(body))))
    with pytest.raises(BadInvite):
        open_invite(text)


@pytest.mark.parametrize("text", ["", "nd1", "nd1000", "hello", "nd1" + "A" * 10_000, "nd1" + "é" * 20, make()[:-10]])
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadInvite):
        read_invite(text, 2000)


def test_an_invite_without_an_address_is_refused() -> None:
    with pytest.raises(BadInvite, match="no usable address"):
        read_invite(write_invite(SIGNER, "devnet", GENESIS, (), 0)[0], 0)
