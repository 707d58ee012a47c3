"""Every call a transaction can carry, and the one table that describes them.

A call is an array that begins with its number. Amounts are rao (10^-9 τ) or α in units of 10^-9; price limits are τ per
α in units of 10^-9. The table names who signs, whether a fee is due and which errors a call can end with; interfaces
and documentation are made from it. Source: docs/protocol.md, "Calls".
"""

from typing import Final

from node.ledger.calls import (
    accounts,
    children,
    commitments,
    delegation,
    identities,
    moves,
    networks,
    proxies,
    registration,
    staking,
    swaps,
    weights,
)
from node.ledger.calls.accounts import AccountsCall, Transfer
from node.ledger.calls.base import U16, U63, U64, Account, CallSpec, FeeRule, RaoAmount, SignerKind
from node.ledger.calls.children import Child, ChildrenCall, SetAutoParentDelegation, SetChildkeyTake, SetChildren
from node.ledger.calls.commitments import CommitmentsCall, SetCommitment, SetCommitmentResetBonds
from node.ledger.calls.delegation import DecreaseTake, DelegationCall, IncreaseTake
from node.ledger.calls.identities import IdentitiesCall, SetColdkeyAutoStakeHotkey, SetIdentity, TryAssociateHotkey
from node.ledger.calls.moves import (
    AddStakeBurn,
    BurnAlpha,
    MovesCall,
    MoveStake,
    RecycleAlpha,
    RemoveStakeFullLimit,
    StakeBurn,
    StakeExit,
    StakeMove,
    SwapStake,
    SwapStakeLimit,
    TransferStake,
    UnstakeAll,
    UnstakeAllAlpha,
)
from node.ledger.calls.networks import (
    NetworkAdmin,
    NetworkLife,
    NetworksCall,
    RegisterNetwork,
    RegisterNetworkWithIdentity,
    RootDissolveNetwork,
    SetAlphaValues,
    SetHyperparameter,
    SetParameter,
    SetSubnetIdentity,
    SetSubnetOwnerHotkey,
    StartCall,
    SubnetIdentity,
    TrimToMaxAllowedUids,
)
from node.ledger.calls.plain import PlainCall
from node.ledger.calls.proxies import (
    AddProxy,
    AnnounceProxy,
    ProxiesCall,
    Proxy,
    ProxyKind,
    RejectProxyAnnouncement,
    RemoveProxies,
    RemoveProxy,
    RemoveProxyAnnouncement,
)
from node.ledger.calls.registration import BurnedRegister, RegisterLimit, RegistrationCall, ServeAxon
from node.ledger.calls.staking import AddStake, AddStakeLimit, RemoveStake, RemoveStakeLimit, StakingCall
from node.ledger.calls.swaps import (
    AnnounceColdkeySwap,
    ClearColdkeySwapAnnouncement,
    ColdkeySwapCall,
    DisputeColdkeySwap,
    HotkeySwapCall,
    ResetColdkeySwap,
    SwapColdkey,
    SwapColdkeyAnnounced,
    SwapHotkey,
    SwapHotkeyOnSubnet,
    SwapsCall,
)
from node.ledger.calls.weights import (
    BatchCommitWeights,
    BatchRevealWeights,
    BatchSetWeights,
    CommitWeights,
    RevealWeights,
    SetWeights,
    WeightsCall,
)

Call = PlainCall | ProxiesCall
"""Any call."""

CALLS: Final[tuple[CallSpec, ...]] = tuple(
    sorted(
        (
            *accounts.SPECS,
            *staking.SPECS,
            *moves.SPECS,
            *networks.SPECS,
            *registration.SPECS,
            *weights.SPECS,
            *delegation.SPECS,
            *commitments.SPECS,
            *children.SPECS,
            *swaps.SPECS,
            *identities.SPECS,
            *proxies.SPECS,
        ),
        key=lambda spec: spec.number,
    )
)
"""Every call by number."""

_BY_KIND: Final = {spec.kind: spec for spec in CALLS}


def spec_of(call: Call) -> CallSpec:
    """The table's row for a call."""
    return _BY_KIND[type(call)]


def is_free(call: Call) -> bool:
    """Whether a call pays no fee."""
    return spec_of(call).fee is FeeRule.FREE


__all__ = [
    "CALLS",
    "U16",
    "U63",
    "U64",
    "Account",
    "AccountsCall",
    "AddProxy",
    "AddStake",
    "AddStakeBurn",
    "AddStakeLimit",
    "AnnounceColdkeySwap",
    "AnnounceProxy",
    "BatchCommitWeights",
    "BatchRevealWeights",
    "BatchSetWeights",
    "BurnAlpha",
    "BurnedRegister",
    "Call",
    "CallSpec",
    "Child",
    "ChildrenCall",
    "ClearColdkeySwapAnnouncement",
    "ColdkeySwapCall",
    "CommitWeights",
    "CommitmentsCall",
    "DecreaseTake",
    "DelegationCall",
    "DisputeColdkeySwap",
    "FeeRule",
    "HotkeySwapCall",
    "IdentitiesCall",
    "IncreaseTake",
    "MoveStake",
    "MovesCall",
    "NetworkAdmin",
    "NetworkLife",
    "NetworksCall",
    "PlainCall",
    "ProxiesCall",
    "Proxy",
    "ProxyKind",
    "RaoAmount",
    "RecycleAlpha",
    "RegisterLimit",
    "RegisterNetwork",
    "RegisterNetworkWithIdentity",
    "RegistrationCall",
    "RejectProxyAnnouncement",
    "RemoveProxies",
    "RemoveProxy",
    "RemoveProxyAnnouncement",
    "RemoveStake",
    "RemoveStakeFullLimit",
    "RemoveStakeLimit",
    "ResetColdkeySwap",
    "RevealWeights",
    "RootDissolveNetwork",
    "ServeAxon",
    "SetAlphaValues",
    "SetAutoParentDelegation",
    "SetChildkeyTake",
    "SetChildren",
    "SetColdkeyAutoStakeHotkey",
    "SetCommitment",
    "SetCommitmentResetBonds",
    "SetHyperparameter",
    "SetIdentity",
    "SetParameter",
    "SetSubnetIdentity",
    "SetSubnetOwnerHotkey",
    "SetWeights",
    "SignerKind",
    "StakeBurn",
    "StakeExit",
    "StakeMove",
    "StakingCall",
    "StartCall",
    "SubnetIdentity",
    "SwapColdkey",
    "SwapColdkeyAnnounced",
    "SwapHotkey",
    "SwapHotkeyOnSubnet",
    "SwapStake",
    "SwapStakeLimit",
    "SwapsCall",
    "Transfer",
    "TransferStake",
    "TrimToMaxAllowedUids",
    "TryAssociateHotkey",
    "UnstakeAll",
    "UnstakeAllAlpha",
    "WeightsCall",
    "is_free",
    "spec_of",
]
