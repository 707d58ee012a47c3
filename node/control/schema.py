"""What the control API answers: all views under one name, for `from node.control.schema import ...`."""

from node.control.views.base import (
    API_VERSION,
    LOG_LEVELS,
    ROLES,
    TOPICS,
    CheckState,
    ErrorView,
    JobState,
    LogLevel,
    ModelState,
    NodeState,
    ReachState,
    Role,
    TaskState,
    Topic,
    TransactionState,
    View,
)
from node.control.views.chain import (
    Account,
    Metagraph,
    Neuron,
    Parameter,
    Quote,
    Stake,
    Submitted,
    SubnetInfo,
    TransactionContext,
    TransactionStatus,
)
from node.control.views.health import Check, Checkup
from node.control.views.node import (
    AddressReach,
    BanInfo,
    EpochProgress,
    Hello,
    Invite,
    Joined,
    LogLine,
    LogPage,
    NodeStatus,
    PeerInfo,
    PeerPing,
    Reachability,
    Shutdown,
    SyncProgress,
)
from node.control.views.work import (
    AskDone,
    AskPart,
    ChatMessage,
    Earnings,
    EpochEarning,
    Job,
    ModelInfo,
    PlannedTransaction,
    Requirement,
    RolePlan,
    Task,
)

__all__ = [
    "API_VERSION", "LOG_LEVELS", "ROLES", "TOPICS", "Account", "AddressReach", "AskDone", "AskPart", "BanInfo",
    "ChatMessage", "Check", "CheckState", "Checkup", "Earnings", "EpochEarning", "EpochProgress", "ErrorView",
    "Hello", "Invite", "Job", "JobState", "Joined", "LogLevel", "LogLine", "LogPage", "Metagraph", "ModelInfo",
    "ModelState", "Neuron", "NodeState", "NodeStatus", "Parameter", "PeerInfo", "PeerPing", "PlannedTransaction",
    "Quote", "ReachState", "Reachability", "Requirement", "Role", "RolePlan", "Shutdown", "Stake", "Submitted",
    "SubnetInfo", "SyncProgress", "Task", "TaskState", "Topic", "TransactionContext", "TransactionState",
    "TransactionStatus", "View",
]  # fmt: skip
