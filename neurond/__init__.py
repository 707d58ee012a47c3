"""The public SDK of neurond: re-exports only, and the one documented import for users' code.

Everything here is experimental until version 1.0. Names are loaded on first use, so that importing the façade is cheap.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from node.version import __version__

if TYPE_CHECKING:
    from node.control.client_async import AsyncClient
    from node.control.client_sync import SyncClient
    from node.market.errors import JournalRefused, MalformedMessage, PayloadRefused, ServeFailed
    from node.market.journal_state import rows_of
    from node.primitives.address import from_ss58, to_ss58
    from node.primitives.codec import encode
    from node.primitives.crypto import digest
    from node.primitives.errors import NodeError
    from node.primitives.types import HASH_BYTES, AccountId, Hash, NetUid
    from node.sdk.async_client import AsyncSubtensor
    from node.sdk.balance import Balance, alpha, rao, tao
    from node.sdk.client import Subtensor
    from node.sdk.errors import PolicyRefused, SdkError, TransactionFailed, UnitMismatch, UnknownNetwork, UnknownRead
    from node.sdk.intents import (
        AddStake,
        BurnedRegister,
        Call,
        CloseProposal,
        Intent,
        MoveStake,
        RegisterSubnet,
        RemoveStake,
        SetHyperparameter,
        SetWeights,
        SwapStake,
        Transfer,
        TransferStake,
        Vote,
    )
    from node.sdk.metagraph import Metagraph
    from node.sdk.plans import Plan, Problem, Result
    from node.sdk.policy import Policy
    from node.sdk.views import Neuron, Proof, StakePosition
    from node.sdk.wallet import Keypair, Wallet
    from node.service.light_client import LightClient
    from node.subnets.base import (
        Answer,
        BlobRef,
        Code,
        Entry,
        Host,
        Message,
        Part,
        Refusal,
        Route,
        Spec,
        Standing,
        State,
        Subnet,
        Usage,
        Verdict,
        View,
        decode_message,
    )
    from node.subnets.lab.hosts import NoModels
    from node.subnets.lab.trial import Trial, run_trial
    from node.wallet import WalletStore

_HOME = {
    "AccountId": "node.primitives.types",
    "AddStake": "node.sdk.intents",
    "Answer": "node.subnets.base",
    "AsyncClient": "node.control.client_async",
    "AsyncSubtensor": "node.sdk.async_client",
    "Balance": "node.sdk.balance",
    "BlobRef": "node.subnets.base",
    "BurnedRegister": "node.sdk.intents",
    "Call": "node.sdk.intents",
    "CloseProposal": "node.sdk.intents",
    "Code": "node.subnets.base",
    "Entry": "node.subnets.base",
    "HASH_BYTES": "node.primitives.types",
    "Hash": "node.primitives.types",
    "Host": "node.subnets.base",
    "Intent": "node.sdk.intents",
    "JournalRefused": "node.market.errors",
    "Keypair": "node.sdk.wallet",
    "LightClient": "node.service.light_client",
    "MalformedMessage": "node.market.errors",
    "Message": "node.subnets.base",
    "Metagraph": "node.sdk.metagraph",
    "MoveStake": "node.sdk.intents",
    "NetUid": "node.primitives.types",
    "Neuron": "node.sdk.views",
    "NoModels": "node.subnets.lab.hosts",
    "NodeError": "node.primitives.errors",
    "Part": "node.subnets.base",
    "PayloadRefused": "node.market.errors",
    "Plan": "node.sdk.plans",
    "Policy": "node.sdk.policy",
    "PolicyRefused": "node.sdk.errors",
    "Problem": "node.sdk.plans",
    "Proof": "node.sdk.views",
    "Refusal": "node.subnets.base",
    "RegisterSubnet": "node.sdk.intents",
    "RemoveStake": "node.sdk.intents",
    "Result": "node.sdk.plans",
    "Route": "node.subnets.base",
    "SdkError": "node.sdk.errors",
    "ServeFailed": "node.market.errors",
    "SetHyperparameter": "node.sdk.intents",
    "SetWeights": "node.sdk.intents",
    "Spec": "node.subnets.base",
    "StakePosition": "node.sdk.views",
    "Standing": "node.subnets.base",
    "State": "node.subnets.base",
    "Subnet": "node.subnets.base",
    "Subtensor": "node.sdk.client",
    "SwapStake": "node.sdk.intents",
    "SyncClient": "node.control.client_sync",
    "TransactionFailed": "node.sdk.errors",
    "Transfer": "node.sdk.intents",
    "TransferStake": "node.sdk.intents",
    "Trial": "node.subnets.lab.trial",
    "UnitMismatch": "node.sdk.errors",
    "UnknownNetwork": "node.sdk.errors",
    "UnknownRead": "node.sdk.errors",
    "Usage": "node.subnets.base",
    "Verdict": "node.subnets.base",
    "View": "node.subnets.base",
    "Vote": "node.sdk.intents",
    "Wallet": "node.sdk.wallet",
    "WalletStore": "node.wallet",
    "alpha": "node.sdk.balance",
    "decode_message": "node.subnets.base",
    "digest": "node.primitives.crypto",
    "encode": "node.primitives.codec",
    "from_ss58": "node.primitives.address",
    "rao": "node.sdk.balance",
    "rows_of": "node.market.journal_state",
    "run_trial": "node.subnets.lab.trial",
    "tao": "node.sdk.balance",
    "to_ss58": "node.primitives.address",
}

__all__ = [
    "HASH_BYTES",
    "AccountId",
    "AddStake",
    "Answer",
    "AsyncClient",
    "AsyncSubtensor",
    "Balance",
    "BlobRef",
    "BurnedRegister",
    "Call",
    "CloseProposal",
    "Code",
    "Entry",
    "Hash",
    "Host",
    "Intent",
    "JournalRefused",
    "Keypair",
    "LightClient",
    "MalformedMessage",
    "Message",
    "Metagraph",
    "MoveStake",
    "NetUid",
    "Neuron",
    "NoModels",
    "NodeError",
    "Part",
    "PayloadRefused",
    "Plan",
    "Policy",
    "PolicyRefused",
    "Problem",
    "Proof",
    "Refusal",
    "RegisterSubnet",
    "RemoveStake",
    "Result",
    "Route",
    "SdkError",
    "ServeFailed",
    "SetHyperparameter",
    "SetWeights",
    "Spec",
    "StakePosition",
    "Standing",
    "State",
    "Subnet",
    "Subtensor",
    "SwapStake",
    "SyncClient",
    "TransactionFailed",
    "Transfer",
    "TransferStake",
    "Trial",
    "UnitMismatch",
    "UnknownNetwork",
    "UnknownRead",
    "Usage",
    "Verdict",
    "View",
    "Vote",
    "Wallet",
    "WalletStore",
    "__version__",
    "alpha",
    "decode_message",
    "digest",
    "encode",
    "from_ss58",
    "rao",
    "rows_of",
    "run_trial",
    "tao",
    "to_ss58",
]


def _check_neighbours() -> None:
    """The application's packages have plain names; a folder of the same name elsewhere on the path would shadow one."""
    here = Path(__file__).resolve().parent.parent
    for name in ("node", "p2p", "storage", "models", "tui"):
        spec = find_spec(name)
        origin = None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent.parent
        if origin != here:
            raise ImportError(
                f"The package {name!r} of neurond is hidden by {origin or 'nothing: it is missing'}. "
                "Run your program from another folder, or rename yours."
            )


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"neurond has no {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


_check_neighbours()
