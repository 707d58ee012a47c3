"""The checkers themselves: each broken promise is seen, in a network that works and is made to break."""

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from node.consensus.evidence import ConflictingCertificates, DoubleVote
from node.consensus.votes import BlockRef, Step
from node.primitives.types import Hash, Height
from tests.simulation import node as node_module
from tests.simulation.chain import State, execute_anew
from tests.simulation.checkers import Violation, Watch
from tests.simulation.disk import Disk
from tests.simulation.network import Faults
from tests.simulation.world import World
from tests.unit.consensus.helpers import certificate, vote

A, B = BlockRef(Hash(b"a" * 32), Height(3)), BlockRef(Hash(b"b" * 32), Height(3))


def calm() -> World:
    world = World(1, 4).start()
    world.run_slots(5)
    return world


def test_two_certificates_of_one_instance_are_seen() -> None:
    watch = Watch()
    watch.certificate(certificate(A))
    watch.certificate(certificate(A))
    with pytest.raises(Violation, match="two certificates"):
        watch.certificate(certificate(B))


def test_a_certificate_beside_the_final_chain_is_seen() -> None:
    world = calm()
    last = world.nodes["a0"].disk.anchor.certificate
    assert last is not None
    with pytest.raises(Violation, match="another block than the final one"):
        world.watch.certificate(replace(last, instance=last.instance + 1, block_hash=Hash(b"x" * 32)))


def test_a_node_that_comes_back_lower_is_seen() -> None:
    world = calm()
    node = world.nodes["a0"]
    node.stop()
    node.disk = Disk(world.nodes["a1"].disk.anchor)  # another disk, without a history
    world.nodes["a1"].disk.anchor = node.disk.anchor
    world.watch.lost_power("a0", 1)
    with pytest.raises(Violation, match="came back at height"):
        node.start()


def test_a_key_that_signs_two_things_for_one_place_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signing record that forgets lets a restarted node vote again, from the first round on."""
    monkeypatch.setattr(Disk, "signed", lambda disk: None)
    monkeypatch.setattr(Disk, "advance", lambda *_: True)
    world = World(1, 4, faults=Faults(delay_ms_mean=100)).start()

    def live_on() -> None:
        for _ in range(200):
            world.kernel.run_until(world.kernel.now_ms + world.kernel.random.randrange(1, 700))
            world.crash_and_restart(["a0", "a1", "a2", "a3"], 0, power=False)

    with pytest.raises(Violation, match="signed two things"):
        live_on()


def test_an_honest_key_that_is_convicted_is_seen() -> None:
    watch = Watch()
    votes = vote(1, Step.PREVOTE, A), vote(1, Step.PREVOTE, B)
    with pytest.raises(Violation, match="honest key was convicted"):
        watch.evidence(DoubleVote(*votes))
    watch.guilty.add(votes[0].voter)
    watch.evidence(DoubleVote(*votes))
    assert watch.convicted == {votes[0].voter}
    with pytest.raises(Violation, match="conflict"):
        watch.evidence(ConflictingCertificates(certificate(A), certificate(B)))


def test_an_honest_node_that_is_penalised_is_seen() -> None:
    watch = Watch()
    watch.dishonest.add("t0")
    watch.penalised("a0", "t0", "anything")
    with pytest.raises(Violation, match="penalised the honest a1"):
        watch.penalised("a0", "a1", "a block of a slot that has not come")
    watch.clocks_are_off = True
    watch.penalised("a0", "a1", "a block of a slot that has not come")


def test_money_that_appears_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def mint(state: State, block: Any) -> State:
        found = execute_anew(state, block)
        return dataclasses.replace(found, balances=(found.balances[0] + 1, *found.balances[1:]))

    monkeypatch.setattr(node_module, "execute", mint)
    with pytest.raises(Violation, match="balances at height 1"):
        calm()


def test_a_deadline_that_is_not_in_the_future_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module.Engine, "next_deadline_ms", property(lambda engine: 1))
    with pytest.raises(Violation, match="called again at once"):
        calm()
