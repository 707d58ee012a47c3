"""A light client follows what quorums certified and nothing else; each refusal leaves it where it was."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.consensus.errors import BadCertificate, WrongSet
from node.consensus.slots import SlotClock
from node.ledger import merkle
from node.light import age
from node.light.chain import Checkpoint, LightChain, start_at, start_at_genesis
from node.light.errors import BadCheckpoint, BadLightState, BadProof, BadStep, BrokenFinality
from node.light.limits import STEP_BYTES_MAX, WEAK_SUBJECTIVITY_MS
from node.light.steps import LightStep, ProvenSet, decode_step, encode_set, encode_step, set_path
from node.primitives.crypto import verify
from node.primitives.errors import ConsensusError, NodeError
from node.primitives.types import Hash, Height, Slot
from tests.unit.light.world import World, certify, header_of, make_set, state_with

OTHER = make_set(1, (2, 3, 4, 5))


def test_a_year_of_sets_is_followed_step_by_step() -> None:
    world = World()
    client = world.client()
    for number in range(1, 30):
        first = number % 7
        change = make_set(world.decides.set_id + 1, range(first, first + 4)) if number % 3 == 0 else None
        trusted = client.advance(world.step(change))
        assert (trusted.header.height, trusted.authorities) == (world.height, world.decides)
    assert client.tip.header.height == world.height


def test_the_old_set_decides_nothing_after_its_successor_is_proven() -> None:
    world = World()
    client = world.client()
    client.advance(world.step(OTHER))
    header = header_of(world.height + 1, world.height + 9, 1, world.state, OTHER)
    old = make_set(0, range(4))
    with pytest.raises(WrongSet):
        client.accept_tip(header, certify(header, old, 2, world.genesis_hash))


def bad(change: Callable[[World, LightStep], LightStep]) -> Callable[[World], LightStep]:
    return lambda world: change(world, world.step(OTHER))


def _minority(world: World) -> LightStep:
    return world.step(OTHER, seats=(0, 1))


def _hidden_change(world: World) -> LightStep:
    """A block that the next set already produced, without the set."""
    world.height += 360
    header = header_of(world.height, world.height + 3, 1, state_with(OTHER), OTHER)
    return LightStep(header, certify(header, world.decides, 1, world.genesis_hash), ())


def _another_set(world: World, step: LightStep) -> LightStep:
    return replace(step, next_set=(ProvenSet(encode_set(make_set(1, range(6, 10))), step.next_set[0].proof),))


def _same_set(world: World) -> LightStep:
    step, state = world.step(), world.state
    value = encode_set(world.decides)
    return replace(step, next_set=(ProvenSet(value, merkle.prove(state.tree, next(iter(state.rows)))),))


def _proven_same_set(world: World) -> LightStep:
    step = world.step()
    return replace(step, next_set=(ProvenSet(encode_set(world.decides), merkle.prove(world.state.tree, set_path())),))


LIES: dict[str, tuple[Callable[[World], LightStep], type[ConsensusError]]] = {
    "fewer than a quorum": (_minority, BadCertificate),
    "a wrong signature": (
        bad(lambda _, step: replace(step, certificate=replace(step.certificate, signatures=(bytes(64),) * 4))),
        BadCertificate,
    ),
    "the certificate of another block": (
        bad(lambda _, step: replace(step, header=replace(step.header, slot=Slot(9999)))),
        BadStep,
    ),
    "another state root": (
        bad(lambda _, step: replace(step, header=replace(step.header, state_root=Hash(b"x" * 32)))),
        BadStep,
    ),
    "another set than the proven one": (bad(_another_set), BadProof),
    "a set without proof": (_same_set, BadProof),
    "the same set as new": (_proven_same_set, BadStep),
    "a change that is left out": (_hidden_change, BadStep),
}


@pytest.mark.parametrize("name", LIES)
def test_a_step_that_is_not_proven_is_refused_and_changes_nothing(name: str) -> None:
    lie, error = LIES[name]
    world = World()
    client = world.client()
    before = client.trusted
    with pytest.raises(error):
        client.advance(lie(world))
    assert client.trusted is before
    assert client.tip.hash == world.genesis_hash


def test_a_step_that_leaves_out_the_set_which_its_block_enacts_bars_no_way() -> None:
    """Its header does not tell: the one that announces a set lists it too."""
    world = World()
    client = world.client()
    enacting = world.step(OTHER, lists=OTHER)
    client.advance(replace(enacting, next_set=()))
    assert client.tip.header == enacting.header
    restarted = LightChain.restore(client.save(), world.genesis_hash, verify)
    for each in (client, restarted):
        assert each.advance(enacting).authorities == OTHER
        assert each.tip.header == enacting.header
    following = world.step()
    assert client.advance(following).header == following.header


def test_an_announced_set_decides_nothing_until_it_is_enacted() -> None:
    world = World()
    client = world.client()
    first = world.decides
    assert client.advance(world.step(lists=OTHER)).authorities == first
    waiting = world.step()
    assert client.advance(waiting).header == waiting.header
    assert client.advance(world.step(OTHER, lists=OTHER)).authorities == OTHER


def test_a_step_is_taken_once_and_never_backwards() -> None:
    world = World()
    client = world.client()
    first, second = world.step(), world.step()
    client.advance(second)
    for old in (first, second):
        with pytest.raises(BadStep):
            client.advance(old)


def test_a_certificate_of_another_network_does_not_hold() -> None:
    world, other = World(), World(make_set(0, range(4, 8)))
    with pytest.raises(BadCertificate):
        world.client().advance(other.step())


@pytest.mark.parametrize(("height", "instance"), [(360, 1), (361, 1), (360, 2), (300, 2), (400, 1)])
def test_two_certificates_that_cannot_both_be_are_told_apart_from_old_news(height: int, instance: int) -> None:
    world = World()
    client = world.client()
    client.advance(world.step())
    with pytest.raises(BrokenFinality):
        client.accept_tip(*world.fork(height, instance))


def test_a_tip_is_checked_against_the_last_tip_too_and_old_ones_are_no_news() -> None:
    world = World()
    client = world.client()
    client.advance(world.step())
    old = world.fork(400, 2)
    assert client.accept_tip(*world.fork(500, 5)) is True
    assert client.accept_tip(*old) is False
    assert client.tip.header.height == 500
    with pytest.raises(BrokenFinality):
        client.accept_tip(*world.fork(450, 6))
    with pytest.raises(BrokenFinality):
        client.advance(LightStep(*world.fork(500, 6), ()))


def test_a_set_change_behind_the_tip_keeps_the_tip() -> None:
    world = World()
    client = world.client()
    step = world.step()
    client.accept_tip(*world.fork(900, 9))
    client.advance(step)
    assert (client.trusted.header.height, client.tip.header.height) == (360, 900)


def test_a_client_goes_on_where_it_stopped() -> None:
    world = World()
    client = world.client()
    client.advance(world.step(OTHER))
    again = LightChain.restore(client.save(), world.genesis_hash, verify)
    assert again.trusted == client.trusted
    assert again.advance(world.step()).header.height == 720


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_light_state_is_refused_or_sound(at: int, value: int) -> None:
    saved = bytearray(World().client().save())
    saved[at % len(saved)] = value
    with suppress(BadLightState):
        LightChain.restore(bytes(saved), None, verify)


def test_the_light_state_of_another_network_is_refused() -> None:
    with pytest.raises(BadLightState):
        LightChain.restore(World().client().save(), Hash(b"x" * 32), verify)


def test_the_genesis_hash_vouches_for_the_first_set() -> None:
    world = World()
    with pytest.raises(BadCheckpoint):
        start_at_genesis(world.genesis_hash, world.genesis, encode_set(make_set(0, range(4, 8))), verify)
    with pytest.raises(BadCheckpoint):
        start_at_genesis(Hash(b"x" * 32), world.genesis, encode_set(world.decides), verify)


def test_a_checkpoint_names_block_and_set() -> None:
    world = World()
    step = world.step(OTHER)
    good = Checkpoint(Height(360), step.certificate.block_hash, OTHER.hash)
    candidates = (b"garbage", encode_set(make_set(0, range(4))), encode_set(OTHER))
    client = start_at(good, world.genesis_hash, step.header, candidates, verify)
    assert client.advance(world.step()).header.height == 720
    for wrong in (
        Checkpoint(Height(361), good.block_hash, good.set_hash),
        Checkpoint(good.height, Hash(b"x" * 32), good.set_hash),
        Checkpoint(good.height, good.block_hash, Hash(b"x" * 32)),
    ):
        with pytest.raises(BadCheckpoint):
            start_at(wrong, world.genesis_hash, step.header, candidates, verify)


def test_a_certificate_that_conflicts_with_the_checkpoint_is_told() -> None:
    world = World()
    step = world.step()
    header, certificate = world.fork(360, 1)
    good = Checkpoint(Height(360), step.certificate.block_hash, world.decides.hash)
    client = start_at(good, world.genesis_hash, step.header, (encode_set(world.decides),), verify)
    with pytest.raises(BrokenFinality):
        client.accept_tip(header, certificate)
    assert client.accept_tip(step.header, step.certificate) is False


def test_a_checkpoint_beyond_the_weak_subjectivity_period_is_too_old() -> None:
    header, clock = World().step().header, SlotClock(1_000, 12_000)
    due = clock.start_ms_of(header.slot) + WEAK_SUBJECTIVITY_MS
    assert not age.is_too_old(header, clock, due)
    assert age.is_too_old(header, clock, due + 1)
    assert age.age_ms(header, clock, 0) == 0


def test_a_step_survives_the_wire_and_a_malformed_one_is_refused() -> None:
    world = World()
    step = world.step(OTHER)
    assert decode_step(encode_step(step), max_bytes=STEP_BYTES_MAX) == step
    for wrong in (
        replace(step, next_set=step.next_set * 2),
        replace(step, next_set=(replace(step.next_set[0], value=bytes(70_000)),)),
        replace(step, header=replace(step.header, version=9)),
        replace(step, certificate=replace(step.certificate, bitmap=b"\1")),
    ):
        with pytest.raises(NodeError):
            decode_step(encode_step(wrong), max_bytes=STEP_BYTES_MAX)


def test_a_full_node_adds_the_set_exactly_when_another_one_decides() -> None:
    world = World()
    assert world.step().next_set == ()
    assert len(world.step(OTHER).next_set) == 1
