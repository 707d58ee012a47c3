"""Between questions: miners declare what they measured, validators measure what they declared."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from node.market.errors import CallRefused, Unreachable
from node.primitives.codec import encode
from node.primitives.types import AccountId, Height, Uid
from node.service.roles.host import ModelHost
from node.subnets.base import Answer, Code, Entry, Message, Neuron, View
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen.adversaries import CHEATS
from node.subnets.nineteen.bursts import BURST_MAX, to_declare
from node.subnets.nineteen.capacity import BURST, CAPACITY, Capacity, declared_by, measured_of, take_entry
from node.subnets.nineteen.messages import ChatTask
from tests.unit.subnets.support import TINY, FakeHost, TinyNineteen, answer_of, hotkey, tiny_task


@dataclass
class Rows:
    """A journal of one writer over shared rows."""

    author: AccountId
    state: dict[bytes, bytes]
    kinds: list[str] = field(default_factory=list)

    async def append(self, kind: str, body: bytes) -> Entry:
        entry = Entry(self.author, len(self.kinds), Height(1), kind, body)
        assert take_entry(entry, self.state) is None
        self.kinds.append(kind)
        return entry


class BurstHost(FakeHost):
    """A validator with a permit, or a miner without; its miner answers questions that fit the tiny model."""

    def with_rows(self, state: dict[bytes, bytes], *, permit: bool, miner: Nineteen) -> "BurstHost":
        self.state, self.permit, self.miner, self.asked = state, permit, miner, 0
        self.journal = Rows(self.hotkey, state)
        return self

    def view(self) -> View:
        own, *_ = super().view().neurons
        other = Neuron(Uid(1), hotkey("miner"), hotkey("miner"), "peer", (), 0, False, Height(0))
        seats = [replace(own, validator_permit=self.permit), *([other] if self.hotkey != other.hotkey else [])]
        return replace(super().view(), neurons=tuple(seats), state=self.state)

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        assert isinstance(task, ChatTask)
        self.asked += 1
        if self.asked == 2:
            raise Unreachable("Gone for a moment.")
        return await answer_of(self.miner, task, FakeHost(self.models, miner.hotkey))


class Small(TinyNineteen):
    """Bursts of questions that fit the tiny model."""

    def __init__(self) -> None:
        super().__init__()
        if self._bursts is not None:
            self._bursts._task = lambda secret, n: tiny_task(n, max_tokens=12)  # type: ignore[method-assign]


def host(models: ModelHost, name: str, state: dict[bytes, bytes], *, permit: bool, miner: Nineteen) -> BurstHost:
    return BurstHost(models, hotkey(name)).with_rows(state, permit=permit, miner=miner)


async def test_a_miner_declares_once_a_period_what_it_measured_itself(tiny_path: Path) -> None:
    models, state = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1), dict[bytes, bytes]()
    door, subnet = host(models, "miner", state, permit=False, miner=TinyNineteen()), Small()
    await subnet.tick(door)
    await subnet.tick(door)
    assert door.journal.kinds == [CAPACITY]
    declared = declared_by(hotkey("miner"), TINY, state)
    assert declared is not None
    assert (declared.concurrency, declared.tokens_per_s > 10) == (BURST_MAX, True)
    await models.aclose()


async def test_each_host_of_one_subnet_declares_and_measures_for_itself(tiny_path: Path) -> None:
    models, state = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1), dict[bytes, bytes]()
    subnet = Small()
    miners = [host(models, name, state, permit=False, miner=TinyNineteen()) for name in ("miner", "another")]
    judges = [host(models, name, state, permit=True, miner=TinyNineteen()) for name in ("judge", "second")]
    for each in (*miners, *judges):
        await subnet.tick(each)
    assert [each.journal.kinds for each in miners] == [[CAPACITY]] * 2
    assert [each.journal.kinds for each in judges] == [[BURST]] * 2
    await models.aclose()


def test_a_miner_declares_what_bursts_have_shown_falling_by_half_at_most() -> None:
    assert to_declare(70, None, None) == 70
    assert to_declare(70, 70, None) == 70, "no burst so far: nothing new to say"
    assert to_declare(70, 70, 47.9) == 47
    assert to_declare(70, 70, 5.0) == 35
    assert to_declare(70, 47, 69.0) == 69
    assert to_declare(70, 47, 500.0) == 70, "no more than it measured itself"
    assert to_declare(1, 1, 0.0) == 1


async def test_a_validator_measures_who_declared_and_writes_it_down(tiny_path: Path) -> None:
    models, state = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1), dict[bytes, bytes]()
    door, subnet = host(models, "v", state, permit=True, miner=TinyNineteen()), Small()
    await subnet.tick(door)
    assert door.asked == 0  # nobody has declared anything
    await Rows(hotkey("miner"), state).append(CAPACITY, encode(Capacity(TINY, 50, 4)))
    await subnet.tick(door)
    await subnet.tick(door)
    assert door.asked == 4  # at once, and once a period; one of them got no answer
    measured = measured_of(hotkey("miner"), TINY, door.view())
    assert measured is not None
    assert measured > 1
    await models.aclose()


async def test_a_burst_answered_with_nonsense_shows_nothing(tiny_path: Path) -> None:
    models, state = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1), dict[bytes, bytes]()
    door = host(models, "v", state, permit=True, miner=TinyNineteen(strategy=CHEATS["random"]()))
    await Rows(hotkey("miner"), state).append(CAPACITY, encode(Capacity(TINY, 5_000, 4)))
    await Small().tick(door)
    assert measured_of(hotkey("miner"), TINY, door.view()) == 0
    await models.aclose()


class Apart(BurstHost):
    """A validator among two miners, of whom those named `away` do not answer and `refusing` ones only refuse."""

    def among(self, away: set[str], refusing: set[str]) -> "Apart":
        self.away, self.refusing = {hotkey(name) for name in away}, {hotkey(name) for name in refusing}
        return self

    def view(self) -> View:
        view = super().view()
        other = Neuron(Uid(2), hotkey("other"), hotkey("other"), "peer", (), 0, False, Height(0))
        return replace(view, neurons=(*view.neurons, other))

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        assert isinstance(task, ChatTask)
        if miner.hotkey in self.away:
            raise Unreachable("No line.")
        if miner.hotkey in self.refusing:
            raise CallRefused(Code.OVERLOADED, "No room.")
        return await answer_of(self.miner, task, FakeHost(self.models, miner.hotkey))


@pytest.mark.parametrize(
    ("away", "refusing", "seen"),
    [
        ({"miner", "other"}, set(), None),  # the fault may be the validator's own
        ({"miner"}, set(), 0.0),
        ({"miner"}, {"other"}, 0.0),
        (set(), {"miner"}, 0.0),
    ],
)
async def test_silence_shows_nothing_of_a_miner_unless_somebody_else_answers(
    tiny_path: Path, away: set[str], refusing: set[str], seen: float | None
) -> None:
    models, state = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1), dict[bytes, bytes]()
    door = Apart(models, hotkey("v")).among(away, refusing)
    door.with_rows(state, permit=True, miner=TinyNineteen())
    await Rows(hotkey("miner"), state).append(CAPACITY, encode(Capacity(TINY, 50, 4)))
    subnet = Small()
    await subnet.tick(door)
    assert measured_of(hotkey("miner"), TINY, door.view()) == seen
    door.away, door.refusing = set(), set()
    await subnet.tick(door)  # it is measured as soon as it can be, not only in the next period
    measured = measured_of(hotkey("miner"), TINY, door.view())
    assert measured is not None
    assert (measured > 1) is (seen is None)
    await models.aclose()


async def test_a_node_without_a_journal_or_a_seat_does_nothing(tiny_path: Path) -> None:
    models = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1)
    door = host(models, "miner", {}, permit=False, miner=TinyNineteen())

    async def refuse(kind: str, body: bytes) -> Entry:
        raise Unreachable("There is no journal here.")

    door.journal.append = refuse  # type: ignore[method-assign]
    await Small().tick(door)
    assert door.state == {}
    await models.aclose()
