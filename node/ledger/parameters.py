"""The numbers that govern a network: chain-wide `Parameters` and each subnet's `Hyperparameters`.

Both are stored in the state, so they can change only by a rule of the state. Field names carry units; `_u16` and `_u64`
are proportions with the type's maximum as 1, `_q32` and `_q60` fixed-point numbers. Defaults are the field's.
"""

from typing import Annotated

import msgspec

from node.economics import amm, emission, registration
from node.economics.yuma.types import EpochParams
from node.primitives.codec import Wire
from node.primitives.limits import AUTHORITIES_MAX, REVEAL_PERIOD_EPOCHS_MAX, SUBNETS_MAX, UIDS_MAX, VALIDATORS_MAX
from node.primitives.types import MAX_SUPPLY_RAO, RAO_PER_TAO

U16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
U63 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_SUPPLY_RAO)]
Ppm = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Parameters(Wire, frozen=True):
    """What holds for the whole chain."""

    base_fee_rao: Amount = 100_000
    byte_fee_rao: Amount = 100
    existential_deposit_rao: Amount = 500
    min_stake_rao: Amount = 2_000_000
    stake_threshold_rao: Amount = 1000 * RAO_PER_TAO
    """Stake weight below which a hotkey sets no weights and counts nothing in an epoch (the subnet owner is exempt)."""
    tao_weight_u64: U63 = emission.TAO_WEIGHT_DEFAULT_U64
    """How much a root τ weighs against an α; 2^64 - 1 would be 1, so at most one half."""
    owner_cut_u16: U16 = emission.OWNER_CUT_DEFAULT_U16
    moving_alpha_q32: U63 = emission.MOVING_ALPHA_DEFAULT_Q32
    take_default_u16: U16 = 11_796
    take_min_u16: U16 = 0
    take_max_u16: U16 = 11_796
    take_rate_limit_blocks: U63 = 216_000
    swap_fee_u16: Annotated[int, msgspec.Meta(ge=0, le=amm.FEE_RATE_MAX_U16)] = amm.FEE_RATE_DEFAULT_U16
    min_non_immune_uids: U16 = registration.MIN_NON_IMMUNE_UIDS_DEFAULT
    commitment_rate_limit_blocks: U63 = 100
    childkey_take_min_u16: U16 = 0
    childkey_take_max_u16: U16 = 11_796
    childkey_take_rate_limit_blocks: U63 = 216_000
    childkey_burn_u64: U63 = 0
    """Part of what children earn for other coldkeys' parents that is recycled; 2^64 - 1 would be 1."""
    children_rate_limit_blocks: U63 = 150
    children_cooldown_blocks: U63 = 7200
    """How long a new set of children waits for its epoch once a subnet has started."""
    hotkey_swap_rao: Amount = RAO_PER_TAO // 10
    hotkey_swap_on_subnet_rao: Amount = RAO_PER_TAO // 1000
    hotkey_swap_rate_limit_blocks: U63 = 1000
    hotkey_swap_on_subnet_rate_limit_blocks: U63 = 7200
    coldkey_swap_rao: Amount = RAO_PER_TAO // 10
    coldkey_swap_delay_blocks: U63 = 36_000
    coldkey_swap_second_thoughts_blocks: U63 = 7200
    """How long after its due block an announced swap stays as it is: no other announcement, no clearing."""
    nominator_min_stake_ppm: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    """Positions of nominators worth less than this part of the minimum stake are sold when touched; 0 turns it off."""
    subnet_limit: Annotated[int, msgspec.Meta(ge=1, le=SUBNETS_MAX)] = SUBNETS_MAX
    """With so many subnets a new one takes the place of the one with the lowest moving price."""
    network_rate_limit_blocks: U63 = 7200
    """Least time between two creations, whoever pays."""
    network_immunity_blocks: U63 = 1_296_000
    """How long a new subnet cannot be pruned."""
    network_min_lock_rao: Amount = registration.NETWORK_LOCK_MIN_DEFAULT_RAO
    network_lock_reduction_blocks: U63 = registration.LOCK_REDUCTION_DEFAULT_BLOCKS
    """How long the lock cost takes to fall back to the last price (scaled by the block emission)."""
    start_call_delay_blocks: U63 = 0
    new_subnet_emission: bool = True
    """Whether a new subnet shares in the block's τ from its start, or once a proposal turns `emission_enabled` on."""
    admin_freeze_blocks: U63 = 10
    """So many blocks before an epoch its subnet's owner changes nothing."""
    owner_rate_limit_tempos: U16 = 2
    """Least time between two changes of one hyperparameter by the owner."""
    trim_rate_limit_blocks: U63 = 216_000
    proposal_duration_blocks: U63 = 3600
    """Least time the Senate has to vote; 12 hours."""
    authorities_min: Annotated[int, msgspec.Meta(ge=1, le=AUTHORITIES_MAX)] = 4
    authority_change_bounded: bool = True
    """Whether one change of the authority set may move at most a third of its weight."""
    unbonding_blocks: U63 = 100_800
    """How long a bond stays liable after it was asked back; 14 days, more than evidence may be old."""
    evidence_age_blocks: U63 = 93_600
    """Age up to which evidence is heard, and convictions count together; 13 days."""
    pos_lead_epochs: U63 = 280
    """Least notice of the move to proof of stake, in authority epochs; 14 days."""
    pos_joint_epochs_min: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] = 14
    """Least length of the joint phase: time to see both quorums work, and to abort."""
    validator_bond_min_rao: Amount = 1000 * RAO_PER_TAO
    """Smallest bond with which a hotkey is a validator under proof of stake."""
    channel_dispute_blocks: U63 = 7200
    """How long a payee can bring its last voucher after the payer began to close; a day."""


