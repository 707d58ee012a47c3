"""What the SDK answers: plain frozen values with amounts that know their unit, made from the control API's views."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.control import schema
from node.sdk.balance import TAO_NETUID, Balance

_U16_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Neuron:
    """One seat of a subnet. Shares are exact fractions of 65 535; `emission` is what the last epoch paid."""

    uid: int
    netuid: int
    hotkey: str
    coldkey: str
    active: bool
    validator_permit: bool
    stake: Balance
    alpha_stake: Balance
    incentive: Decimal
    dividends: Decimal
    consensus: Decimal
    validator_trust: Decimal
    emission: Balance
    last_update: int
    registered_at: int
    peer_id: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet. `price` is τ for one whole α; `pool_*` are its reserves; `burn` is the price of a seat now."""

    netuid: int
    name: str
    owner: str
    started: bool
    price: Balance
    pool_tao: Balance
    pool_alpha: Balance
    outstanding: Balance
    emission_per_block: Balance
    tempo_blocks: int
    blocks_to_epoch: int
    neurons: int
    neurons_max: int
    burn: Balance
    hyperparameters: dict[str, str]
    """Name to value with its unit, as the chain says them."""


@dataclass(frozen=True, slots=True)
class StakePosition:
    """One position: `amount` of a coldkey with `hotkey` on `netuid`, worth `value` (τ) at the current price."""

    netuid: int
    hotkey: str
    amount: Balance
    value: Balance


@dataclass(frozen=True, slots=True)
class Proof:
    """The certified block under which a light client proved an answer; `age_s` counts from its slot's beginning."""

    height: int
    block_hash: str
    state_root: str
    age_s: float
    full_node: str


@dataclass(frozen=True, slots=True)
class ProvenBalance:
    """A balance that needs nobody's word."""

    balance: Balance
    proof: Proof


@dataclass(frozen=True, slots=True)
class ProvenStakes:
    """Every position of a coldkey; that there is no other one is proven too."""

    positions: tuple[StakePosition, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class ProvenSubnet:
    """A subnet that needs nobody's word."""

    subnet: Subnet
    proof: Proof


@dataclass(frozen=True, slots=True)
class SwapQuote:
    """What a stake or unstake would do now: `pays` for `gets`, `fee` inside, prices in τ for one whole α."""

    pays: Balance
    gets: Balance
    fee: Balance
    price_before: Balance
    price_after: Balance
    impact: Decimal
    """0.01 means one hundredth worse than the price before."""
    height: int


def neuron_of(view: schema.Neuron, netuid: int) -> Neuron:
    """Return a seat of `netuid` as the SDK shows it."""
    return Neuron(
        uid=view.uid, netuid=netuid, hotkey=view.hotkey, coldkey=view.coldkey, active=view.active,
        validator_permit=view.validator_permit, stake=Balance(view.stake_rao),
        alpha_stake=Balance(view.stake_alpha, netuid), incentive=_share(view.incentive_u16),
        dividends=_share(view.dividends_u16), consensus=_share(view.consensus_u16),
        validator_trust=_share(view.validator_trust_u16), emission=Balance(view.emission_alpha, netuid),
        last_update=view.last_update, registered_at=view.registered_at, peer_id=view.peer_id,
        addresses=view.addresses,
    )  # fmt: skip


def subnet_of(view: schema.SubnetInfo) -> Subnet:
    """Return a subnet as the SDK shows it."""
    netuid = view.netuid
    return Subnet(
        netuid=netuid, name=view.name, owner=view.owner, started=view.started, price=Balance(view.price_rao),
        pool_tao=Balance(view.pool_rao), pool_alpha=Balance(view.pool_alpha, netuid),
        outstanding=Balance(view.outstanding_alpha, netuid), emission_per_block=Balance(view.emission_rao_per_block),
        tempo_blocks=view.tempo_blocks, blocks_to_epoch=view.blocks_to_epoch, neurons=view.neurons,
        neurons_max=view.neurons_max, burn=Balance(view.burn_rao),
        hyperparameters={each.name: f"{each.value} {each.unit}".rstrip() for each in view.parameters},
    )  # fmt: skip


def position_of(view: schema.Stake) -> StakePosition:
    """Return a position as the SDK shows it."""
    return StakePosition(view.netuid, view.hotkey, Balance(view.stake_alpha, view.netuid), Balance(view.value_rao))


def quote_of(view: schema.Quote) -> SwapQuote:
    """Return a quote as the SDK shows it."""
    tao, alpha = Balance(view.tao_rao), Balance(view.amount_alpha, view.netuid)
    pays, gets = (tao, alpha) if view.direction == "stake" else (alpha, tao)
    return SwapQuote(
        pays, gets, Balance(view.fee_rao, TAO_NETUID), Balance(view.price_before_rao), Balance(view.price_after_rao),
        Decimal(view.impact_ppm).scaleb(-6), view.height,
    )  # fmt: skip


def _share(u16: int) -> Decimal:
    return Decimal(u16) / _U16_MAX
