"""Nothing is created and nothing is lost when an epoch is paid out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.economics.distribution import (
    DistributionInput,
    Earning,
    HotkeySnapshot,
    ParentLink,
    PendingEmission,
    distribute_epoch,
    root_dividends_in_tao,
)
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochParams
from node.primitives.fixed import U64_MAX
from node.primitives.types import AccountId

N = 5
AMOUNTS = st.integers(0, 10**15)
BOUNDED = settings(max_examples=150, deadline=None, derandomize=True)


def account(number: int) -> AccountId:
    return AccountId(bytes([number]) * 32)


@st.composite
def distributions(draw: st.DrawFn) -> DistributionInput:
    """An epoch's own emission over random stake and weights, with lent stake and an owner."""
    stake = draw(st.lists(AMOUNTS, min_size=N, max_size=N))
    weights = tuple(
        tuple((j, draw(st.integers(0, 65_535))) for j in range(N)) if draw(st.booleans()) else () for _ in range(N)
    )
    pending = PendingEmission(*(draw(AMOUNTS) for _ in range(4)))
    output = run_epoch(
        EpochInput(
            EpochParams(yuma3=draw(st.booleans()), liquid_alpha=draw(st.booleans()), max_validators=3),
            100,
            pending.epoch_emission_rao,
            tuple(amount << 64 for amount in stake),
            tuple(draw(st.booleans()) for _ in range(N)),
            (90,) * N,
            (1,) * N,
            weights,
            ((),) * N,
        )
    )
    hotkeys = tuple(
        HotkeySnapshot(
            account(uid),
            account(100 + uid % 3),
            draw(AMOUNTS),
            draw(AMOUNTS),
            draw(st.integers(0, 65_535)),
            draw(st.integers(0, 65_535)),
            (draw(st.integers(0, U64_MAX)),) if draw(st.booleans()) else (),
            (ParentLink(account((uid + 1) % N), draw(st.integers(0, U64_MAX))),) if draw(st.booleans()) else (),
        )
        for uid in range(N)
    )
    earnings = tuple(
        Earning(account(uid), output.server_emission[uid], output.validator_emission[uid]) for uid in range(N)
    )
    owner = frozenset({account(0)}) if draw(st.booleans()) else frozenset[AccountId]()
    return DistributionInput(pending, earnings, hotkeys, owner, draw(st.integers(0, U64_MAX)))


@BOUNDED
@given(distributions())
def test_all_parts_of_a_payout_sum_to_what_was_pending(inputs: DistributionInput) -> None:
    result = distribute_epoch(inputs)
    dividends = (*result.alpha_dividends, *result.root_dividends)
    paid = (
        result.owner_cut_rao
        + sum(incentive.amount_rao for incentive in result.incentives)
        + result.withheld_rao
        + sum(dividend.paid_rao for dividend in dividends)
        + result.childkey_burned_rao
        + result.dust_rao
    )
    assert paid == inputs.pending.epoch_emission_rao + inputs.pending.owner_rao
    assert min(result.dust_rao, *(min(d.take_rao, d.rest_rao) for d in dividends), 0) == 0
    assert result.root_alpha_rao <= inputs.pending.root_rao


@BOUNDED
@given(distributions(), AMOUNTS)
def test_a_sale_of_root_alpha_never_pays_more_than_it_brought(inputs: DistributionInput, proceeds: int) -> None:
    result = distribute_epoch(inputs)
    tao = root_dividends_in_tao(result.root_dividends, proceeds)
    assert sum(dividend.paid_rao for dividend in tao) <= proceeds
    assert [dividend.hotkey for dividend in tao] == [dividend.hotkey for dividend in result.root_dividends]


@BOUNDED
@given(distributions())
def test_the_order_of_snapshots_does_not_matter(inputs: DistributionInput) -> None:
    swapped = DistributionInput(
        inputs.pending, inputs.earnings, inputs.hotkeys[::-1], inputs.withheld, inputs.tao_weight_u64
    )
    assert distribute_epoch(swapped) == distribute_epoch(inputs)
