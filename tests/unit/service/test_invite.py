"""An invite says truthfully where a network is, or is refused."""

import pytest

from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Hash
from node.service.errors import BadInvite
from node.service.invite import VALID_MS, read_invite, write_invite

SIGNER = Ed25519Signer(bytes(32))
GENESIS = Hash(b"\x07" * 32)
ADDRESSES = ("/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc",)


def make(now_ms: int = 1000) -> str:
    return write_invite(SIGNER, "devnet", GENESIS, ADDRESSES, now_ms)[0]


def test_an_invite_survives_being_pasted() -> None:
    body = read_invite(f"  {make()}\n", 2000)
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


def test_an_expired_invite_is_refused() -> None:
    with pytest.raises(BadInvite, match="expired"):
        read_invite(make(1000), 1000 + VALID_MS + 1)


@pytest.mark.parametrize("text", ["", "nd1", "nd1000", "hello", "nd1" + "A" * 10_000, "nd1" + "é" * 20, make()[:-10]])
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadInvite):
        read_invite(text, 2000)


def test_an_invite_without_an_address_is_refused() -> None:
    with pytest.raises(BadInvite, match="no usable address"):
        read_invite(write_invite(SIGNER, "devnet", GENESIS, (), 0)[0], 0)
