"""A neighbour that missed a decision is told of it by whoever hears it still vote, and nobody can make more of that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing

from node.consensus.certificate import Certificate
from node.consensus.messages import decode_message, encode_message
from node.consensus.votes import BlockRef, Step, Vote
from node.primitives.types import AccountId, Hash, Height, SetId
from node.service import helping
from node.service.chain import Chain
from node.service.helping import Helper
from p2p import Identity, MemorySwarm, Network, Verdict
from tests.unit.service.hostile import vote
from tests.unit.service.network import hotkey, running, spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")
TOPIC = "finality"
BLOCK = Hash(bytes([1]) * 32)
SLOT_MS = 12_000
LATE_S = SLOT_MS / 1000 / helping.LATE_SLOT_DIVISOR


def decision(instance: int) -> Certificate:
    return Certificate(SetId(0), instance, 0, Height(instance), BLOCK, bytes([1]), (bytes(64),))


def late_vote(instance: int, *, round: int = 0) -> bytes:
    made = Vote(SetId(0), instance, round, Step.PREVOTE, Height(1), BLOCK, AccountId(bytes(32)), bytes(64))
    return encode_message(made)


@dataclass
class Clock:
    slot_ms: int = SLOT_MS


@dataclass
class Final:
    certificate: Certificate | None


@dataclass
class ChainOfDecisions:
    """What the helper sees of a chain."""

    clock: Clock = field(default_factory=Clock)
    final: Final = field(default_factory=lambda: Final(None))
    listeners: list[Callable[[object], None]] = field(default_factory=list)

    def on_final(self, listener: Callable[[object], None]) -> None:
        self.listeners.append(listener)

    def decide(self, instance: int) -> None:
        self.final = Final(decision(instance))
        for listener in self.listeners:
            listener(None)


class Peer:
    """A neighbour that keeps the certificates it hears."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.told: list[Certificate] = []
        network.subscribe(TOPIC, self._hear)

    def _hear(self, _peer_id: str, data: bytes) -> Verdict:
        message = decode_message(data)
        if isinstance(message, Certificate):
            self.told.append(message)
        return Verdict.IGNORE


@dataclass
class Scene:
    """A node with its helper, a straggler and a bystander next to it."""

    chain: ChainOfDecisions
    helper: Helper
    straggler: Peer
    bystander: Peer

    async def hears(self, data: bytes) -> None:
        """The straggler's message comes in; whatever follows from it is done."""
        self.helper.hear(self.straggler.network.peer_id, data)
        await trio.sleep(0.001)


@pytest.fixture
async def scene(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> Scene:
    swarm = MemorySwarm(nursery)
    network = swarm.join("node")
    peers = [Peer(swarm.join(name)) for name in ("straggler", "bystander")]
    for peer in peers:
        await peer.network.dial(network.addresses[0])
    chain = ChainOfDecisions()
    helper = Helper(cast(Chain, chain), network, TOPIC)
    nursery.start_soon(helper.run)
    chain.decide(7)
    await trio.sleep(LATE_S)
    return Scene(chain, helper, *peers)


@pytest.mark.parametrize("instance", [7, 6, 1])
async def test_who_votes_on_what_is_decided_is_told_the_last_decision_and_nobody_else(
    scene: Scene, instance: int
) -> None:
    await scene.hears(late_vote(instance))
    assert scene.straggler.told == [decision(7)]
    assert scene.bystander.told == []


async def test_a_thousand_late_votes_are_answered_once_a_decision(scene: Scene) -> None:
    for number in range(1000):
        await scene.hears(late_vote(1 + number % 7, round=number))
    assert scene.straggler.told == [decision(7)]
    scene.chain.decide(8)
    await trio.sleep(LATE_S)
    for number in range(1000):
        await scene.hears(late_vote(8, round=number))
    assert scene.straggler.told == [decision(7), decision(8)]


async def test_a_vote_that_crossed_the_decision_is_not_answered(scene: Scene) -> None:
    scene.chain.decide(8)
    await trio.sleep(LATE_S / 2)
    await scene.hears(late_vote(8))
    assert scene.straggler.told == []


async def test_votes_on_what_is_open_and_certificates_are_not_answered(scene: Scene) -> None:
    await scene.hears(late_vote(8))
    await scene.hears(encode_message(decision(7)))
    assert scene.straggler.told == []


async def test_nothing_is_told_before_the_first_decision(scene: Scene) -> None:
    scene.chain.final = Final(None)
    await scene.hears(late_vote(1))
    assert scene.straggler.told == []


async def test_neighbours_that_come_and_go_are_not_remembered_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helping, "HELPED_MAX", 3)
    for number in range(20):
        scene.helper.hear(Identity.from_seed(bytes([number]) * 32).peer_id, late_vote(7))
    assert len(scene.helper._helped) == 3


async def test_a_living_chain_answers_late_votes_new_ones_and_those_heard_before(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, slot_ms=400), 1, swarm) as (node,):
        heard: list[bytes] = []

        def hear(_peer_id: str, data: bytes) -> Verdict:
            if isinstance(decode_message(data), Vote):
                heard.append(data)
            return Verdict.IGNORE

        straggler = swarm.join("straggler")
        straggler.subscribe(node.gossip.finality_topic, hear)
        await straggler.dial(node.network.addresses[0])
        await node.finalised(2)

        async def helped(message: Callable[[], bytes]) -> None:
            """Say something again and again until one more certificate was told."""
            before = node.network.counters().get("gossip.told", 0)
            with trio.fail_after(20):
                while node.network.counters().get("gossip.told", 0) == before:
                    await straggler.publish(node.gossip.finality_topic, message())
                    await trio.sleep(0.05)

        rounds = count(1)
        block = BlockRef(node.chain.final.hash, node.chain.final.header.height)
        await helped(
            lambda: encode_message(vote(node.chain, hotkey(0), block, instance=1, round=next(rounds)))
        )  # none of these was heard before
        await helped(lambda: heard[0])  # and this one is of the node itself
