"""The workbench: what it says of good rules and of bad ones, what it writes, and whose packages it loads."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from node.market.errors import BadSubnetPackage, MalformedMessage, UnknownSubnet
from node.primitives.codec import encode
from node.primitives.types import NetUid
from node.subnets import plugins
from node.subnets.base import Answer, Code, Host, Usage, Verdict, View
from node.subnets.example import Doubling
from node.subnets.example.messages import Double, Number
from node.subnets.lab.hosts import NoModels, key_of, view_of
from node.subnets.lab.miners import WAYS, falsified
from node.subnets.lab.scaffold import write_subnet
from node.subnets.lab.trial import MinerRecord, Trial, run_trial
from node.subnets.plugins import subnet_in
from node.subnets.registry import known_subnets, name_of, open_subnet
from node.subnets.spec import BUILT_IN

ROUNDS = 20


async def tried(subnet: Doubling) -> Trial:
    return await run_trial(subnet, NoModels(), rounds=ROUNDS)


def of(trial: Trial, way: str) -> MinerRecord:
    return next(miner for miner in trial.miners if miner.way == way)


# --- good rules -----------------------------------------------------------------------------------------------------


async def test_honest_work_is_paid_and_every_way_to_cheat_is_caught() -> None:
    trial = await tried(Doubling())
    assert (trial.problems, trial.uncaught, trial.skipped) == ((), (), 0)
    assert [miner.way for miner in trial.miners] == ["honest", *WAYS]
    assert [round(miner.pay, 3) for miner in trial.miners] == [0.5, 0.5, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("way", "code"),
    [("lazy", "WRONG"), ("lying", "WRONG"), ("slow", "TIMEOUT"), ("copying", "PLAGIARISED"), ("malformed", "TIMEOUT")],
)
async def test_the_table_says_why_a_miner_earns_nothing(way: str, code: str) -> None:
    caught = of(await tried(Doubling()), way)
    assert caught.codes[code] >= ROUNDS - 1
    assert caught.answered == (0 if code == "TIMEOUT" else ROUNDS)


async def test_what_is_malformed_does_not_pass_the_desk() -> None:
    malformed = of(await tried(Doubling()), "malformed")
    assert sum(n for code, n in malformed.codes.items() if code.startswith("(")) == ROUNDS


async def test_another_seed_asks_other_questions() -> None:
    asked: list[Number] = []

    class Noting(Doubling):
        async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
            asked.append(task)
            return await super().judge(task, answer, host)

    await run_trial(Noting(), NoModels(), rounds=2, seed="one")
    first = asked[:]
    await run_trial(Noting(), NoModels(), rounds=2, seed="two")
    assert not set(map(encode, first)) & set(map(encode, asked[len(first) :]))


# --- bad rules and broken programs ----------------------------------------------------------------------------------


class Believing(Doubling):
    """Pays whatever comes."""

    async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
        return Verdict(1.0, Code.OK)


async def test_rules_that_believe_everything_are_shown_to_pay_for_lies() -> None:
    trial = await tried(Believing())
    assert set(trial.uncaught) == {"lazy", "lying", "copying"}
    assert of(trial, "slow").is_caught
    assert of(trial, "absent").is_caught


class Impure(Doubling):
    """Draws from itself, not from the seed."""

    drawn = 0

    def draw(self, seed: bytes, view: View) -> Number:
        self.drawn += 1
        return Number(self.drawn, seed)


class Overreaching(Doubling):
    """Draws what its own messages forbid."""

    def draw(self, seed: bytes, view: View) -> Number:
        return Number(-1, seed)


class Failing(Doubling):
    """Cannot serve."""

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        raise ZeroDivisionError
        yield  # pragma: no cover


class Careless(Doubling):
    """Serves what its own messages forbid."""

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        yield Double(0, True, Usage(1, 1), 0, b"short")


class Fainting(Doubling):
    """Cannot judge."""

    async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
        raise KeyError("nothing")


class Modelless(Doubling):
    """Asks for a model that its spec does not name."""

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        await host.models.text("gpt")
        async for part in super().serve(task, host):
            yield part


@pytest.mark.parametrize(
    ("subnet", "words"),
    [
        (Impure(), "two draws of one seed differ"), (Overreaching(), "the task breaks its own rules"),
        (Failing(), "serve: ZeroDivisionError"), (Careless(), "serve: a part breaks its own rules"),
        (Fainting(), "judge: failed (KeyError)"), (Modelless(), "its spec names no models"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Doubling) else "",
)  # fmt: skip
async def test_a_fault_of_the_subnets_program_is_named_and_nobody_is_blamed_for_it(
    subnet: Doubling, words: str
) -> None:
    trial = await tried(subnet)
    assert any(words in problem for problem in trial.problems), trial.problems
    if isinstance(subnet, Fainting):
        assert of(trial, "honest").score == 0.0
        assert of(trial, "honest").verdicts[0].score is None


# --- lies -----------------------------------------------------------------------------------------------------------


class Mixed(Double, frozen=True):
    """A part with a field of every kind."""

    text: str
    empty: str
    flag: bool
    many: tuple[int, ...]
    nothing: None

    def check(self) -> None:
        if self.index:
            raise MalformedMessage("one part")


def test_a_lie_keeps_the_form_and_changes_the_content() -> None:
    part = Mixed(0, True, Usage(1, 2), 5, b"mark", "aba", "", True, (1, 2), None)
    lie = falsified(part)
    assert isinstance(lie, Mixed)
    assert (lie.index, lie.done, lie.usage, lie.nothing) == (0, True, Usage(1, 2), None)
    changed = [name for name in Mixed.__struct_fields__ if getattr(lie, name) != getattr(part, name)]
    assert changed == ["value", "mark", "text", "empty", "flag", "many"]


# --- a new subnet ---------------------------------------------------------------------------------------------------


def test_a_new_subnet_works_and_its_own_test_passes(tmp_path: Path) -> None:
    files = write_subnet("two_moons", tmp_path)
    assert {file.relative_to(tmp_path).as_posix() for file in files} == {
        "two_moons/pyproject.toml", "two_moons/README.md", "two_moons/test_two_moons.py",
        "two_moons/two_moons/__init__.py", "two_moons/two_moons/messages.py", "two_moons/two_moons/subnet.py",
    }  # fmt: skip
    for file in files:
        text = file.read_text()
        assert "oubling" not in text, file
        assert "from node." not in text, "a creator imports the SDK alone"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "two_moons", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = subnet_in(str(tmp_path / "two_moons"))
    assert (found.spec.name, type(found).__name__) == ("two_moons", "TwoMoons")


@pytest.mark.parametrize("name", ["", "Upper", "2fast", "a-b", "class", "x" * 41, "../up", "a b", "naïve", "random"])
def test_a_name_that_no_package_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSubnetPackage):
        write_subnet(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(BadSubnetPackage, match="exists already"):
        write_subnet("here", tmp_path)
    assert not list((tmp_path / "here").iterdir())


# --- packages of others ---------------------------------------------------------------------------------------------


class Squatting(Doubling):
    """Wants the seat of another subnet."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self.spec, "name", "squatting")
        object.__setattr__(self.spec, "home_netuid", NetUid(19))


