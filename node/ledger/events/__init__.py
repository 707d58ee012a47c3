"""What a block did, in the field's own event names, for indexers and screens; one module a subject.

Events follow from the block alone: every node derives the same list. They are not part of the state root. An event is
an array that begins with its number.
"""

from node.ledger.events.core import (
    AxonServed,
    CallFailed,
    CommitmentSet,
    CoreEvent,
    DelegateAdded,
    EpochRan,
    MinerPaid,
    NeuronRegistered,
    StakeAdded,
    StakeRemoved,
    TakeDecreased,
    TakeIncreased,
    Transferred,
    ValidatorPaid,
    WeightsSet,
)
from node.ledger.events.moves import (
    AddStakeBurned,
    AlphaBurned,
    AlphaRecycled,
    MovesEvent,
    StakeMoved,
    StakeSwapped,
    StakeTransferred,
)
from node.ledger.events.subnets import (
    DissolutionPaid,
    FirstEmissionBlockNumberSet,
    HyperparameterSet,
    NetworkAdded,
    NetworkRemoved,
    ParameterSet,
    SubnetIdentitySet,
    SubnetOwnerHotkeySet,
    SubnetsEvent,
    UidsTrimmed,
)

Event = CoreEvent | MovesEvent | SubnetsEvent
"""Any event."""

__all__ = [
    "AddStakeBurned",
    "AlphaBurned",
    "AlphaRecycled",
    "AxonServed",
    "CallFailed",
    "CommitmentSet",
    "CoreEvent",
    "DelegateAdded",
    "DissolutionPaid",
    "EpochRan",
    "Event",
    "FirstEmissionBlockNumberSet",
    "HyperparameterSet",
    "MinerPaid",
    "MovesEvent",
    "NetworkAdded",
    "NetworkRemoved",
    "NeuronRegistered",
    "ParameterSet",
    "StakeAdded",
    "StakeMoved",
    "StakeRemoved",
    "StakeSwapped",
    "StakeTransferred",
    "SubnetIdentitySet",
    "SubnetOwnerHotkeySet",
    "SubnetsEvent",
    "TakeDecreased",
    "TakeIncreased",
    "Transferred",
    "UidsTrimmed",
    "ValidatorPaid",
    "WeightsSet",
]
