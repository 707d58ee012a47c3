"""Genesis: from a readable file to block 0 and its state.

The file is JSON: ss58 addresses, amounts in rao, every hyperparameter by name. The header of block 0 commits to the
state and the state to every field of the file, so networks with one genesis hash have one genesis. Bytes in, bytes out.
"""

from dataclasses import dataclass, field

from node.ledger.header import Header
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.transition import ChainState
from node.primitives.types import AccountId, Alpha, Hash, NetUid, Rao


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


def parse_genesis(data: bytes) -> GenesisSpec:
    """The spec in a genesis file's bytes. Raises GenesisError naming the field."""
    raise NotImplementedError


def format_genesis(spec: GenesisSpec) -> bytes:
    """The file of a spec; `parse_genesis` gives the spec back."""
    raise NotImplementedError


def genesis_state(spec: GenesisSpec) -> tuple[Header, ChainState, dict[Hash, bytes]]:
    """Block 0's header, the state after it and all its rows; `state.hash` is the genesis hash. Raises GenesisError."""
    raise NotImplementedError
