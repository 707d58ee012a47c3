"""Read models: what screens, tools and roles may ask of a state. Read only; bounded by index lists, never by scans.

Amounts are rao (τ or α, units of 10^-9); `_u16` fields are shares with 65 535 as 1; prices are τ per α in units of
10^-9.
"""

from dataclasses import dataclass

from node.ledger.header import Authority
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import StateView
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid, Rao, SetId, Slot, Uid


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """The network and where it is."""

    name: str
    start_ms: int
    slot_ms: int
    epoch_slots: int
    height: Height
    slot: Slot
    producer: AccountId
    total_issuance_rao: Rao
    block_emission_rao: Rao


@dataclass(frozen=True, slots=True)
class StakePosition:
    """What a coldkey holds behind a hotkey; `value_rao` is its worth at the spot price."""

    coldkey: AccountId
    hotkey: AccountId
    netuid: NetUid
    alpha: Alpha
    value_rao: Rao


@dataclass(frozen=True, slots=True)
class HotkeyInfo:
    """A hotkey's account."""

    hotkey: AccountId
    coldkey: AccountId
    take_u16: int
    delegate: bool
    """Whether somebody else has staked to it."""


@dataclass(frozen=True, slots=True)
class SubnetInfo:
    """A subnet as screens show it."""

    netuid: NetUid
    name: str
    owner_hotkey: AccountId
    owner_coldkey: AccountId
    registered_at: Height
    started: bool
    price_rao: Rao
    moving_price_rao: Rao
    tao_in_pool_rao: Rao
    alpha_in_pool: Alpha
    alpha_out: Alpha
    protocol_alpha: Alpha
    tao_emission_rao: Rao
    """τ the last block put into the pool."""
    alpha_emission: Alpha
    """α the last block minted for participants."""
    pending_alpha: Alpha
    """To be shared out by the next epoch."""
    tempo_blocks: int
    blocks_to_epoch: int
    last_epoch_height: Height
    neurons: int
    max_uids: int
    burn_rao: Rao
    """Price of a registration now."""
    registration_open: bool
    hyperparameters: Hyperparameters


@dataclass(frozen=True, slots=True)
class NeuronRow:
    """One seat of a subnet; scores are those of the last epoch."""

    uid: Uid
    hotkey: AccountId
    coldkey: AccountId
    peer_id: str
    """"" while it has not published one."""
    addresses: tuple[str, ...]
    stake_weight_rao: int
    """α stake and weighted root stake behind the hotkey now."""
    alpha_stake: Alpha
    root_stake_rao: Rao
    active: bool
    validator_permit: bool
    incentive_u16: int
    dividends_u16: int
    consensus_u16: int
    validator_trust_u16: int
    rank_u16: int
    trust_u16: int
    emission_alpha: Alpha
    last_update: Height
    registered_at: Height


@dataclass(frozen=True, slots=True)
class Metagraph:
    """A subnet's neurons, by uid."""

    netuid: NetUid
    height: Height
    subnet: SubnetInfo
    rows: tuple[NeuronRow, ...]


@dataclass(frozen=True, slots=True)
class AuthoritySetInfo:
    """The authorities and the hash headers carry for them."""

    set_id: SetId
    members: tuple[Authority, ...]
    hash: Hash


@dataclass(frozen=True, slots=True)
class SwapQuote:
    """What staking or unstaking would give now; `fee_rao` is in the token paid in."""

    amount_in: int
    amount_out: int
    fee_rao: int
    price_before_rao: int
    price_after_rao: int
    price_impact_ppm: int
    """How much worse than the spot price, fee included."""


def chain_info(view: StateView) -> ChainInfo:
    """The network's name, clock and issuance."""
    raise NotImplementedError


def balance(view: StateView, account: AccountId) -> Rao:
    """Free τ; 0 for an unknown account."""
    raise NotImplementedError


def nonce(view: StateView, account: AccountId) -> int:
    """The next nonce; 0 for an unknown account."""
    raise NotImplementedError


def block_hash(view: StateView, height: Height) -> Hash | None:
    """The hash of one of the 4 096 blocks before the state's own; None outside of them."""
    raise NotImplementedError


def hotkey(view: StateView, account: AccountId) -> HotkeyInfo | None:
    """A hotkey's owner and take; None if nobody registered it."""
    raise NotImplementedError


def stakes_of(view: StateView, coldkey: AccountId) -> tuple[StakePosition, ...]:
    """A coldkey's positions, at most NOMINATIONS_LISTED_MAX."""
    raise NotImplementedError


def nominators_of(view: StateView, hotkey_account: AccountId, netuid: NetUid) -> tuple[StakePosition, ...]:
    """Who stakes behind a hotkey on a subnet, at most NOMINATIONS_LISTED_MAX."""
    raise NotImplementedError


def subnets(view: StateView) -> tuple[SubnetInfo, ...]:
    """Every subnet but root, by netuid."""
    raise NotImplementedError


def subnet(view: StateView, netuid: NetUid) -> SubnetInfo:
    """One subnet. Raises SubnetNotExists."""
    raise NotImplementedError


def metagraph(view: StateView, netuid: NetUid) -> Metagraph:
    """A subnet and its neurons. Raises SubnetNotExists."""
    raise NotImplementedError


def uid_of(view: StateView, netuid: NetUid, hotkey_account: AccountId) -> Uid | None:
    """A hotkey's seat, or None."""
    raise NotImplementedError


def weights_of(view: StateView, netuid: NetUid, uid: Uid) -> tuple[tuple[int, int], ...]:
    """A neuron's weights as (uid, u16)."""
    raise NotImplementedError


def commitment(view: StateView, netuid: NetUid, hotkey_account: AccountId) -> bytes:
    """A neuron's commitment; empty if there is none."""
    raise NotImplementedError


def authority_set(view: StateView) -> AuthoritySetInfo:
    """The set that finalises the next block."""
    raise NotImplementedError


def parameters(view: StateView) -> Parameters:
    """The chain-wide parameters."""
    raise NotImplementedError


def total_issuance(view: StateView) -> Rao:
    """All τ in existence."""
    raise NotImplementedError


def fee_of(view: StateView, raw_size_bytes: int) -> Rao:
    """The fee of a paid transaction of that size, without tip."""
    raise NotImplementedError


def quote_stake(view: StateView, netuid: NetUid, amount_rao: Rao) -> SwapQuote:
    """What staking τ would give in α. Raises the errors of `AddStake`."""
    raise NotImplementedError


def quote_unstake(view: StateView, netuid: NetUid, amount_alpha: Alpha) -> SwapQuote:
    """What unstaking α would give in τ. Raises the errors of `RemoveStake`."""
    raise NotImplementedError