def test_installed_subnets_are_known_broken_ones_left_out_and_none_takes_a_seat_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = "tests.unit.subnets.test_lab"
    named = {
        "doubling": "node.subnets.example:Doubling", "gone": "no_such_module:Subnet", "view": f"{here}:View",
        "squatting": f"{here}:Squatting", "method": "node.subnets.base:Subnet",
    }  # fmt: skip
    points = [EntryPoint(name, value, plugins.GROUP) for name, value in named.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == plugins.GROUP else [])
    plugins.plugins.cache_clear()
    try:
        assert known_subnets()[-2:] == ("doubling", "squatting")
        assert name_of(NetUid(90)) == "doubling"
        assert name_of(NetUid(19)) == "nineteen"
        assert open_subnet("doubling", challenge_blocks=5).spec.challenge_blocks == 5
        with pytest.raises(UnknownSubnet, match="no way to cheat"):
            open_subnet("doubling", cheat="lazy")
    finally:
        plugins.plugins.cache_clear()


@pytest.mark.parametrize(
    "where", ["os:path", "no_such_module:X", "nowhere", "node.subnets.base:Subnet", "", ":", "os:"]
)
def test_what_holds_no_subnet_is_refused_with_words(where: str) -> None:
    with pytest.raises(BadSubnetPackage):
        subnet_in(where)


def test_a_host_of_the_workbench_knows_its_seats_and_reaches_nobody() -> None:
    validator, miner = key_of("v").public, key_of("m").public
    view = view_of(NetUid(3), 7, validator, (miner,))
    assert [neuron.validator_permit for neuron in view.neurons] == [True, False]


def test_the_list_of_subnets_says_what_their_rules_say() -> None:
    assert [open_subnet(each.name).spec for each in BUILT_IN] == list(BUILT_IN)
    assert set(known_subnets()) >= {each.name for each in BUILT_IN}