class Hyperparameters(Wire, frozen=True):
    """What holds for one subnet."""

    tempo_blocks: Annotated[int, msgspec.Meta(ge=1, le=50_400)] = 360
    immunity_blocks: U16 = 5000
    min_allowed_weights: U16 = 1
    max_uids: Annotated[int, msgspec.Meta(ge=1, le=UIDS_MAX)] = UIDS_MAX
    max_validators: Annotated[int, msgspec.Meta(ge=1, le=VALIDATORS_MAX)] = VALIDATORS_MAX
    kappa_u16: U16 = 32_767
    activity_cutoff_blocks: U63 = 5000
    weights_rate_limit_blocks: U63 = 100
    weights_version_key: U63 = 0
    serving_rate_limit_blocks: U63 = 50
    bonds_moving_average_ppm: Ppm = 900_000
    bonds_penalty_u16: U16 = 65_535
    yuma3: bool = True
    liquid_alpha: bool = False
    alpha_low_u16: U16 = 45_875
    alpha_high_u16: U16 = 58_982
    alpha_sigmoid_steepness: Annotated[int, msgspec.Meta(ge=0, le=32_767)] = 1000
    registration_allowed: bool = True
    burn_start_rao: Amount = registration.BURN_START_DEFAULT_RAO
    burn_min_rao: Amount = registration.BURN_MIN_DEFAULT_RAO
    burn_max_rao: Amount = registration.BURN_MAX_DEFAULT_RAO
    burn_half_life_blocks: Annotated[int, msgspec.Meta(ge=0, le=36_100)] = registration.BURN_HALF_LIFE_DEFAULT_BLOCKS
    burn_increase_q60: Annotated[int, msgspec.Meta(ge=1 << 60, le=3 << 60)] = (
        registration.BURN_INCREASE_DEFAULT_Q64 >> 4
    )
    """Factor of the burn price at each registration."""
    price_halving_blocks: U63 = emission.PRICE_HALVING_DEFAULT_BLOCKS
    owner_cut_enabled: bool = True
    emission_enabled: bool = True
    """Whether the subnet shares in the block's τ; α is emitted either way."""
    recycle_withheld: bool = False
    """Whether incentive withheld from the owner's miners leaves the α issuance (else it is burned)."""
    immune_owner_uids: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    commit_reveal: bool = True
    """Whether weights are committed first and revealed `reveal_period_epochs` later; plain weights are then refused."""
    reveal_period_epochs: Annotated[int, msgspec.Meta(ge=1, le=REVEAL_PERIOD_EPOCHS_MAX)] = 1
    bonds_reset: bool = False
    """Whether a miner can reset the bonds on it (when its model changes, say)."""
    childkey_take_min_u16: U16 = 0
    min_allowed_uids: Annotated[int, msgspec.Meta(ge=1, le=UIDS_MAX)] = 64
    """The owner cannot set `max_uids` below it."""
    transfers_enabled: bool = True
    """Whether stake may change its coldkey."""


def epoch_params(parameters: Parameters, subnet: Hyperparameters) -> EpochParams:
    """The numbers an epoch of a subnet runs with."""
    return EpochParams(
        kappa_u16=subnet.kappa_u16,
        bonds_penalty_u16=subnet.bonds_penalty_u16,
        bonds_moving_average_ppm=subnet.bonds_moving_average_ppm,
        activity_cutoff_blocks=subnet.activity_cutoff_blocks,
        tempo_blocks=subnet.tempo_blocks,
        max_validators=subnet.max_validators,
        stake_threshold_rao=parameters.stake_threshold_rao,
        yuma3=subnet.yuma3,
        liquid_alpha=subnet.liquid_alpha,
        alpha_low_u16=subnet.alpha_low_u16,
        alpha_high_u16=subnet.alpha_high_u16,
        alpha_sigmoid_steepness=subnet.alpha_sigmoid_steepness,
        commit_reveal=subnet.commit_reveal,
    )
