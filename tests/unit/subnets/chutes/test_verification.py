"""Serving and judging: honest answers pass, every way to cheat is caught, what cannot be checked blames nobody."""

import msgspec
import pytest

from node.market.errors import ServeFailed
from node.primitives.crypto import digest
from node.primitives.types import Hash, Height
from node.subnets.base import BlobRef, Code, Judged, Usage
from node.subnets.chutes.adversaries import CHEATS
from node.subnets.chutes.messages import ChutePart, ChuteTask, Hold, Noise, Tensor
from node.subnets.chutes.scoring import BOUNTY, CHUTE, UNITS, is_suspended, row_of, short_id
from node.subnets.chutes.strategies import honest
from tests.unit.subnets.chutes.support import FEATURES, Market, as_answer, rows_task


def hold_task(market: Market, chute: bytes, nonce: bytes = b"n") -> ChuteTask:
    file = market.chute.files[0]
    held = Hold(bytes.fromhex(file.sha256), file.size, digest("test", nonce))
    return ChuteTask(chute, digest("test", nonce, b"salt"), hold=(held,))


def noise_task(chute: bytes, *, personal: bool = True) -> ChuteTask:
    tensor = Tensor("x", "float32", (4, FEATURES), noise=(Noise(digest("test", b"s"), "normal", personal),))
    return ChuteTask(chute, digest("test", b"salt"), inputs=(tensor,))


async def test_an_honest_answer_scores_one_and_says_what_it_was_worth() -> None:
    market = Market()
    chute = await market.deploy()
    verdict = await market.judge.judge(rows_task(chute), await market.ask(rows_task(chute)), market.judging())
    assert (verdict.score, verdict.code) == (1.0, Code.OK)
    assert verdict.facts[CHUTE] == short_id(chute)
    assert verdict.facts[UNITS] == 1.0
    assert verdict.facts[BOUNTY] == pytest.approx(100.06)


@pytest.mark.parametrize("kind", ["rows", "noise", "hold"])
@pytest.mark.parametrize("miner", [0, 1])
async def test_every_sort_of_task_is_answered_by_anybody_honest(kind: str, miner: int) -> None:
    market = Market(honest, honest)
    chute = await market.deploy()
    task = {"rows": rows_task(chute), "noise": noise_task(chute), "hold": hold_task(market, chute)}[kind]
    verdict = await market.judge.judge(task, await market.ask(task, miner), market.judging())
    assert verdict.score == 1.0, verdict


CAUGHT = {
    "noisy": Code.WRONG,
    "other-weights": Code.WRONG,
    "wrong-top": Code.WRONG,
    "no-possession": Code.WRONG,
    "overclaiming": Code.OVERCLAIM,
    "cached": Code.MALFORMED,
}


@pytest.mark.parametrize(("way", "code"), CAUGHT.items())
async def test_a_cheat_scores_nothing(way: str, code: Code) -> None:
    market = Market(honest, CHEATS[way]())
    chute = await market.deploy()
    await market.ask(rows_task(chute, 1, batch=2), 1)  # what a lazy miner keeps
    verdict = await market.judge.judge(rows_task(chute), await market.ask(rows_task(chute), 1), market.judging())
    assert (verdict.score, verdict.code) == (0.0, code)


async def test_a_kept_answer_of_the_right_shape_is_wrong_too() -> None:
    market = Market(honest, CHEATS["cached"]())
    chute = await market.deploy()
    await market.ask(rows_task(chute, 1), 1)
    verdict = await market.judge.judge(rows_task(chute), await market.ask(rows_task(chute), 1), market.judging())
    assert (verdict.score, verdict.code) == (0.0, Code.WRONG)


async def test_who_does_not_hold_the_file_proves_nothing() -> None:
    market = Market(honest, CHEATS["no-possession"]())
    chute = await market.deploy()
    task = hold_task(market, chute)
    verdict = await market.judge.judge(task, await market.ask(task, 1), market.judging())
    assert (verdict.score, verdict.code) == (0.0, Code.OVERCLAIM)


async def test_a_copier_with_a_mark_of_its_own_fails_where_each_miner_has_numbers_of_its_own() -> None:
    market = Market(honest, CHEATS["copied"]())
    chute = await market.deploy()
    personal = await market.judge.judge(noise_task(chute), await market.ask(noise_task(chute), 1), market.judging())
    shared = noise_task(chute, personal=False)
    common = await market.judge.judge(shared, await market.ask(shared, 1), market.judging())
    assert (personal.score, personal.code) == (0.0, Code.WRONG)
    assert common.score == 1.0  # a right answer is a right answer: docs/chutes.md says so


async def test_an_answer_passed_on_as_it_is_carries_the_mark_of_its_maker() -> None:
    market = Market(honest, honest)
    chute = await market.deploy()
    stolen = await market.ask(rows_task(chute), 0)
    parts = [part for part in stolen.parts if isinstance(part, ChutePart)]
    verdict = await market.judge.judge(rows_task(chute), as_answer(market.keys[1], parts), market.judging())
    assert (verdict.score, verdict.code) == (0.0, Code.PLAGIARISED)


