"""Read models: what screens, tools and roles may ask of a state. Read only; bounded by index lists, never by scans.

Amounts are rao (τ or α, units of 10^-9); `_u16` fields are shares with 65 535 as 1; prices are τ per α in units of
10^-9.
"""

from dataclasses import dataclass

from node.economics import amm
from node.economics.clock import blocks_until_next_epoch
from node.economics.emission import block_emission
from node.ledger.fees import size_fee
from node.ledger.header import Authority, set_hash
from node.ledger.pallets import (
    accounts,
    authority,
    children,
    emission,
    neurons,
    registration,
    scores,
    staking,
    system,
    turns,
)
from node.ledger.pallets import subnets as pools
from node.ledger.pallets import weights as weight_rows
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import StateView
from node.primitives.limits import NOMINATIONS_LISTED_MAX
from node.primitives.types import (
    RAO_PER_TAO,
    ROOT_NETUID,
    AccountId,
    Alpha,
    Hash,
    Height,
    NetUid,
    Rao,
    SetId,
    Slot,
    Uid,
)


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
    """The authorities and the hash headers carry for them; who of them leads no slot, for ever or for a while."""

    set_id: SetId
    members: tuple[Authority, ...]
    hash: Hash
    disabled: tuple[AccountId, ...]
    idle: tuple[AccountId, ...]
    idle_until: Slot


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
    network, clock = system.NETWORK.get(view), system.CLOCK.get(view)
    issuance_rao = accounts.ISSUANCE.get(view)
    return ChainInfo(
        name=network.name,
        start_ms=network.start_ms,
        slot_ms=network.slot_ms,
        epoch_slots=network.epoch_slots,
        height=clock.height,
        slot=clock.slot,
        producer=clock.producer,
        total_issuance_rao=Rao(issuance_rao),
        block_emission_rao=Rao(block_emission(issuance_rao)),
    )


def balance(view: StateView, account: AccountId) -> Rao:
    """Free τ; 0 for an unknown account."""
    return accounts.free_balance(view, account)


def nonce(view: StateView, account: AccountId) -> int:
    """The next nonce; 0 for an unknown account."""
    return accounts.ACCOUNT.get(view, account).nonce


def block_hash(view: StateView, height: Height) -> Hash | None:
    """The hash of one of the 4 096 blocks before the state's own; None outside of them."""
    return system.block_hash_at(view, height)


def hotkey(view: StateView, account: AccountId) -> HotkeyInfo | None:
    """A hotkey's owner and take; None if nobody registered it."""
    record = staking.HOTKEY.find(view, account)
    return None if record is None else HotkeyInfo(account, record.owner, record.take_u16, record.delegate)


def stakes_of(view: StateView, coldkey: AccountId) -> tuple[StakePosition, ...]:
    """A coldkey's positions, at most NOMINATIONS_LISTED_MAX."""
    keys = staking.POSITIONS.members(view, coldkey, limit=NOMINATIONS_LISTED_MAX)
    positions = (_position(view, coldkey, hotkey_account, netuid) for hotkey_account, netuid in keys)
    return tuple(position for position in positions if position.alpha)


def nominators_of(view: StateView, hotkey_account: AccountId, netuid: NetUid) -> tuple[StakePosition, ...]:
    """Who stakes behind a hotkey on a subnet, at most NOMINATIONS_LISTED_MAX."""
    coldkeys = staking.NOMINATORS.members(view, (hotkey_account, netuid), limit=NOMINATIONS_LISTED_MAX)
    positions = (_position(view, coldkey, hotkey_account, netuid) for coldkey in coldkeys)
    return tuple(position for position in positions if position.alpha)


def subnets(view: StateView) -> tuple[SubnetInfo, ...]:
    """Every subnet but root, by netuid."""
    return tuple(subnet(view, netuid) for netuid in pools.NETUIDS.get(view))


