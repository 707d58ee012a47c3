"""Who gets an epoch's pending amounts: miners, validators with their parents and nominators, root stakers, the owner.

Pure: it reads a snapshot and returns payouts. Never pays out more than was pending: what rounding leaves is `dust_rao`.
Root stakers earn τ as root stake once an epoch: the ledger sells `root_alpha_rao` in one fee-less swap and divides the
proceeds with `root_dividends_in_tao`. That keeps one kind of root position (a share of root stake), no claim rate per
(hotkey, subnet) and no claim map per nominator, and sells once per epoch instead of once per block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.economics.children import ParentStake, split_dividend
from node.economics.emission import tao_weight_q32
from node.economics.errors import MissingHotkeyError
from node.primitives.errors import invariant
from node.primitives.fixed import U16_ONE, U96F32, clamp
from node.primitives.types import AccountId


@dataclass(frozen=True, slots=True)
class PendingEmission:
    """A subnet's pending α in rao, all of it drained by an epoch."""

    server_rao: int
    validator_rao: int
    root_rao: int
    owner_rao: int

    @property
    def epoch_emission_rao(self) -> int:
        """What the epoch shares out between miners and validators."""
        return self.server_rao + self.validator_rao + self.root_rao


@dataclass(frozen=True, slots=True)
class ParentLink:
    """A hotkey that lends part of its stake to another."""

    hotkey: AccountId
    proportion_u64: int


