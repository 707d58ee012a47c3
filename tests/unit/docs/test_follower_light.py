"""Where the second implementation begins, and what it refuses of steps and proofs although every signature holds."""

from dataclasses import replace
from typing import Any

import pytest

from tests.reference.follower import sync
from tests.reference.follower.chain import Follower, Network
from tests.reference.follower.light import CURRENT, Checkpoint, LightClient, checkpoint_in
from tests.reference.follower.sets import AuthoritySet
from tests.reference.follower.shapes import Header, LightStep, Proof, ProvenRow, ProvenSet
from tests.reference.follower.trees import tree_root
from tests.reference.follower.wire import Refused
from tests.unit.docs.test_follower_rules import KEYS, Forge, members_of

HASH = b"\x07" * 32


@pytest.fixture
def forge() -> Forge:
    return Forge()


@pytest.fixture
def client(forge: Forge) -> LightClient:
    return LightClient.at_genesis(forge.genesis.hash, forge.genesis, forge.follower.deciding)


def step(
    forge: Forge, height: int, members: AuthoritySet, after: AuthoritySet | None = None, **changes: Any
) -> LightStep:
    """A step to a height, in the instance and slot of the same number; `after` is the one row of its state."""
    root = tree_root([(CURRENT, after.raw())]) if after else b"\x02" * 32
    made = forge.block(height, **{"height": height, "set_id": members.set_id, "state_root": root, **changes}).header
    proven = (ProvenSet(after.raw(), Proof(b"", (), ())),) if after else ()
    return LightStep(made, forge.certify(made, members, [member.account for member in members.members], height), proven)


# --- beginning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"height": 1}, {"slot": 1}, {"parent": HASH}, {"transactions_root": HASH}, {"proposer": HASH}, {"set_id": 1},
        {"next_set": members_of([1])}, {"signature": b"\x01" * 64},
    ],
)  # fmt: skip
def test_block_0_has_nothing_before_it_even_where_its_hash_is_the_expected_one(
    forge: Forge, changes: dict[str, Any]
) -> None:
    header: Header = replace(forge.genesis, **changes)
    with pytest.raises(Refused, match="block 0"):
        Follower.at_genesis(Network(header.hash, 12), header, KEYS[:4])


def test_block_0_of_another_network_is_refused(forge: Forge) -> None:
    other = replace(forge.genesis, state_root=HASH)
    with pytest.raises(Refused, match="genesis hash"):
        Follower.at_genesis(Network(forge.genesis.hash, 12), other, KEYS[:4])


def test_a_light_client_begins_with_the_set_that_block_0_names(forge: Forge) -> None:
    members = forge.follower.deciding
    for wrong in (replace(members, set_id=1), AuthoritySet(0, members_of([1, 1, 1]))):
        with pytest.raises(Refused, match="other authorities"):
            LightClient.at_genesis(forge.genesis.hash, forge.genesis, wrong)


def test_a_checkpoint_names_one_block_and_one_set(forge: Forge) -> None:
    header, members = forge.block(3).header, forge.follower.deciding
    sound = Checkpoint(header.height, header.hash, members.hash)
    for set_id in (0, 1):
        LightClient.at_checkpoint(forge.genesis.hash, sound, header, replace(members, set_id=set_id))
    lies = [
        (sound, forge.block(4).header, members),
        (replace(sound, height=9), header, members),
        (sound, header, AuthoritySet(0, members_of([1, 1, 1]))),
        (sound, header, replace(members, set_id=2)),
    ]
    for checkpoint, block, deciding in lies:
        with pytest.raises(Refused):
            LightClient.at_checkpoint(forge.genesis.hash, checkpoint, block, deciding)


@pytest.mark.parametrize(
    "text",
    [
        "", "7", f"7:{HASH.hex()}", f"7:{HASH.hex()}:{HASH.hex()}:", f"-7:{HASH.hex()}:{HASH.hex()}",
        f"²:{HASH.hex()}:{HASH.hex()}", f"7:{HASH.hex()}:{HASH.hex()[:-2]}", f"7:{HASH.hex()}00:{HASH.hex()}",
        f"7:{HASH.hex()}:{'g' * 64}",
    ],
)  # fmt: skip
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        checkpoint_in(text)


# --- steps ------------------------------------------------------------------------------------------------------------


def test_steps_lead_from_set_to_set(forge: Forge, client: LightClient) -> None:
    first, second = forge.follower.deciding, AuthoritySet(1, members_of([1, 1, 1]))
    client.advance(step(forge, 5, first))
    client.advance(step(forge, 9, first, second))
    assert client.members == second
    with pytest.raises(Refused, match="of set 0"):
        client.advance(step(forge, 12, first))
    client.advance(step(forge, 12, second))
    assert (client.header.height, client.instance) == (12, 12)


def test_a_step_that_hides_or_invents_a_change_of_the_set_is_refused(forge: Forge, client: LightClient) -> None:
    members = forge.follower.deciding
    hidden = step(forge, 1, members, set_id=1)
    with pytest.raises(Refused, match="left out"):
        client.advance(hidden)
    lie = ProvenSet(AuthoritySet(1, members_of([1])).raw(), Proof(b"", (), ()))
    with pytest.raises(Refused, match="not proven"):
        client.advance(replace(hidden, next_set=(lie,)))
    for after in (replace(members, set_id=0), AuthoritySet(1, members_of([1]))):
        with pytest.raises(Refused, match="not a later set"):
            client.advance(step(forge, 1, members, after, set_id=after.set_id + 1 if after.set_id else 0))
    assert client.header == forge.genesis


def test_a_step_goes_forward_in_height_slot_and_instance(forge: Forge, client: LightClient) -> None:
    members = forge.follower.deciding
    client.advance(step(forge, 5, members))
    ahead = step(forge, 6, members)
    stale = forge.certify(ahead.header, members, KEYS[:4], 5)
    same_slot = forge.block(5, height=6).header
    certificate = forge.certify(same_slot, members, KEYS[:4], 6)
    backwards = (step(forge, 4, members), replace(ahead, certificate=stale), LightStep(same_slot, certificate, ()))
    for back in backwards:
        with pytest.raises(Refused, match="forward"):
            client.advance(back)
    client.advance(ahead)


def test_rows_under_a_header_that_nobody_certified_are_refused(forge: Forge, client: LightClient) -> None:
    members = forge.follower.deciding
    certified = step(forge, 3, members, members)
    row = ProvenRow(CURRENT, (members.raw(),), Proof(b"", (), ()))
    proofs = sync.Proofs(certified.header, (certified.certificate,), (row,))
    assert client.rows(proofs, [CURRENT]) == {CURRENT: members.raw()}
    for lie in (replace(proofs, certificate=()), replace(proofs, header=step(forge, 3, members).header)):
        with pytest.raises(Refused):
            client.rows(lie, [CURRENT])