def subnet(view: StateView, netuid: NetUid) -> SubnetInfo:
    """One subnet. Raises SubnetNotExists."""
    record = pools.require(view, netuid)
    hyper, pool = pools.HYPERPARAMETERS.get(view, netuid), pools.POOL.get(view, netuid)
    emitted = emission.EMISSION.get(view, netuid)
    height = system.CLOCK.get(view).height
    return SubnetInfo(
        netuid=netuid,
        name=record.name,
        owner_hotkey=record.owner_hotkey,
        owner_coldkey=record.owner_coldkey,
        registered_at=record.registered_at,
        started=record.first_emission_block > 0,
        price_rao=Rao(_price_rao(view, netuid)),
        moving_price_rao=Rao(emitted.moving_price_q32 * RAO_PER_TAO >> 32),
        tao_in_pool_rao=Rao(pool.tao_rao),
        alpha_in_pool=Alpha(pool.alpha_in),
        alpha_out=Alpha(pool.alpha_out),
        protocol_alpha=Alpha(pool.protocol_alpha),
        tao_emission_rao=Rao(emitted.tao_in),
        alpha_emission=Alpha(emitted.alpha_out),
        pending_alpha=Alpha(emitted.pending_alpha),
        tempo_blocks=hyper.tempo_blocks,
        blocks_to_epoch=blocks_until_next_epoch(height, netuid, hyper.tempo_blocks) + 1,
        last_epoch_height=scores.SCORES.get(view, netuid).height,
        neurons=neurons.COUNT.get(view, netuid),
        max_uids=hyper.max_uids,
        burn_rao=registration.BURN.get(view, netuid).price_rao,
        registration_open=hyper.registration_allowed,
        hyperparameters=hyper,
    )


def metagraph(view: StateView, netuid: NetUid) -> Metagraph:
    """A subnet and its neurons. Raises SubnetNotExists."""
    info = subnet(view, netuid)
    tao_weight_u64 = system.PARAMETERS.get(view).tao_weight_u64
    last = scores.SCORES.get(view, netuid)
    rows = tuple(
        _neuron_row(view, netuid, Uid(uid), seat, last, tao_weight_u64)
        for uid, seat in enumerate(neurons.all_of(view, netuid))
    )
    return Metagraph(netuid, system.CLOCK.get(view).height, info, rows)


def neuron(view: StateView, netuid: NetUid, uid: Uid) -> NeuronRow | None:
    """One row of a metagraph; None for an empty seat. Raises SubnetNotExists."""
    pools.require(view, netuid)
    seat = neurons.NEURON.find(view, (netuid, uid))
    if seat is None:
        return None
    last, tao_weight_u64 = scores.SCORES.get(view, netuid), system.PARAMETERS.get(view).tao_weight_u64
    return _neuron_row(view, netuid, uid, seat, last, tao_weight_u64)


def uid_of(view: StateView, netuid: NetUid, hotkey_account: AccountId) -> Uid | None:
    """A hotkey's seat, or None."""
    return neurons.uid_of(view, netuid, hotkey_account)


def weights_of(view: StateView, netuid: NetUid, uid: Uid) -> tuple[tuple[int, int], ...]:
    """A neuron's weights as (uid, u16)."""
    return weight_rows.WEIGHTS.get(view, (netuid, uid))


def commitment(view: StateView, netuid: NetUid, hotkey_account: AccountId) -> bytes:
    """A neuron's commitment; empty if there is none."""
    record = neurons.COMMITMENT.find(view, (netuid, hotkey_account))
    return b"" if record is None else record.data


def authority_set(view: StateView) -> AuthoritySetInfo:
    """The set that finalises the next block."""
    current = authority.CURRENT.get(view)
    idle = turns.IDLE.get(view)
    return AuthoritySetInfo(
        current.set_id, current.members, set_hash(current.members), authority.DISABLED.get(view), idle.accounts,
        idle.until,
    )  # fmt: skip


def announced_height(view: StateView) -> Height:
    """The height of the block that announced the set which waits to follow; 0 while none does."""
    return authority.SCHEDULED.get(view).announced_height