async def test_an_answer_to_another_task_carries_another_mark() -> None:
    market = Market()
    chute = await market.deploy()
    verdict = await market.judge.judge(rows_task(chute, 2), await market.ask(rows_task(chute, 1)), market.judging())
    assert (verdict.score, verdict.code) == (0.0, Code.PLAGIARISED)


async def test_a_validator_without_the_bundle_blames_nobody() -> None:
    market = Market()
    chute = await market.deploy()
    answer = await market.ask(rows_task(chute))
    market.world.blobs.clear()
    verdict = await market.judge.judge(rows_task(chute), answer, market.judging())
    assert (verdict.score, verdict.code) == (None, Code.UNCHECKABLE)


async def test_arrays_that_cannot_be_fetched_are_as_no_answer_and_no_lie() -> None:
    market = Market()
    chute = await market.deploy()
    answer = await market.ask(rows_task(chute))
    gone = (BlobRef(Hash(digest("test", b"gone")), 12, "application/octet-stream"),)
    parts = [
        msgspec.structs.replace(
            part, slabs=tuple(msgspec.structs.replace(each, offset=0, data=b"", blob=gone) for each in part.slabs)
        )
        for part in answer.parts
        if isinstance(part, ChutePart)
    ]
    verdict = await market.judge.judge(rows_task(chute), as_answer(answer.miner, parts), market.judging())
    assert (verdict.score, verdict.code) == (0.0, Code.UNREACHABLE)
    row = row_of(Judged(Hash(bytes(32)), "challenge", Height(1), verdict, Usage(), 1, 1))
    assert row is not None
    assert not row.answered
    assert not is_suspended([row], 1)


async def test_an_unknown_chute_is_refused_by_miners_and_not_judged() -> None:
    market = Market()
    chute = await market.deploy()
    answer = await market.ask(rows_task(chute))
    other = msgspec.structs.replace(rows_task(chute), chute=bytes(32))
    assert (await market.judge.judge(other, answer, market.judging())).score is None
    with pytest.raises(ServeFailed) as caught:
        await market.ask(other)
    assert caught.value.refusal is Code.WRONG_MODEL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": (3, FEATURES + 1), "data": bytes(4 * 3 * (FEATURES + 1))}, "expected shape [batch, 8], got [3, 9]"),
        ({"dtype": "int32"}, "expected float32, got int32"),
        ({"name": "y"}, "expected x, got y"),
        ({"data": b"\x00\x00\xc0\x7f" + bytes(4 * 3 * FEATURES - 4)}, "got NaN or infinity"),
    ],
)
async def test_what_does_not_fit_is_refused_with_what_was_expected(changes: dict[str, object], words: str) -> None:
    market = Market()
    chute = await market.deploy()
    task = rows_task(chute)
    tensor = msgspec.structs.replace(task.inputs[0], **changes)
    with pytest.raises(ServeFailed, match=r".") as caught:
        await market.ask(msgspec.structs.replace(task, inputs=(tensor,)))
    assert words in caught.value.message
    assert caught.value.refusal is Code.MALFORMED


async def test_more_than_the_limit_is_too_large() -> None:
    market = Market()
    chute = await market.deploy()
    with pytest.raises(ServeFailed, match="1 to 16 is allowed") as caught:
        await market.ask(rows_task(chute, batch=17))
    assert caught.value.refusal is Code.TOO_LARGE


async def test_a_retired_chute_is_told_to_be_retired() -> None:
    from node.primitives.codec import encode
    from node.subnets.chutes.journal import RETIRE, Retire

    market = Market()
    chute = await market.deploy()
    await market.host(0).journal.append(RETIRE, encode(Retire(chute)))
    with pytest.raises(ServeFailed, match="retired"):
        await market.ask(rows_task(chute))


async def test_parts_that_do_not_fit_each_other_are_malformed() -> None:
    market = Market()
    chute = await market.deploy()
    answer = await market.ask(rows_task(chute))
    last = answer.parts[-1]
    assert isinstance(last, ChutePart)
    slab = msgspec.structs.replace(last.slabs[0], offset=4)
    broken = as_answer(market.keys[0], [msgspec.structs.replace(last, slabs=(slab,))])
    assert (await market.judge.judge(rows_task(chute), broken, market.judging())).code is Code.MALFORMED


async def test_usage_that_does_not_follow_from_the_sizes_is_an_overclaim() -> None:
    market = Market()
    chute = await market.deploy()
    answer = await market.ask(rows_task(chute))
    last = answer.parts[-1]
    assert isinstance(last, ChutePart)
    more = as_answer(market.keys[0], [msgspec.structs.replace(last, usage=Usage(0, 0, 2))])
    assert (await market.judge.judge(rows_task(chute), more, market.judging())).code is Code.OVERCLAIM
