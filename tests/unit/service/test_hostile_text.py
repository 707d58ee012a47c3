"""Text from strangers that would end up on a terminal: what could steer it is refused where it comes in."""

import dataclasses

import msgspec
import pytest

from node.ledger.errors import GenesisError
from node.ledger.genesis import format_genesis, genesis_state, parse_genesis
from node.primitives.limits import NETWORK_NAME_CHARS_MAX
from node.primitives.types import Hash
from node.service.errors import BadInvite
from node.service.invite import InviteBody, SignedInvite, message_of, read_invite, text_of
from tests.unit.service.hostile import STRANGER
from tests.unit.service.network import spec_of

STEERING = ["\x1b[2J", "a\nb", "\x9b1A", "ends\r", "\u202egnp", "", "x" * (NETWORK_NAME_CHARS_MAX + 1)]
ADDRESS = "/ip4/127.0.0.1/tcp/4000"
SOUND = InviteBody(1, "network", Hash(bytes(32)), (ADDRESS,), 2000, STRANGER.public)


def signed(**changes: object) -> str:
    """An invite whose signature holds, whatever it says."""
    body = msgspec.structs.replace(SOUND, **changes)
    return text_of(SignedInvite(body, STRANGER.sign(message_of(body))))


def test_the_helper_signs_invites_that_hold() -> None:
    assert read_invite(signed(), 1000) == SOUND


@pytest.mark.parametrize(
    "changes",
    [
        *({"network": name} for name in STEERING),
        *({"addresses": (ADDRESS, name)} for name in STEERING[:5]),
        {"addresses": ()},
        {"addresses": (ADDRESS,) * 9},
        {"addresses": ("x" * 300,)},
        {"genesis_hash": Hash(b"short")},
        {"version": 2},
        {"expires_ms": 999},
    ],
    ids=repr,
)
def test_a_signed_invite_that_no_honest_node_writes_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadInvite) as refused:
        read_invite(signed(**changes), 1000)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", STEERING, ids=repr)
def test_a_genesis_whose_name_cannot_be_shown_is_refused(name: str) -> None:
    data = format_genesis(dataclasses.replace(spec_of(1), name=name))
    with pytest.raises(GenesisError):
        genesis_state(parse_genesis(data))


def test_a_subnet_whose_name_cannot_be_shown_is_refused() -> None:
    spec = spec_of(1)
    subnet = dataclasses.replace(spec.subnets[0], name="\x1b]0;owned\x07")
    with pytest.raises(GenesisError):
        genesis_state(dataclasses.replace(spec, subnets=(subnet,)))
