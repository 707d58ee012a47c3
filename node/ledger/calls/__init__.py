"""Every call a transaction can carry, and the one table that describes them.

A call is an array that begins with its number. Amounts are rao (10^-9 τ) or α in units of 10^-9; price limits are τ per
α in units of 10^-9. The table names who signs, whether a fee is due and which errors a call can end with; interfaces
and documentation are made from it. Source: docs/protocol.md, "Calls".
"""

from typing import Final, cast

from node.ledger.calls import (
    accounts,
    authority,
    channels,
    children,
    commitments,
    delegation,
    governance,
    identities,
    moves,
    networks,
    proxies,
    registration,
    roots,
    staking,
    swaps,
    weights,
)
from node.ledger.calls.accounts import AccountsCall, Transfer
from node.ledger.calls.authority import (
    AbortPos,
    AuthorityCall,
    AuthoritySetCall,
    BondAuthority,
    BondCall,
    PosCall,
    RemoveAuthority,
    ReportEvidence,
    SchedulePos,
    SetAuthorities,
    ShadowVote,
    UnbondAuthority,
    VoteAbortPos,
    WithdrawUnbonded,
)
from node.ledger.calls.base import U16, U63, U64, Account, CallSpec, FeeRule, RaoAmount, SignerKind
from node.ledger.calls.channels import (
    ChannelsCall,
    CloseChannel,
    OpenChannel,
    RedeemVoucher,
    TopUpChannel,
)
from node.ledger.calls.children import Child, ChildrenCall, SetAutoParentDelegation, SetChildkeyTake, SetChildren
from node.ledger.calls.commitments import CommitmentsCall, SetCommitment, SetCommitmentResetBonds
from node.ledger.calls.delegation import DecreaseTake, DelegationCall, IncreaseTake
from node.ledger.calls.governance import (
    AddMember,
    AdjustSenate,
    CloseProposal,
    DisapproveProposal,
    GovernanceCall,
    ProposalsCall,
    Propose,
    RemoveMember,
    ResetMembers,
    RootRegister,
    SeatsCall,
    SwapMember,
    TriumvirateCall,
    Vote,
)
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
from node.ledger.calls.roots import (
    CommitIndexRoot,
    CommitReceiptRoot,
    RootsCall,
)
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
from node.primitives.codec import decode_canonical
from node.primitives.limits import PROPOSAL_CALL_BYTES_MAX

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
            *governance.SPECS,
            *authority.SPECS,
            *channels.SPECS,
            *roots.SPECS,
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


def may_be_proposed(call: Call) -> bool:
    """Whether the network itself can make a call, by an approved proposal."""
    return spec_of(call).signer in (SignerKind.ROOT, SignerKind.OWNER)


def decode_call(data: bytes) -> Call:
    """The call in its canonical bytes, as proposals carry it. Raises DecodeError."""
    return decode_canonical(cast("type[Call]", Call), data, max_bytes=PROPOSAL_CALL_BYTES_MAX)


__all__ = [
    "CALLS",
    "U16",
    "U63",
    "U64",
    "AbortPos",
    "Account",
    "AccountsCall",
    "AddMember",
    "AddProxy",
    "AddStake",
    "AddStakeBurn",
    "AddStakeLimit",
    "AdjustSenate",
    "AnnounceColdkeySwap",
    "AnnounceProxy",
    "AuthorityCall",
    "AuthoritySetCall",
    "BatchCommitWeights",
    "BatchRevealWeights",
    "BatchSetWeights",
    "BondAuthority",
    "BondCall",
    "BurnAlpha",
    "BurnedRegister",
    "Call",
    "CallSpec",
    "ChannelsCall",
    "Child",
    "ChildrenCall",
    "ClearColdkeySwapAnnouncement",
    "CloseChannel",
    "CloseProposal",
    "ColdkeySwapCall",
    "CommitIndexRoot",
    "CommitReceiptRoot",
    "CommitWeights",
    "CommitmentsCall",
    "DecreaseTake",
    "DelegationCall",
    "DisapproveProposal",
    "DisputeColdkeySwap",
    "FeeRule",
    "GovernanceCall",
    "HotkeySwapCall",
    "IdentitiesCall",
    "IncreaseTake",
    "MoveStake",
    "MovesCall",
    "NetworkAdmin",
    "NetworkLife",
    "NetworksCall",
    "OpenChannel",
    "PlainCall",
    "PosCall",
    "ProposalsCall",
    "Propose",
    "ProxiesCall",
    "Proxy",
    "ProxyKind",
    "RaoAmount",
    "RecycleAlpha",
    "RedeemVoucher",
    "RegisterLimit",
    "RegisterNetwork",
    "RegisterNetworkWithIdentity",
    "RegistrationCall",
    "RejectProxyAnnouncement",
    "RemoveAuthority",
    "RemoveMember",
    "RemoveProxies",
    "RemoveProxy",
    "RemoveProxyAnnouncement",
    "RemoveStake",
    "RemoveStakeFullLimit",
    "RemoveStakeLimit",
    "ReportEvidence",
    "ResetColdkeySwap",
    "ResetMembers",
    "RevealWeights",
    "RootDissolveNetwork",
    "RootRegister",
    "RootsCall",
    "SchedulePos",
    "SeatsCall",
    "ServeAxon",
    "SetAlphaValues",
    "SetAuthorities",
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
    "ShadowVote",
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
    "SwapMember",
    "SwapStake",
    "SwapStakeLimit",
    "SwapsCall",
    "TopUpChannel",
    "Transfer",
    "TransferStake",
    "TrimToMaxAllowedUids",
    "TriumvirateCall",
    "TryAssociateHotkey",
    "UnbondAuthority",
    "UnstakeAll",
    "UnstakeAllAlpha",
    "Vote",
    "VoteAbortPos",
    "WeightsCall",
    "WithdrawUnbonded",
    "decode_call",
    "is_free",
    "may_be_proposed",
    "spec_of",
]