def parameters(view: StateView) -> Parameters:
    """The chain-wide parameters."""
    return system.PARAMETERS.get(view)


def total_issuance(view: StateView) -> Rao:
    """All τ in existence."""
    return Rao(accounts.ISSUANCE.get(view))


def fee_of(view: StateView, raw_size_bytes: int) -> Rao:
    """The fee of a paid transaction of that size, without tip."""
    return size_fee(system.PARAMETERS.get(view), raw_size_bytes)


def quote_stake(view: StateView, netuid: NetUid, amount_rao: Rao) -> SwapQuote:
    """What staking τ would give in α. Raises SubnetNotExists, SubtokenDisabled or a refused swap's CallError."""
    return _quote(view, netuid, amm.Side.BUY, amount_rao)


def quote_unstake(view: StateView, netuid: NetUid, amount_alpha: Alpha) -> SwapQuote:
    """What unstaking α would give in τ. Raises SubnetNotExists, SubtokenDisabled or a refused swap's CallError."""
    return _quote(view, netuid, amm.Side.SELL, amount_alpha)


def _quote(view: StateView, netuid: NetUid, side: amm.Side, amount: int) -> SwapQuote:
    pools.require_stakeable(view, netuid)
    fee_u16 = 0 if netuid == ROOT_NETUID else system.PARAMETERS.get(view).swap_fee_u16
    swap = pools.simulate(view, netuid, side, amount, fee_u16=fee_u16)
    price_q64 = pools.price_q64(view, netuid)
    ideal = (amount << 64) // price_q64 if side is amm.Side.BUY else amount * price_q64 >> 64
    after_q64 = price_q64 if netuid == ROOT_NETUID else amm.price(swap.pool)
    return SwapQuote(
        amount_in=amount,
        amount_out=swap.out_rao,
        fee_rao=swap.fee_rao,
        price_before_rao=_price_rao(view, netuid),
        price_after_rao=after_q64 * RAO_PER_TAO >> 64,
        price_impact_ppm=max(0, ideal - swap.out_rao) * 1_000_000 // ideal if ideal else 0,
    )


def _price_rao(view: StateView, netuid: NetUid) -> int:
    return pools.price_q64(view, netuid) * RAO_PER_TAO >> 64


def _position(view: StateView, coldkey: AccountId, hotkey_account: AccountId, netuid: NetUid) -> StakePosition:
    alpha = staking.stake_of(view, hotkey_account, netuid, coldkey)
    return StakePosition(coldkey, hotkey_account, netuid, alpha, Rao(alpha * pools.price_q64(view, netuid) >> 64))


def _neuron_row(
    view: StateView, netuid: NetUid, uid: Uid, seat: neurons.Neuron, last: scores.Scores, tao_weight_u64: int
) -> NeuronRow:
    axon = neurons.AXON.find(view, (netuid, seat.hotkey))
    return NeuronRow(
        uid=uid,
        hotkey=seat.hotkey,
        coldkey=staking.HOTKEY.get(view, seat.hotkey).owner,
        peer_id="" if axon is None else axon.peer_id.decode("ascii"),
        addresses=() if axon is None else tuple(address.decode("ascii") for address in axon.addresses),
        stake_weight_rao=children.stake_weight_q64(view, netuid, seat.hotkey, tao_weight_u64) >> 64,
        alpha_stake=staking.stake_behind(view, seat.hotkey, netuid),
        root_stake_rao=Rao(staking.stake_behind(view, seat.hotkey, ROOT_NETUID)),
        active=last.active[uid],
        validator_permit=last.validator_permits[uid],
        incentive_u16=last.incentive[uid],
        dividends_u16=last.dividends[uid],
        consensus_u16=last.consensus[uid],
        validator_trust_u16=last.validator_trust[uid],
        rank_u16=last.rank[uid],
        trust_u16=last.trust[uid],
        emission_alpha=Alpha(last.emission[uid]),
        last_update=seat.last_update,
        registered_at=seat.registered_at,
    )
