"""Seeds of the campaign that `make sim` plays at length, and those that once found something."""

from pathlib import Path

import msgspec
import pytest

from node.primitives.errors import DecodeError
from tests.simulation.campaign import Outcome, run
from tests.simulation.corpus import OFTEN, Corpus, plan, plan_controls
from tests.simulation.long import keep, mismatches
from tests.simulation.options import Options


@pytest.mark.parametrize(
    "options", list(plan(9, (4, 7), 23)), ids=lambda options: f"{options.mode}-{options.count}-{options.seed}"
)
def test_under_drawn_faults_every_promise_is_kept(options: Options) -> None:
    outcome = run(options)
    assert outcome.violation == "", outcome.options.line()
    assert outcome.heights > 0


@pytest.mark.parametrize(
    "options", list(plan_controls(8, (4, 7), 100)), ids=lambda options: f"{options.count}-{options.seed}"
)
def test_one_twin_too_many_always_breaks(options: Options) -> None:
    assert run(options).violation, options.line()


def test_clocks_half_a_slot_apart_cost_rounds_and_finality_goes_on() -> None:
    """Two of seven are off and one of the five others holds back what comes more than a quarter slot early."""
    options = Options(
        seed=907, mode="liveness", count=7, slots=300, twins=2, drop_percent=15, delay_ms_mean=1500,
        cuts=("halves", "one way", "one off"), ambushes=("locker",), skew_ms_max=3000, all_at_once=True,
        epoch_blocks=20, liars_stop_at_heal=True,
    )  # fmt: skip
    outcome = run(options)
    assert outcome.violation == ""
    assert outcome.heights > options.slots // 3


def test_a_run_replays_exactly_in_another_process() -> None:
    options = Options(seed=7, mode="liveness", count=4, slots=40, epoch_blocks=3, drop_percent=5, twins=1)
    run(msgspec.structs.replace(options, epoch_blocks=8))  # what one run remembers is no other run's business
    assert mismatches([options]) == []
    assert run(options, traced=True).trace_hash != run(Options.drawn(8, "liveness", 4, 40), traced=True).trace_hash


def test_options_survive_being_written_down() -> None:
    for seed in range(50):
        options = Options.drawn(seed, "safety", 7, 300)
        assert Options.of_line(options.line()) == options
    with pytest.raises(DecodeError):
        Options.of_line('{"seed": "x"}')
    with pytest.raises(DecodeError):
        Options.of_line("nonsense")


def test_every_fault_is_on_in_some_seeds_and_off_in_others() -> None:
    drawn = [Options.drawn(seed, "liveness", 7, 300) for seed in range(200)]
    plain = Options(seed=0, mode="liveness", count=7, slots=300)
    for name in Options.__struct_fields__:
        if name in ("seed", "mode", "count", "slots", "slot_ms", "delay_ms_mean"):
            continue
        off = getattr(plain, name)
        assert 0 < sum(getattr(options, name) == off for options in drawn) < len(drawn), name
    assert {len(options.lies) + options.twins for options in drawn} == {0, 1, 2}


def test_a_corpus_that_reached_too_little_is_told() -> None:
    corpus = Corpus()
    outcome = Outcome(Options.drawn(1, "liveness", 4, 300), slots=300)
    outcome.seen.update(OFTEN[1:])
    corpus.add(outcome, 1.0)
    assert corpus.missing() == [OFTEN[0]]
    outcome = Outcome(Options.drawn(1, "control", 4, 300), slots=3)
    outcome.seen.update(OFTEN)  # what a broken network reaches does not count
    corpus.add(outcome, 1.0)
    assert corpus.missing() == [OFTEN[0]]
    assert [failed.options.mode for failed in corpus.failed] == ["control"]  # nothing broke there


def test_a_run_that_failed_is_kept_for_replay(tmp_path: Path) -> None:
    options = Options.drawn(3, "liveness", 4, 300)
    path = keep(Outcome(options, violation="two certificates"), tmp_path / "kept")
    assert Options.of_line(path.read_text()) == options
