"""The runner itself: it finds what is wrong, and says what it left out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance import (
    kinds_amm,
    kinds_chutes,
    kinds_data_universe,
    kinds_emission,
    kinds_math,
    kinds_nineteen,
    kinds_registration,
    kinds_staking,
    kinds_yuma,
)
from tests.conformance.cases import Case, MalformedCase, Mismatch, load
from tests.conformance.runner import HANDLERS, NotInThisBuild, Tally, run


def case(kind: str, inputs: Mapping[str, object], expected: object, **more: object) -> Case:
    return Case("own.json", {"id": "own", "kind": kind, "input": inputs, "expected": expected, **more})


CUT = {"alpha_out": 65_535, "owner_cut_u16": 100}


def test_a_right_number_passes_and_a_wrong_one_does_not() -> None:
    run(case("owner_cut", CUT, 99, tolerance=1))
    with pytest.raises(Mismatch):
        run(case("owner_cut", CUT, 97, tolerance=1))
    with pytest.raises(Mismatch):
        run(case("owner_cut", CUT, 101, tolerance=0))


def test_a_wrong_reference_output_fails_a_case_within_its_tolerance() -> None:
    with pytest.raises(Mismatch, match="reference_output"):
        run(case("owner_cut", CUT, 90, tolerance=20, reference_output=90))


def test_an_expected_refusal_passes_by_name() -> None:
    swap = {"side": "buy", "amount": 5_000, "tao_reserve": 1, "alpha_reserve": 10**9, "fee_rate_u16": 0}
    run(case("swap", swap, "SwapInputTooLarge"))
    with pytest.raises(Mismatch):
        run(case("swap", swap, {"out": 1}))


@pytest.mark.parametrize("inputs", [{}, {"alpha_out": 1}, {"alpha_out": "x", "owner_cut_u16": 1}, None])
def test_a_malformed_case_is_named_as_such(inputs: Mapping[str, object]) -> None:
    with pytest.raises(MalformedCase):
        run(case("owner_cut", inputs, 1))


def test_unknown_kinds_and_kinds_outside_this_network_are_left_out() -> None:
    for kind in ("nobody_knows", "v3_swap", "flow_pow_normalize"):
        with pytest.raises(NotInThisBuild):
            run(case(kind, {}, 1))


def epoch_case(**expected: object) -> Case:
    state = {
        "block": 10,
        "rao_emission": 1_000,
        "stake": [5, 0],
        "validator_permits": [True, False],
        "last_update": [9, 9],
        "block_at_registration": [1, 1],
        "weights": {"0": [[1, 65_535]]},
        "bonds": {},
    }
    return Case("own.json", {"id": "own", "kind": "epoch", "n": 2, "epochs": [{"input": state, "expected": expected}]})


def test_every_field_of_an_epoch_may_be_expected() -> None:
    run(
        epoch_case(
            consensus=[0, 65_535],
            bonds={"0": [[1, 65_535]]},
            emission=[500, 500],
            server_emission=[0, 500],
            new_validator_permits=[True, False],
            incentive_float={"values": [0, 1], "tolerance": 0},
            dividends_by_uid={"0": 65_535},
            bonds_at=[[0, 1, 65_535]],
        )
    )
    wrong: list[dict[str, object]] = [
        {"consensus": [0, 65_534]},
        {"bonds": {}},
        {"bonds": {"0": [[1, 65_535]], "1": []}},
        {"dividends_by_uid": {"0": 1}},
        {"bonds_at": [[0, 1, 65_534]]},
    ]
    for expected in wrong:
        with pytest.raises(Mismatch):
            run(epoch_case(**expected))
    with pytest.raises(MalformedCase, match="unknown expectation"):
        run(epoch_case(happiness=[1, 1]))


def test_the_closing_line_says_what_was_left_out_and_why() -> None:
    tally = Tally(passed=3, failed=1)
    tally.skipped["v3_swap", "not here"] += 2
    assert tally.line("amm.json") == "amm.json: 3 passed, 1 failed, 2 skipped (v3_swap 2: not here)"


@pytest.mark.parametrize("text", ["{", "[]", '{"cases": 3}', '{"cases": [1]}'])
def test_a_file_that_holds_no_cases_is_malformed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vectors.json"
    path.write_text(text)
    with pytest.raises(MalformedCase, match=r"vectors\.json"):
        load(path)


def test_no_kind_is_handled_twice() -> None:
    parts = (
        kinds_amm,
        kinds_chutes,
        kinds_data_universe,
        kinds_emission,
        kinds_math,
        kinds_nineteen,
        kinds_registration,
        kinds_staking,
        kinds_yuma,
    )
    assert sum(len(part.KINDS) for part in parts) == len(HANDLERS)
