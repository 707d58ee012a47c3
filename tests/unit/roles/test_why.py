"""A miner learns why it is scored as it is: from the validator that judges it, in bounded words."""

import msgspec
import pytest
import trio

from node.market.errors import MalformedMessage
from node.market.limits import REASON_CHARS_MAX, REASON_MINERS_MAX, REASONS_PER_MINER_MAX, WHY_ANSWER_BYTES_MAX
from node.market.reasons import (
    NONE_PPM,
    WHY_PROTOCOL,
    Reasons,
    VerdictLine,
    WhyAnswer,
    WhyQuestion,
    ask_why,
    explain,
    ppm,
)
from node.market.switchboard import of_subnet
from node.market.tasks import TaskView
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash, Height
from node.subnets.base import Code, Neuron, Standing, Verdict, decode_message
from p2p import P2PError
from tests.unit.market.support import GENESIS, NETUID, Doubling, signer_of
from tests.unit.roles.test_roles import Town, town

NOBODY = signer_of("nobody").public


def seat_of(t: Town) -> Neuron:
    found = t.context.view().find(t.context.hotkey)
    assert found is not None
    return found


async def asked(t: Town, name: str) -> WhyAnswer:
    question = WhyQuestion(GENESIS, NETUID, t.key(name) if name in t.contexts else NOBODY)
    return await ask_why(t.contexts["good"].network, seat_of(t), question)


async def test_a_miner_is_told_its_score_its_rank_and_the_verdicts_behind_them(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling(), cheat=Doubling(wrong=True))
        await t.blocks(25)
        good, cheat = await asked(t, "good"), await asked(t, "cheat")
    assert (good.rank, good.ranked, good.share_ppm, good.ahead_ppm) == (1, 1, 1_000_000, NONE_PPM)
    assert good.score_ppm > 900_000
    assert {Code(line.code) for line in good.verdicts} == {Code.OK}
    assert (cheat.rank, cheat.score_ppm, cheat.share_ppm) == (0, 0, 0)
    assert cheat.ahead_ppm == good.score_ppm
    assert {Code(line.code) for line in cheat.verdicts} == {Code.WRONG}
    assert 0 < len(cheat.verdicts) <= REASONS_PER_MINER_MAX


async def test_who_was_never_judged_is_told_so(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        answer = await asked(t, "nobody")
    assert (answer.rank, answer.samples_milli, answer.verdicts) == (0, 0, ())


async def test_rules_that_fail_to_weigh_end_no_role_and_scores_are_still_told(autojump_clock: object) -> None:
    class Unable(Doubling):
        def weigh(self, *_: object) -> dict[AccountId, float]:
            raise ZeroDivisionError

    async with town(validator=Unable()) as t:
        await t.open(good=Doubling())
        await t.blocks(12)
        answer = await asked(t, "good")
        assert "failed to weigh" in t.validator.weights.last_error
    assert answer.score_ppm > 0
    assert (answer.rank, answer.ranked) == (0, 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"why?", encode(WhyQuestion(Hash(digest("other")), NETUID, NOBODY)),
        encode(WhyQuestion(GENESIS, NETUID, AccountId(b"short"))), b"\xff" * 200,
    ],
)  # fmt: skip
async def test_a_question_of_nobody_here_is_not_answered_and_the_desk_goes_on(
    raw: bytes, autojump_clock: object
) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        stream = await t.contexts["good"].network.open(t.context.network.peer_id, of_subnet(WHY_PROTOCOL, NETUID))
        await stream.send(raw)
        with pytest.raises(P2PError):
            await stream.receive(WHY_ANSWER_BYTES_MAX)
        assert (await asked(t, "good")).ranked == 0


async def test_a_silent_asker_does_not_hold_the_desk(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        stream = await t.contexts["good"].network.open(t.context.network.peer_id, of_subnet(WHY_PROTOCOL, NETUID))
        with pytest.raises(P2PError), trio.fail_after(60):
            await stream.receive(WHY_ANSWER_BYTES_MAX)


def line(number: int, miner: AccountId = NOBODY, evidence: str = "") -> tuple[TaskView, Verdict]:
    return TaskView("00", "challenge", miner, "done", number), Verdict(0.5, Code.OK, evidence)


def test_what_is_remembered_is_bounded_and_the_newest_stays() -> None:
    reasons = Reasons()
    for number in range(3 * REASONS_PER_MINER_MAX):
        reasons.note(*line(number, evidence="x\n\x1b[2J" * 1000), judged_at_ms=number)
    kept = reasons.of(NOBODY)
    assert [each.judged_at_ms for each in kept[:2]] == [3 * REASONS_PER_MINER_MAX - 1, 3 * REASONS_PER_MINER_MAX - 2]
    assert len(kept) == REASONS_PER_MINER_MAX
    for each in kept:
        each.check()
    for number in range(2 * REASON_MINERS_MAX):
        reasons.note(*line(0, signer_of(f"miner {number}").public), judged_at_ms=0)
    assert reasons.of(NOBODY) == ()
    assert reasons.of(signer_of(f"miner {2 * REASON_MINERS_MAX - 1}").public)


def test_the_largest_answer_fits_its_bound() -> None:
    reasons = Reasons()
    for _ in range(REASONS_PER_MINER_MAX):
        reasons.note(*line(2**63 - 1, evidence="\N{HUNDRED POINTS SYMBOL}" * REASON_CHARS_MAX), judged_at_ms=2**63 - 1)
    answer = explain(NOBODY, book={}, shares={}, reasons=reasons, height=Height(2**62), rules=2**31)
    assert decode_message(WhyAnswer, encode(answer), max_bytes=WHY_ANSWER_BYTES_MAX) == answer
    assert len(encode(answer)) <= WHY_ANSWER_BYTES_MAX


def test_ranks_follow_shares_and_the_one_ahead_is_named_by_its_score() -> None:
    keys = [signer_of(name).public for name in ("a", "b", "c")]
    book = {key: Standing(score, 5.0, Height(3)) for key, score in zip(keys, (0.9, 0.6, 0.3), strict=True)}
    shares = dict(zip(keys, (0.6, 0.3, 0.1), strict=True))
    told = [explain(key, book=book, shares=shares, reasons=Reasons(), height=Height(9), rules=1) for key in keys]
    assert [(each.rank, each.ahead_ppm) for each in told] == [(1, NONE_PPM), (2, 900_000), (3, 600_000)]


@pytest.mark.parametrize(
    "changes",
    [
        {"score_ppm": -2}, {"code": 999}, {"kind": "gossip"}, {"evidence": "x" * 161}, {"evidence": "\x1b[2J"},
        {"score_ppm": 1_000_001}, {"latency_ms": -1},
    ],
)  # fmt: skip
def test_a_verdict_that_no_validator_sends_is_refused(changes: dict[str, object]) -> None:
    fields = {"judged_at_ms": 1, "kind": "audit", "score_ppm": 1, "code": 0, "evidence": "", "latency_ms": 1} | changes
    answer = explain(NOBODY, book={}, shares={}, reasons=Reasons(), height=Height(0), rules=1)
    broken = msgspec.structs.replace(answer, verdicts=(VerdictLine(**fields),))  # type: ignore[arg-type]
    with pytest.raises(MalformedMessage):
        decode_message(WhyAnswer, encode(broken), max_bytes=WHY_ANSWER_BYTES_MAX)


@pytest.mark.parametrize(("share", "parts"), [(0.5, 500_000), (2.0, 1_000_000), (-1.0, 0), (float("nan"), 0)])
def test_shares_in_parts_of_a_million_are_in_range(share: float, parts: int) -> None:
    assert ppm(share) == parts
