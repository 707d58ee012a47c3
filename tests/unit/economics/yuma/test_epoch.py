"""An epoch from end to end."""

import dataclasses

import pytest

from node.economics.errors import EpochInputError
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochOutput, EpochParams, SparseRow

E = 10**12
YUMA2 = EpochParams(yuma3=False, max_validators=2)
YUMA3 = EpochParams(max_validators=2)
LIQUID = EpochParams(max_validators=2, liquid_alpha=True)
RULES = [YUMA2, YUMA3, LIQUID]


def row(**weights: int) -> SparseRow:
    return tuple((int(uid.removeprefix("u")), value) for uid, value in weights.items())


def epoch(params: EpochParams = YUMA3, **changes: object) -> EpochInput:
    """Two validators (60 % and 40 % of stake) and two miners; all weights are fresh and equal."""
    base = EpochInput(
        params=params,
        block=100,
        emission_rao=E,
        stake_q64=(60 << 64, 40 << 64, 0, 0),
        validator_permits=(True, True, False, False),
        last_update=(90, 90, 0, 0),
        block_at_registration=(1, 1, 1, 1),
        weights=(row(u2=65535, u3=65535), row(u2=65535, u3=65535), (), ()),
        bonds=((), (), (), ()),
        last_mechanism_step=50,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("params", RULES)
def test_miners_and_validators_share_the_emission_in_halves(params: EpochParams) -> None:
    output = run_epoch(epoch(params))
    assert abs(sum(output.server_emission) - E // 2) < 10_000
    assert E - 10_000 < sum(output.emission) <= E
    assert abs(output.emission[2] - output.emission[3]) < 1_000
    assert abs(output.emission[0] * 2 - output.emission[1] * 3) < 10_000


@pytest.mark.parametrize("params", RULES)
def test_a_minority_cannot_lift_its_favourite(params: EpochParams) -> None:
    output = run_epoch(epoch(params, weights=(row(u2=65535), row(u3=65535), (), ())))
    assert output.consensus == (0, 0, 65535, 0)
    assert output.incentive == (0, 0, 65535, 0)
    assert output.validator_trust[:2] == (65535, 0)
    assert output.dividends[1] == 0


@pytest.mark.parametrize("params", RULES)
def test_nobody_is_paid_for_a_weight_on_himself(params: EpochParams) -> None:
    output = run_epoch(epoch(params, weights=(row(u0=65535, u2=65535), row(u1=65535, u2=65535), (), ())))
    assert output.incentive == (0, 0, 65535, 0)


def test_the_owner_may_weigh_himself() -> None:
    output = run_epoch(epoch(owner_uid=0, weights=(row(u0=65535), row(u0=65535), (), ())))
    assert output.incentive[0] == 65535


def test_a_weight_as_old_as_the_miners_registration_is_void() -> None:
    newer = run_epoch(epoch(block_at_registration=(1, 1, 1, 89)))
    same = run_epoch(epoch(block_at_registration=(1, 1, 1, 90)))
    assert newer.incentive[3] > 0
    assert same.incentive[3] == 0


def test_a_commit_older_than_the_registration_voids_the_weight() -> None:
    secret = dataclasses.replace(YUMA3, commit_reveal=True)
    late = epoch(secret, block_at_registration=(1, 1, 1, 80), oldest_commit=(79, 80, None, None))
    output = run_epoch(late)
    assert output.consensus[3] == 0  # only the smaller validator's weight still counts
    assert run_epoch(dataclasses.replace(late, oldest_commit=(80, 80, None, None))).consensus[3] > 0
    assert run_epoch(epoch(secret, block_at_registration=(1, 1, 1, 80))).consensus[3] > 0


def test_bonds_to_a_replaced_miner_are_forgotten() -> None:
    bonds = (row(u2=65535, u3=65535), row(u2=65535, u3=65535), (), ())
    kept = run_epoch(epoch(bonds=bonds, block_at_registration=(1, 1, 1, 50), weights=((), (), (), ())))
    gone = run_epoch(epoch(bonds=bonds, block_at_registration=(1, 1, 1, 51), weights=((), (), (), ())))
    assert dict(kept.bonds[0])[3] > 0
    assert 3 not in dict(gone.bonds[0])
    assert dict(gone.bonds[0])[2] == dict(kept.bonds[0])[2]


def test_the_first_epoch_masks_bonds_by_tempo() -> None:
    bonds = (row(u2=65535), (), (), ())
    params = dataclasses.replace(YUMA3, tempo_blocks=20)
    fresh = run_epoch(epoch(params, bonds=bonds, block_at_registration=(1, 1, 80, 1), last_mechanism_step=0))
    old = run_epoch(epoch(params, bonds=bonds, block_at_registration=(1, 1, 79, 1), last_mechanism_step=0))
    assert dict(old.bonds[0])[2] > dict(fresh.bonds[0])[2]


def test_an_inactive_validator_has_no_say() -> None:
    output = run_epoch(
        epoch(
            dataclasses.replace(YUMA3, activity_cutoff_blocks=9),
            last_update=(90, 91, 91, 91),
            weights=(row(u2=65535), row(u3=65535), (), ()),
        )
    )
    assert output.active == (False, True, True, True)
    assert output.incentive == (0, 0, 0, 65535)
    assert output.dividends[0] == 0


def test_permits_go_to_the_highest_stake_and_a_tie_drops_the_lower_uid() -> None:
    output = run_epoch(epoch(stake_q64=(5 << 64, 7 << 64, 5 << 64, 0)))
    assert output.new_validator_permits == (False, True, True, False)
    assert not any(run_epoch(epoch(stake_q64=(0, 0, 0, 0))).new_validator_permits)


def test_the_owner_always_has_a_permit() -> None:
    assert run_epoch(epoch(owner_uid=3)).new_validator_permits == (True, True, False, True)


def test_bonds_are_kept_for_new_permits_only() -> None:
    output = run_epoch(epoch(stake_q64=(60 << 64, 40 << 64, 50 << 64, 0)))
    assert output.new_validator_permits == (True, False, True, False)
    assert output.bonds[0]
    assert output.bonds[1] == ()


def test_stake_below_the_threshold_counts_for_nothing() -> None:
    assert run_epoch(epoch(dataclasses.replace(YUMA3, stake_threshold_rao=40))).stake_weight[1] > 0
    params = dataclasses.replace(YUMA3, stake_threshold_rao=41)
    assert run_epoch(epoch(params)).stake_weight == (65535, 0, 0, 0)
    assert run_epoch(epoch(params, owner_uid=1)).stake_weight[1] > 0


def test_without_weights_emission_goes_by_stake() -> None:
    output = run_epoch(epoch(weights=((), (), (), ())))
    assert output.server_emission == (0, 0, 0, 0)
    assert abs(output.emission[0] - 60 * E // 100) < 1_000
    idle = run_epoch(epoch(weights=((), (), (), ()), validator_permits=(False, True, False, False)))
    assert idle.emission == (0, E, 0, 0)
    nobody = run_epoch(epoch(weights=((), (), (), ()), validator_permits=(False,) * 4))
    assert abs(nobody.emission[0] - 60 * E // 100) < 1_000


def test_bonds_move_a_tenth_of_the_way() -> None:
    output = run_epoch(epoch(YUMA3, weights=(row(u2=65535), row(u2=65535), (), ())))
    assert dict(output.bonds[0])[2] in (6_553, 6_554)


def test_liquid_bonds_move_faster_the_farther_a_weight_is_from_consensus() -> None:
    """Nothing is clipped here, so validator 1's lone support of miner 3 reaches the bonds."""
    params = dataclasses.replace(LIQUID, bonds_penalty_u16=0)
    output = run_epoch(epoch(params, weights=(row(u2=65535), row(u2=32768, u3=32768), (), ())))
    toward_consensus, beyond = dict(output.bonds[1])[2] / 32_768, dict(output.bonds[1])[3] / 32_768
    assert 0.69 < toward_consensus < beyond < 0.91


def test_a_bond_without_a_weight_is_dropped_by_liquid_alpha_and_decays_without_it() -> None:
    bonds = (row(u2=65535, u3=65535), (), (), ())
    weights = (row(u2=65535), row(u2=65535), (), ())
    assert 3 not in dict(run_epoch(epoch(LIQUID, bonds=bonds, weights=weights)).bonds[0])
    assert dict(run_epoch(epoch(YUMA3, bonds=bonds, weights=weights)).bonds[0])[3] in (58_980, 58_981)


def test_without_consensus_liquid_bonds_move_like_the_others() -> None:
    bonds = (row(u2=65535), (), (), ())
    silent = run_epoch(epoch(LIQUID, bonds=bonds, weights=((), (), (), ())))
    assert silent.bonds == run_epoch(epoch(YUMA3, bonds=bonds, weights=((), (), (), ()))).bonds
    assert dict(silent.bonds[0])[2] in (58_980, 58_981)


def test_the_pruning_score_of_the_best_is_the_maximum() -> None:
    assert max(run_epoch(epoch()).pruning_score) == 65_535


@pytest.mark.parametrize(
    "change",
    [
        {"last_update": (1, 2, 3)},
        {"weights": (row(u4=1), (), (), ())},
        {"bonds": ((), (), ())},
        {"oldest_commit": (None,)},
    ],
)
def test_vectors_that_do_not_fit_together_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(EpochInputError):
        run_epoch(epoch(**change))


def test_an_empty_subnet_has_an_empty_epoch() -> None:
    output: EpochOutput = run_epoch(
        EpochInput(YUMA3, 5, E, (), (), (), (), (), ()),
    )
    assert output.emission == ()
