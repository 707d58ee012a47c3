"""Housekeeping: what a miner loads and drops, what is said in the journal, and that questions fit what is there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import Height
from node.subnets.base import decode_message
from node.subnets.chutes.catalogue import Catalogue, warm_chutes
from node.subnets.chutes.drawing import draw_task
from node.subnets.chutes.house import demo_chutes, house_chutes
from node.subnets.chutes.journal import DEMAND, LOAD, UNLOAD, Calls, Demand, Load
from node.subnets.chutes.limits import CHUTES_PER_OWNER_MAX, HOUR_BLOCKS
from node.subnets.chutes.messages import ChuteTask
from node.subnets.chutes.runs import check_inputs
from node.subnets.chutes.upkeep import Candidate, to_load, to_unload
from tests.unit.subnets.chutes.support import Market, rows_task


def candidate(name: bytes, **changes: float) -> Candidate:
    fields: dict[str, float] = {"demand": 0.5, "instances": 0, "price_rao": 100, "ram_mb": 100, **changes}
    return Candidate(name, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "better",
    [{"demand": 0.9}, {"price_rao": 200}, {"ram_mb": 50}],
)
def test_more_demand_a_better_price_and_less_memory_are_loaded_first(better: dict[str, float]) -> None:
    assert to_load([candidate(b"a", **better), candidate(b"b")], {}, 1000) == b"a"
    assert to_load([candidate(b"b"), candidate(b"a", **better)], {}, 1000) == b"a"


def test_others_instances_make_a_chute_less_worth() -> None:
    assert to_load([candidate(b"a", instances=3), candidate(b"b")], {}, 1000) == b"b"


def test_only_what_fits_beside_the_warm_ones_is_loaded() -> None:
    assert to_load([candidate(b"a", ram_mb=600)], {b"w": 500}, 1000) is None
    assert to_load([candidate(b"w")], {b"w": 100}, 1000) is None
    assert to_load([], {}, 1000) is None


def test_what_nobody_used_for_its_time_goes() -> None:
    assert to_unload((b"a", b"b", b"c"), {b"a": 10, b"b": 80}, {b"a": 50, b"b": 50}, 90) == (b"a", b"c")


async def test_a_chute_that_was_used_is_loaded_said_and_dropped_again() -> None:
    market = Market()
    chute = await market.deploy()
    await market.ask(rows_task(chute))
    await market.rules[0].tick(market.host(0))
    assert warm_chutes(market.host(0).view(), market.keys[0]) == (chute,)
    await market.rules[0].tick(market.host(0))  # says nothing twice
    kinds = [entry.kind for entry in market.host(0).journal.entries(market.keys[0])]
    assert kinds == ["deploy", LOAD]
    market.at(1 + market.chute.warm_seconds // 12 + 1)
    await market.rules[0].tick(market.host(0))
    assert warm_chutes(market.host(0).view(), market.keys[0]) == ()
    assert market.host(0).journal.entries(market.keys[0])[-1].kind == UNLOAD


async def test_demand_alone_makes_a_miner_load_a_chute() -> None:
    market = Market()
    chute = await market.deploy()
    await market.rules[0].tick(market.host(0))
    assert warm_chutes(market.host(0).view(), market.keys[0]) == ()
    await market.judging().journal.append(DEMAND, encode(Demand((Calls(chute, 5),))))
    await market.rules[0].tick(market.host(0))
    assert warm_chutes(market.host(0).view(), market.keys[0]) == (chute,)


async def test_a_chute_that_cannot_be_had_is_not_claimed() -> None:
    market = Market()
    chute = await market.deploy()
    market.world.blobs.clear()
    await market.judging().journal.append(DEMAND, encode(Demand((Calls(chute, 5),))))
    await market.rules[0].tick(market.host(0))
    assert warm_chutes(market.host(0).view(), market.keys[0]) == ()


async def test_a_validator_tells_once_an_hour_what_its_users_asked() -> None:
    market = Market()
    chute = await market.deploy()
    market.judge.tools.seen.note_asked(chute)
    market.at(HOUR_BLOCKS)
    await market.judge.tick(market.judging())
    market.judge.tools.seen.note_asked(chute)
    await market.judge.tick(market.judging())
    entries = market.judging().journal.entries(market.validator, kind=DEMAND)
    assert [entry.body for entry in entries] == [encode(Demand((Calls(chute, 1),)))]


async def test_a_chute_is_deployed_again_before_the_journal_forgets_it() -> None:
    market = Market()
    chute = await market.deploy()
    for n in range(256):
        await market.host(0).journal.append(LOAD, encode(Load(chute, Height(3 + n % 2))))
    await market.rules[0].tick(market.host(0))
    await market.rules[0].tick(market.host(0))
    entries = market.host(0).journal.entries(market.keys[0], kind="deploy")
    assert [entry.sequence for entry in entries] == [0, 257]
    assert CHUTES_PER_OWNER_MAX > 1


# --- questions ------------------------------------------------------------------------------------------------------

CHUTES = Catalogue((*house_chutes(), *demo_chutes()))


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32))
def test_every_drawn_question_fits_its_chute_and_its_form(seed: bytes) -> None:
    view = Market().at(5)
    task = draw_task(seed, view, CHUTES.all(view))
    assert task is not None
    assert task == draw_task(seed, view, CHUTES.all(view))
    assert decode_message(ChuteTask, encode(task), max_bytes=64 * 1024) == task
    listed = CHUTES.find(view, task.chute)
    assert listed is not None
    if task.inputs:
        check_inputs(listed.chute, task.inputs)
    else:
        assert task.hold[0].sha256.hex() in {file.sha256 for file in listed.chute.files}


def test_one_question_in_five_is_about_a_file_and_asked_chutes_come_more_often() -> None:
    market = Market()
    view = market.at(5)
    chutes = CHUTES.all(view)
    drawn = [draw_task(digest("test", n.to_bytes(4, "big")), view, chutes) for n in range(1000)]
    held = sum(bool(task and task.hold) for task in drawn)
    assert 150 < held < 250
    often = chutes[0].id
    view.state[market.validator + b"d"] = encode_demand(often)  # type: ignore[index]
    again = [draw_task(digest("test", n.to_bytes(4, "big")), view, chutes) for n in range(1000)]
    share = sum(task is not None and task.chute == often for task in drawn)
    more = sum(task is not None and task.chute == often for task in again)
    assert 150 < share < 250  # one of five chutes
    assert 280 < more < 390  # two parts of six


def encode_demand(chute: bytes) -> bytes:
    from node.subnets.chutes.journal import DemandRow

    return encode(DemandRow(Height(1), (Calls(chute, 9),)))


def test_nothing_is_asked_where_there_is_no_chute() -> None:
    assert draw_task(bytes(32), Market().at(1), ()) is None
