"""What a network starts with, as typed values; `genesis_file` reads and writes it, `genesis` makes block 0 of it."""

from dataclasses import dataclass, field

from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.types import AccountId, Alpha, NetUid, Rao


@dataclass(frozen=True, slots=True)
class Balance:
    """Free τ of an account at genesis."""

    account: AccountId
    amount_rao: Rao


@dataclass(frozen=True, slots=True)
class GenesisNeuron:
    """A seat taken at genesis."""

    hotkey: AccountId
    coldkey: AccountId
    validator_permit: bool = False


@dataclass(frozen=True, slots=True)
class GenesisSubnet:
    """A subnet that exists at genesis; the owner's hotkey takes uid 0, then `neurons` in order."""

    netuid: NetUid
    name: str
    owner_hotkey: AccountId
    owner_coldkey: AccountId
    pool_tao_rao: Rao
    pool_alpha: Alpha
    started: bool = True
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    neurons: tuple[GenesisNeuron, ...] = ()


@dataclass(frozen=True, slots=True)
class GenesisStake:
    """A position at genesis: α of a subnet, or τ on root (netuid 0)."""

    coldkey: AccountId
    hotkey: AccountId
    netuid: NetUid
    amount: Alpha


@dataclass(frozen=True, slots=True)
class GenesisSpec:
    """All that a network starts with; times in milliseconds since 1970 (`start_ms`) and per slot (`slot_ms`)."""

    name: str
    start_ms: int
    slot_ms: int
    authorities: tuple[AccountId, ...]
    epoch_slots: int = 360
    """Length of an authority epoch."""
    balances: tuple[Balance, ...] = ()
    parameters: Parameters = field(default_factory=Parameters)
    subnets: tuple[GenesisSubnet, ...] = ()
    stakes: tuple[GenesisStake, ...] = ()
    triumvirate: tuple[AccountId, ...] = ()
    """Coldkeys that may propose; without any the network can never change its rules."""
    senate: tuple[AccountId, ...] = ()
    """Hotkeys of this file that vote; each takes a seat on root, in this order."""
