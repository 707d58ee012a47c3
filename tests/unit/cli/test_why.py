"""`neurond why` as a miner's owner reads it."""

import pytest

from node.control.schema import ValidatorReason, VerdictInfo, Why
from node.ledger.queries import NeuronRow
from node.market.reasons import NONE_PPM, VerdictLine, WhyAnswer
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Alpha, Height, Rao, Uid
from node.service.why import MEANINGS, advice_for, failures_of, place_of, told
from node.subnets.base import Code
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ALICE, WHY, Served

KNOWN = ValidatorReason(ALICE, 1, 5, 0.25)


def row(uid: int, incentive: int) -> NeuronRow:
    key = AccountId(digest("test-key", uid.to_bytes(2, "big")))
    return NeuronRow(
        uid=Uid(uid), hotkey=key, coldkey=key, peer_id="", addresses=(), stake_weight_rao=0, alpha_stake=Alpha(0),
        root_stake_rao=Rao(0), active=True, validator_permit=False, incentive_u16=incentive, dividends_u16=0,
        consensus_u16=0, validator_trust_u16=0, rank_u16=0, trust_u16=0, emission_alpha=Alpha(0),
        last_update=Height(0), registered_at=Height(0),
    )  # fmt: skip


def test_the_page_has_rank_verdicts_and_advice(run: Run, node: Served) -> None:
    shown = run("why", "--netuid", "1")
    assert shown.code == 0
    for words in ("rank 1 of 3", "right and in time", "TIMEOUT ×2", "0.900", "1/2"):
        assert words in shown.out, words
    assert "Answers come late." in shown.err


def test_the_same_as_json(run: Run, node: Served) -> None:
    assert run("why", "--json").json()["validators"][0]["verdicts"][0]["code"] == "OK"


@pytest.mark.parametrize("arguments", [("--netuid", "x"), ("--netuid", "-1"), ("--nonsense",)])
def test_wrong_arguments_are_refused_with_words(arguments: tuple[str, ...], run: Run, node: Served) -> None:
    done = run("why", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err


# --- what the page is made of -----------------------------------------------------------------------------------------


def test_rank_is_by_incentive_and_names_the_one_ahead() -> None:
    rows = [row(0, 0), row(1, 30_000), row(2, 10_000), row(3, 10_000), row(4, 0)]
    places = [place_of(rows, each) for each in rows]
    assert places == [(0, 3, 10_000), (1, 3, None), (2, 3, 30_000), (3, 3, 10_000), (0, 3, 10_000)]
    assert place_of([row(0, 0)], row(0, 0)) == (0, 0, None)


def test_what_nobody_is_blamed_for_is_no_failure() -> None:
    lines = [(Code.WRONG, 0), (Code.WRONG, 0), (Code.TIMEOUT, 0), (Code.UNCHECKABLE, NONE_PPM), (Code.OK, 1_000_000)]
    verdicts = tuple(VerdictLine(1, "challenge", score, code, "", 5) for code, score in lines)
    reason = told(KNOWN, WhyAnswer(Height(9), 1, 500_000, 12_500, Height(8), 250_000, 2, 4, 900_000, verdicts))
    assert (reason.score, reason.samples, reason.share, reason.ahead) == (0.5, 12.5, 0.25, 0.9)
    assert (reason.uid, reason.weight_on_chain) == (1, 0.25)
    assert failures_of([reason, reason]) == {"WRONG": 4, "TIMEOUT": 2}
    assert reason.verdicts[3].score is None


def test_advice_is_about_the_commonest_failures_and_never_twice_the_same() -> None:
    assert advice_for({}) == ()
    told_of = advice_for({"UNLIKELY": 5, "TIMEOUT": 3, "OVERLOADED": 2, "MALFORMED": 1, "WRONG": 1})
    assert len(told_of) == 3
    assert "models verify" in told_of[0]


@pytest.mark.parametrize("code", [code for code in Code if code <= Code.VALIDATOR_FAULT and code in MEANINGS])
def test_every_meaning_is_a_short_phrase(code: Code) -> None:
    assert 10 < len(MEANINGS[code]) < 90
    assert not MEANINGS[code].endswith(".")


def test_a_page_without_validators_says_so(run: Run, node: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Why(1, ALICE, 2, 3, 0, 0, 0, None, (), {}, ())
    monkeypatch.setattr("tests.unit.control.fake.WHY", bare)
    shown = run("why")
    assert "No validator with a permit" in shown.out
    assert "none; 0 seats" in shown.out


def test_a_verdict_of_a_stranger_cannot_steer_the_terminal(
    run: Run, node: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = VerdictInfo(1, "challenge", "OK", "right", 1.0, "\x1b[2Jgone")
    reason = ValidatorReason(ALICE, 1, 5, 0.1, verdicts=(verdict,))
    monkeypatch.setattr("tests.unit.control.fake.WHY", Why(1, ALICE, 2, 3, 0, 0, 0, None, (reason,), {}, ()))
    assert "\x1b" not in run("why").out
    assert WHY.rank == 1
