"""The public SDK of neurond: re-exports only, and the one documented import for users' code.

Everything here is experimental until version 1.0. Names are loaded on first use, so that importing the façade is cheap.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from node.version import __version__

if TYPE_CHECKING:
    from node.control.client_sync import SyncClient
    from node.market.errors import JournalRefused, MalformedMessage, PayloadRefused, ServeFailed
    from node.market.journal_state import rows_of
    from node.primitives.address import from_ss58, to_ss58
    from node.primitives.codec import encode
    from node.primitives.crypto import digest
    from node.primitives.errors import NodeError
    from node.primitives.types import HASH_BYTES, AccountId, Hash, NetUid
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
    from node.wallet import Wallet, WalletStore

_HOME = {
    "AccountId": "node.primitives.types",
    "Answer": "node.subnets.base",
    "BlobRef": "node.subnets.base",
    "Code": "node.subnets.base",
    "Entry": "node.subnets.base",
    "HASH_BYTES": "node.primitives.types",
    "Hash": "node.primitives.types",
    "Host": "node.subnets.base",
    "JournalRefused": "node.market.errors",
    "LightClient": "node.service.light_client",
    "MalformedMessage": "node.market.errors",
    "Message": "node.subnets.base",
    "NetUid": "node.primitives.types",
    "NoModels": "node.subnets.lab.hosts",
    "NodeError": "node.primitives.errors",
    "Part": "node.subnets.base",
    "PayloadRefused": "node.market.errors",
    "Refusal": "node.subnets.base",
    "Route": "node.subnets.base",
    "ServeFailed": "node.market.errors",
    "Spec": "node.subnets.base",
    "Standing": "node.subnets.base",
    "State": "node.subnets.base",
    "Subnet": "node.subnets.base",
    "SyncClient": "node.control.client_sync",
    "Trial": "node.subnets.lab.trial",
    "Usage": "node.subnets.base",
    "Verdict": "node.subnets.base",
    "View": "node.subnets.base",
    "Wallet": "node.wallet",
    "WalletStore": "node.wallet",
    "decode_message": "node.subnets.base",
    "digest": "node.primitives.crypto",
    "encode": "node.primitives.codec",
    "from_ss58": "node.primitives.address",
    "rows_of": "node.market.journal_state",
    "run_trial": "node.subnets.lab.trial",
    "to_ss58": "node.primitives.address",
}

__all__ = [
    "HASH_BYTES",
    "AccountId",
    "Answer",
    "BlobRef",
    "Code",
    "Entry",
    "Hash",
    "Host",
    "JournalRefused",
    "LightClient",
    "MalformedMessage",
    "Message",
    "NetUid",
    "NoModels",
    "NodeError",
    "Part",
    "PayloadRefused",
    "Refusal",
    "Route",
    "ServeFailed",
    "Spec",
    "Standing",
    "State",
    "Subnet",
    "SyncClient",
    "Trial",
    "Usage",
    "Verdict",
    "View",
    "Wallet",
    "WalletStore",
    "__version__",
    "decode_message",
    "digest",
    "encode",
    "from_ss58",
    "rows_of",
    "run_trial",
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
