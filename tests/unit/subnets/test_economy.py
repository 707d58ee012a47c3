"""Simulated economies: who is paid follows from the rules and the real ledger, and the same seed pays the same."""

import msgspec
import pytest

from node.market.errors import BadMix
from node.subnets.base import Code, Verdict
from node.subnets.example import Doubling
from node.subnets.lab.economy import Economy, GroupResult, Outcomes, simulate
from node.subnets.lab.mix import MinerGroup, Mix, ValidatorGroup, read_mix, usual_mix

GOOD = (Verdict(1.0, Code.OK),)
BAD = (Verdict(0.0, Code.WRONG),)
OUTCOMES: Outcomes = {"honest": GOOD, "lying": BAD}
HONEST_AND_LYING = (MinerGroup(6), MinerGroup(2, "lying"))
SMALL = Mix(HONEST_AND_LYING, (ValidatorGroup(3, 10_000),), epochs=4, tempo_blocks=50)


def ran(mix: Mix, outcomes: Outcomes = OUTCOMES) -> Economy:
    return simulate(Doubling(), mix, outcomes)


def group(results: tuple[GroupResult, ...], title: str) -> GroupResult:
    return next(each for each in results if each.title == title)


def test_what_fails_its_challenges_earns_nothing_and_the_honest_share_all() -> None:
    economy = ran(SMALL)
    assert group(economy.miners, "lying").alpha == 0
    assert group(economy.miners, "honest").share == pytest.approx(1.0)
    assert economy.verdicts == 3 * 5 * 2 * 8  # validators, epochs and the rehearsal, rounds a tempo, miners
    assert economy.owner_alpha > 0
    assert economy.issuance_grown_rao == economy.blocks * 10**9


def test_the_same_seed_pays_the_same_and_another_one_not() -> None:
    mixed: Outcomes = {"honest": (*GOOD * 3, *BAD), "lying": (*GOOD, *BAD * 3)}
    assert ran(SMALL, mixed) == ran(SMALL, mixed)
    assert ran(SMALL, mixed).miners != ran(msgspec.structs.replace(SMALL, seed=1), mixed).miners


def test_scores_that_are_given_pay_by_the_subnets_power() -> None:
    miners = (MinerGroup(4, score=1.0, name="best"), MinerGroup(4, score=0.5, name="half"))
    economy = ran(msgspec.structs.replace(SMALL, miners=miners), {})
    assert group(economy.miners, "half").of_honest == pytest.approx(0.25, abs=0.01)  # the example squares its scores


def test_a_minority_that_favours_its_own_moves_nothing_and_earns_little() -> None:
    validators = (ValidatorGroup(3, 10_000), ValidatorGroup(1, 10_000, "favouring", favours="lying"))
    economy = ran(msgspec.structs.replace(SMALL, validators=validators))
    assert group(economy.miners, "lying").share < 0.01
    assert group(economy.validators, "favouring 2").of_honest < 0.1
    assert group(economy.validators, "favouring 2").trust < 0.01


def test_a_majority_of_stake_decides_whatever_it_favours() -> None:
    validators = (ValidatorGroup(1, 10_000), ValidatorGroup(1, 30_000, "favouring", favours="lying"))
    economy = ran(msgspec.structs.replace(SMALL, validators=validators))
    assert group(economy.miners, "lying").share > 0.9


def test_who_sets_no_weights_earns_nothing_and_a_copier_less_than_who_judges() -> None:
    validators = (ValidatorGroup(3, 10_000), ValidatorGroup(1, 10_000, "silent"), ValidatorGroup(1, 10_000, "copying"))
    economy = ran(msgspec.structs.replace(SMALL, validators=validators, epochs=8))
    assert group(economy.validators, "silent 2").alpha == 0
    assert 0 < group(economy.validators, "copying 3").of_honest < 1.0


def test_equal_weights_pay_liars_like_everybody() -> None:
    validators = (ValidatorGroup(2, 10_000, "equal"),)
    assert group(ran(msgspec.structs.replace(SMALL, validators=validators)).miners, "lying").of_honest == pytest.approx(
        1.0, abs=0.01
    )


def test_a_full_subnet_runs() -> None:
    mix = msgspec.structs.replace(usual_mix(247, 1, 0), tempo_blocks=30)
    economy = ran(mix, {group.way: GOOD for group in mix.miners})
    assert sum(each.seats for each in (*economy.miners, *economy.validators)) == 255


def test_a_mix_is_read_with_every_word_it_may_have() -> None:
    mix = read_mix(
        b"""
        epochs = 3
        tempo_blocks = 20
        pool_tao = 500
        yuma3 = false
        seed = 9
        [[miners]]
        count = 5
        [[miners]]
        count = 2
        name = "weak"
        score = 0.6
        spread = 0.1
        fails = 0.05
        [[miners]]
        count = 1
        way = "lying"
        [[validators]]
        count = 2
        stake_tao = 1000
        [[validators]]
        count = 1
        stake_tao = 10
        name = "cabal"
        way = "favouring"
        favours = "weak"
        """
    )
    assert [each.title for each in mix.miners] == ["honest", "weak", "lying"]
    economy = ran(mix)
    assert group(economy.validators, "cabal 2").seats == 1
    assert 0 < group(economy.miners, "weak").of_honest < 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "missing required field"), (b"nonsense", "cannot be read"), (b"\xff\xfe", "cannot be read"),
        (b"miners = []\nvalidators = []", "length"), (b"epochs = 0", ">= 1"), (b"speed = 3", "unknown field"),
        (b"[[miners]]\ncount = 300\n[[validators]]\ncount=1\nstake_tao=1", "<= 256"),
        (b"[[miners]]\ncount = 256\n[[validators]]\ncount=1\nstake_tao=1", "need 258 seats"),
        (b"[[miners]]\ncount=1\n[[miners]]\ncount=1\n[[validators]]\ncount=1\nstake_tao=1", "one name"),
        (b"[[miners]]\ncount=1\nway='clever'\n[[validators]]\ncount=1\nstake_tao=1", "Invalid enum value"),
        (b"[[miners]]\ncount=1\nscore=nan\n[[validators]]\ncount=1\nstake_tao=1", "score"),
        (b"[[miners]]\ncount=1\n[[validators]]\ncount=1\nstake_tao=1\nway='favouring'", "no group of miners"),
        (b"[[miners]]\ncount=1\n[[validators]]\ncount=1\nstake_tao=1\nfavours='honest'", "no group of miners"),
        (b"[[miners]]\ncount=1\nname=\"a\\u001b[2J\"\n[[validators]]\ncount=1\nstake_tao=1", "matching regex"),
        (b"#" * 70_000, "more than 65536 bytes"), (b"epochs = " + b"[" * 20_000, "cannot be read"),
    ],
)  # fmt: skip
def test_a_mix_that_makes_no_sense_is_refused_with_its_place(text: bytes, words: str) -> None:
    with pytest.raises(BadMix, match=words):
        read_mix(text)


@pytest.mark.parametrize("miners", [0, -1, 248, 10**9])
def test_more_miners_than_a_subnet_seats_are_refused(miners: int) -> None:
    with pytest.raises(BadMix, match="seats 1 to 247"):
        usual_mix(miners, 1, 0)


@pytest.mark.parametrize("miners", [1, 4, 5, 29, 30, 200, 247])
def test_the_usual_mix_has_as_many_miners_as_asked_for(miners: int) -> None:
    mix = usual_mix(miners, 1, 0)
    assert sum(each.count for each in mix.miners) == miners
