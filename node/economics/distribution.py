"""Who gets an epoch's pending amounts: miners, validators with their parents and nominators, root stakers, the owner.

Pure: it reads a snapshot and returns payouts. Never pays out more than was pending: what rounding leaves is `dust_rao`.
Root stakers earn τ as root stake once an epoch: the ledger sells `root_alpha_rao` in one fee-less swap and divides the
proceeds with `root_dividends_in_tao`. That keeps one kind of root position (a share of root stake), no claim rate per
(hotkey, subnet) and no claim map per nominator, and sells once per epoch instead of once per block.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """A validator's dividend: `take_rao` is stake of the owner, `rest_rao` raises the hotkey's whole share pool."""

    hotkey: AccountId
    owner: AccountId
    take_rao: int
    rest_rao: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Payouts of one epoch; amounts in α rao sum to the pending amounts exactly (see `dust_rao`)."""

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
    raise NotImplementedError


def root_dividends_in_tao(root_dividends: Sequence[Dividend], proceeds_rao: int) -> tuple[Dividend, ...]:
    """The root dividends in τ after the sale: each part is floor(part * proceeds / total); the remainder is unpaid.

    `take_rao` and `rest_rao` are both added as root stake: the first to the owner, the second to the share pool.
    """
    raise NotImplementedError
