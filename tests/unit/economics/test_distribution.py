"""Payouts of an epoch."""

import dataclasses

import pytest

from node.economics.distribution import (
    Distribution,
    DistributionInput,
    Dividend,
    Earning,
    HotkeySnapshot,
    ParentLink,
    PendingEmission,
    distribute_epoch,
    root_dividends_in_tao,
)
from node.economics.errors import MissingHotkeyError
from node.primitives.fixed import U64_MAX, U96F32
from node.primitives.types import AccountId


def key(name: str) -> AccountId:
    return AccountId(name.encode().ljust(32, b"."))


def hotkey(name: str, alpha: int = 0, root: int = 0, take: int = 0, **more: object) -> HotkeySnapshot:
    snapshot = HotkeySnapshot(key(name), key(name + "-owner"), alpha, root, take)
    return dataclasses.replace(snapshot, **more)  # type: ignore[arg-type]


MINER, VALIDATOR, ROOT = hotkey("miner"), hotkey("validator", 1_000, 0, 32_768), hotkey("root", 0, 500)
PENDING = PendingEmission(server_rao=4_000, validator_rao=3_000, root_rao=1_000, owner_rao=2_000)


def run(*earnings: Earning, pending: PendingEmission = PENDING, **more: object) -> Distribution:
    base = DistributionInput(pending, earnings, (MINER, VALIDATOR, ROOT), frozenset(), U64_MAX)
    return distribute_epoch(dataclasses.replace(base, **more))  # type: ignore[arg-type]


def total(result: Distribution) -> int:
    return (
        result.owner_cut_rao
        + sum(incentive.amount_rao for incentive in result.incentives)
        + result.withheld_rao
        + sum(dividend.paid_rao for dividend in (*result.alpha_dividends, *result.root_dividends))
        + result.childkey_burned_rao
        + result.dust_rao
    )


def test_every_pending_rao_is_accounted_for() -> None:
    result = run(Earning(MINER.hotkey, 3_999, 0), Earning(VALIDATOR.hotkey, 0, 2_000), Earning(ROOT.hotkey, 0, 2_000))
    assert total(result) == 10_000
    assert result.dust_rao < 10


def test_miners_get_their_incentive_and_validators_their_half() -> None:
    result = run(Earning(MINER.hotkey, 4_000, 0), Earning(VALIDATOR.hotkey, 0, 4_000))
    assert [(i.hotkey, i.owner, i.amount_rao) for i in result.incentives] == [(MINER.hotkey, MINER.owner, 4_000)]
    (dividend,) = result.alpha_dividends
    assert 2_998 <= dividend.paid_rao <= 3_000
    assert abs(dividend.take_rao - dividend.rest_rao) <= 1


def test_root_stake_earns_the_root_part() -> None:
    result = run(Earning(MINER.hotkey, 4_000, 0), Earning(VALIDATOR.hotkey, 0, 2_000), Earning(ROOT.hotkey, 0, 2_000))
    assert [dividend.hotkey for dividend in result.root_dividends] == [ROOT.hotkey]
    assert result.root_alpha_rao == 1_000
    assert [dividend.hotkey for dividend in result.alpha_dividends] == [VALIDATOR.hotkey]


def test_validators_get_the_miners_half_when_no_miner_earned() -> None:
    result = run(Earning(VALIDATOR.hotkey, 0, 8_000))
    assert sum(dividend.paid_rao for dividend in result.alpha_dividends) >= 6_998


def test_the_owners_own_miners_earn_nothing() -> None:
    result = run(
        Earning(MINER.hotkey, 1_000, 0),
        Earning(VALIDATOR.hotkey, 3_000, 4_000),
        withheld=frozenset({MINER.hotkey}),
    )
    assert result.withheld_rao == 1_000
    assert result.miner_burned_q32 == U96F32.one // 4
    assert [incentive.hotkey for incentive in result.incentives] == [VALIDATOR.hotkey]


def test_more_incentive_than_the_miners_half_is_taken_from_the_validators() -> None:
    result = run(Earning(MINER.hotkey, 4_005, 0), Earning(VALIDATOR.hotkey, 0, 3_995))
    assert total(result) == 10_000
    assert sum(dividend.paid_rao for dividend in result.alpha_dividends) <= 2_995


def test_unearned_emission_becomes_dust() -> None:
    result = run()
    assert result.dust_rao == PENDING.epoch_emission_rao
    assert result.miner_burned_q32 == 0


def test_a_parent_gets_its_part_and_the_take_applies_to_it() -> None:
    parent = hotkey("parent", 3_000, 0, 65_535)
    child = hotkey("child", 1_000, 0, 0, parents=(ParentLink(parent.hotkey, U64_MAX),))
    result = run(
        Earning(MINER.hotkey, 4_000, 0),
        Earning(child.hotkey, 0, 4_000),
        hotkeys=(MINER, parent, child),
        pending=PendingEmission(4_000, 4_000, 0, 0),
    )
    paid = {dividend.hotkey: dividend for dividend in result.alpha_dividends}
    assert abs(paid[parent.hotkey].take_rao - 3_000) <= 2
    assert paid[parent.hotkey].rest_rao <= 1
    assert abs(paid[child.hotkey].rest_rao - 1_000) <= 2


def test_a_hotkey_without_stake_pays_everything_to_its_owner() -> None:
    parent = hotkey("parent", 3_000)
    child = hotkey("child", 0, 0, 0, childkey_take_u16=32_768, parents=(ParentLink(parent.hotkey, U64_MAX),))
    result = run(
        Earning(child.hotkey, 0, 4_000),
        hotkeys=(parent, child),
        pending=PendingEmission(0, 4_000, 0, 0),
    )
    paid = {dividend.hotkey: dividend for dividend in result.alpha_dividends}
    assert paid[child.hotkey].rest_rao == 0
    assert abs(paid[child.hotkey].take_rao - 2_000) <= 2


def test_burned_childkey_dividends_are_not_paid_to_others() -> None:
    parent = hotkey("parent", 1_000)
    child = hotkey("child", 1_000, parents=(ParentLink(parent.hotkey, U64_MAX),))
    result = run(
        Earning(child.hotkey, 0, 4_000),
        hotkeys=(parent, child),
        pending=PendingEmission(0, 4_000, 0, 0),
        childkey_burn_u64=U64_MAX,
    )
    assert result.childkey_burned_rao == 2_000
    assert total(result) == 4_000


def test_dividends_are_ordered_by_hotkey_bytes() -> None:
    a, b = hotkey("a", 100), hotkey("b", 100)
    result = run(Earning(b.hotkey, 0, 10), Earning(a.hotkey, 0, 10), hotkeys=(b, a))
    assert [dividend.hotkey for dividend in result.alpha_dividends] == [a.hotkey, b.hotkey]


def test_an_unknown_hotkey_is_refused_by_name() -> None:
    with pytest.raises(MissingHotkeyError, match=key("nobody").hex()):
        run(Earning(key("nobody"), 1, 0))
    orphan = hotkey("orphan", 1, parents=(ParentLink(key("nobody"), 1),))
    with pytest.raises(MissingHotkeyError):
        run(Earning(orphan.hotkey, 0, 1), hotkeys=(orphan,))


def test_proceeds_of_the_sale_are_divided_like_the_alpha() -> None:
    dividends = [Dividend(key("a"), key("o"), 10, 30), Dividend(key("b"), key("o"), 0, 60)]
    tao = root_dividends_in_tao(dividends, 51)
    assert [(d.take_rao, d.rest_rao) for d in tao] == [(5, 15), (0, 30)]
    assert root_dividends_in_tao([], 51) == ()