@dataclass(frozen=True, slots=True)
class HotkeySnapshot:
    """One hotkey as an epoch's distribution sees it; stakes are its own, before any lending."""

    hotkey: AccountId
    owner: AccountId
    alpha_stake_rao: int
    root_stake_rao: int
    take_u16: int
    childkey_take_u16: int = 0
    children_u64: tuple[int, ...] = ()
    """Proportions lent to children on this subnet."""
    parents: tuple[ParentLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Earning:
    """What the epoch gave the neuron of one hotkey, in α rao: server and validator emission of its uid."""

    hotkey: AccountId
    incentive_rao: int
    dividend_rao: int


@dataclass(frozen=True, slots=True)
class DistributionInput:
    """All an epoch's distribution depends on."""

    pending: PendingEmission
    earnings: tuple[Earning, ...]
    """In uid order, a hotkey at most once."""
    hotkeys: tuple[HotkeySnapshot, ...]
    """Every hotkey in `earnings` and every parent of one; order does not matter."""
    withheld: frozenset[AccountId]
    """The subnet owner's hotkeys: their incentive is not paid out."""
    tao_weight_u64: int
    childkey_burn_u64: int = 0


@dataclass(frozen=True, slots=True)
class Incentive:
    """α stake for a miner's hotkey, credited to the coldkey that owns it."""

    hotkey: AccountId
    owner: AccountId
    amount_rao: int


@dataclass(frozen=True, slots=True)
class Dividend:
    """A validator's dividend: `take_rao` is stake of the owner, `rest_rao` raises the hotkey's whole share pool.

    `rest_rao` is 0 unless the hotkey has stake of the kind that is paid, so the pool it raises is never empty.
    """

    hotkey: AccountId
    owner: AccountId
    take_rao: int
    rest_rao: int

    @property
    def paid_rao(self) -> int:
        """Both parts."""
        return self.take_rao + self.rest_rao


@dataclass(frozen=True, slots=True)
class Distribution:
    """Payouts of one epoch in α rao: all parts, burned and dust included, sum to what was pending."""

    owner_cut_rao: int
    incentives: tuple[Incentive, ...]
    """In uid order, without zeros and without withheld ones."""
    withheld_rao: int
    """Incentive of the owner's hotkeys: burned or recycled as the subnet says."""
    miner_burned_q32: int
    """withheld / all incentive: lowers the subnet's τ share until its next epoch."""
    alpha_dividends: tuple[Dividend, ...]
    """Ordered by hotkey bytes."""
    root_dividends: tuple[Dividend, ...]
    """In α, to be sold; ordered by hotkey bytes."""
    root_alpha_rao: int
    """Sum of `root_dividends`: the α to sell for τ."""
    childkey_burned_rao: int
    """Recycled by the child-key burn rate (0 by default)."""
    dust_rao: int
    """Pending α that nobody received: rounding, or no validator to pay. To be recycled."""


def distribute_epoch(inputs: DistributionInput) -> Distribution:
    """Divide an epoch's pending α; raises `EconomicsError` if a hotkey of an earning or a parent has no snapshot."""
    hotkeys = {snapshot.hotkey: snapshot for snapshot in inputs.hotkeys}
    _check_snapshots(inputs, hotkeys)
    pending = inputs.pending
    incentive_rao = sum(earning.incentive_rao for earning in inputs.earnings)
    incentives, withheld_rao = _incentives(inputs, hotkeys)
    dividends, burned_rao = _dividends_with_parents(inputs, hotkeys)
    validator_rao = pending.validator_rao + (0 if incentive_rao else pending.server_rao)
    # Truncation inside the epoch can give miners a few rao more than their half: the validators' half pays for it.
    validator_rao = clamp(pending.epoch_emission_rao - incentive_rao - pending.root_rao, 0, validator_rao)
    root_rao = clamp(pending.epoch_emission_rao - incentive_rao - validator_rao, 0, pending.root_rao)
    burned_rao = min(burned_rao, validator_rao)
    weights = {key: (hotkeys[key].alpha_stake_rao, hotkeys[key].root_stake_rao) for key in dividends}
    paid = divide_dividends(
        dividends, weights, validator_rao - burned_rao, root_rao, tao_weight_q32(inputs.tao_weight_u64)
    )
    alpha_dividends = tuple(_dividend(hotkeys[key], alpha, weights[key][0]) for key, (alpha, _) in paid.items())
    root_dividends = tuple(_dividend(hotkeys[key], root, weights[key][1]) for key, (_, root) in paid.items())
    root_alpha_rao = sum(dividend.paid_rao for dividend in root_dividends)
    spent_rao = incentive_rao + sum(dividend.paid_rao for dividend in alpha_dividends) + root_alpha_rao + burned_rao
    dust_rao = pending.epoch_emission_rao - spent_rao
    invariant(dust_rao >= 0, "an epoch pays out no more than was pending")
    return Distribution(
        owner_cut_rao=pending.owner_rao,
        incentives=incentives,
        withheld_rao=withheld_rao,
        miner_burned_q32=U96F32.safe_div(withheld_rao, incentive_rao),
        alpha_dividends=tuple(dividend for dividend in alpha_dividends if dividend.paid_rao),
        root_dividends=tuple(dividend for dividend in root_dividends if dividend.paid_rao),
        root_alpha_rao=root_alpha_rao,
        childkey_burned_rao=burned_rao,
        dust_rao=dust_rao,
    )


def divide_dividends(
    dividends_rao: Mapping[AccountId, int],
    stakes_rao: Mapping[AccountId, tuple[int, int]],
    validator_rao: int,
    root_rao: int,
    tao_weight: int,
) -> dict[AccountId, tuple[int, int]]:
    """Pay the validators' and root's pending α by dividend, per hotkey (α part, root part) as U96F32 rao.

    `stakes_rao` holds (own α, own root τ); root's part of a dividend is t*tw / (a + t*tw). `tao_weight` is U96F32.
    """
    alpha_parts: dict[AccountId, int] = {}
    root_parts: dict[AccountId, int] = {}
    for hotkey, amount in dividends_rao.items():
        alpha, root = (U96F32.from_int(stake) for stake in stakes_rao[hotkey])
        weighted_root = U96F32.mul(root, tao_weight)
        dividend = U96F32.from_int(amount)
        root_parts[hotkey] = U96F32.mul(dividend, U96F32.safe_div(weighted_root, U96F32.add(alpha, weighted_root)))
        alpha_parts[hotkey] = U96F32.sub(dividend, root_parts[hotkey])
    alpha_total, root_total = sum(alpha_parts.values()), sum(root_parts.values())
    return {
        hotkey: (
            _paid(validator_rao, alpha_parts[hotkey], alpha_total),
            _paid(root_rao, root_parts[hotkey], root_total),
        )
        for hotkey in dividends_rao
    }


def split_take(paid_q32: int, take_u16: int) -> tuple[int, int]:
    """(take, rest) of a dividend in rao, each floored on its own; `paid_q32` is U96F32."""
    take = U96F32.mul(paid_q32, U96F32.from_ratio_floor(take_u16, U16_ONE))
    return U96F32.to_u64(take), U96F32.to_u64(U96F32.sub(paid_q32, take))


def _paid(pending_rao: int, part_q32: int, total_q32: int) -> int:
    return U96F32.mul(U96F32.from_int(pending_rao), U96F32.safe_div(part_q32, total_q32))


def _check_snapshots(inputs: DistributionInput, hotkeys: Mapping[AccountId, HotkeySnapshot]) -> None:
    for earning in inputs.earnings:
        parents = [link.hotkey for link in hotkeys[earning.hotkey].parents] if earning.hotkey in hotkeys else []
        for name in (earning.hotkey, *parents):
            if name not in hotkeys:
                raise MissingHotkeyError(f"Hotkey {name.hex()} has no snapshot.")


def _incentives(
    inputs: DistributionInput, hotkeys: Mapping[AccountId, HotkeySnapshot]
) -> tuple[tuple[Incentive, ...], int]:
    paid: list[Incentive] = []
    withheld_rao = 0
    for earning in inputs.earnings:
        if earning.hotkey in inputs.withheld:
            withheld_rao += earning.incentive_rao
        elif earning.incentive_rao:
            paid.append(Incentive(earning.hotkey, hotkeys[earning.hotkey].owner, earning.incentive_rao))
    return tuple(paid), withheld_rao


def _dividends_with_parents(
    inputs: DistributionInput, hotkeys: Mapping[AccountId, HotkeySnapshot]
) -> tuple[dict[AccountId, int], int]:
    """Dividends per receiving hotkey after the parents' split, ordered by hotkey bytes, and what was burned."""
    received: dict[AccountId, int] = {}
    burned_rao = 0
    for earning in inputs.earnings:
        child = hotkeys[earning.hotkey]
        parents = [
            ParentStake(
                link.proportion_u64,
                hotkeys[link.hotkey].alpha_stake_rao,
                hotkeys[link.hotkey].root_stake_rao,
                hotkeys[link.hotkey].owner == child.owner,
            )
            for link in child.parents
        ]
        shares = split_dividend(
            earning.dividend_rao,
            child.alpha_stake_rao,
            child.root_stake_rao,
            child.children_u64,
            parents,
            child.childkey_take_u16,
            inputs.tao_weight_u64,
            inputs.childkey_burn_u64,
        )
        burned_rao += shares.burned_rao
        names = (*(link.hotkey for link in child.parents), child.hotkey)
        for name, amount in zip(names, (*shares.parents_rao, shares.hotkey_rao), strict=True):
            received[name] = received.get(name, 0) + amount
    return {name: received[name] for name in sorted(received) if received[name]}, burned_rao


def _dividend(snapshot: HotkeySnapshot, paid_q32: int, stake_rao: int) -> Dividend:
    take_rao, rest_rao = split_take(paid_q32, snapshot.take_u16)
    if stake_rao == 0:  # nobody's stake stands behind the hotkey (it earned a child-key take): all is its owner's
        take_rao, rest_rao = take_rao + rest_rao, 0
    return Dividend(snapshot.hotkey, snapshot.owner, take_rao, rest_rao)


def root_dividends_in_tao(root_dividends: Sequence[Dividend], proceeds_rao: int) -> tuple[Dividend, ...]:
    """The root dividends in τ after the sale: each part is floor(part * proceeds / total); the remainder is unpaid.

    `take_rao` and `rest_rao` are both added as root stake: the first to the owner, the second to the share pool.
    """
    total_rao = sum(dividend.paid_rao for dividend in root_dividends)
    if total_rao == 0:
        return ()
    return tuple(
        Dividend(
            dividend.hotkey,
            dividend.owner,
            dividend.take_rao * proceeds_rao // total_rao,
            dividend.rest_rao * proceeds_rao // total_rao,
        )
        for dividend in root_dividends
    )
