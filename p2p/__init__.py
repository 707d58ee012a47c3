"""Peer-to-peer layer: libp2p made safe behind a narrow interface, and the same interface in process.

A leaf package: it knows bytes and peer ids, never blocks or transactions.
"""

from p2p.api import (
    AddressReach,
    Again,
    Ban,
    Check,
    Discovery,
    Handler,
    HostConfig,
    Message,
    Network,
    PeerView,
    Priority,
    Reachability,
    Route,
    Stream,
    Verdict,
)
from p2p.errors import (
    AddressError,
    BannedError,
    BlobError,
    BlobUnavailable,
    BusyError,
    EndOfStream,
    HostFailedError,
    IdentityError,
    ListenError,
    MessageTooLargeError,
    P2PError,
    PeerError,
    ProtocolRefusedError,
    StreamError,
    StreamFailed,
    UnreachableError,
    UnsupportedLibp2pError,
)
from p2p.host import open_host
from p2p.identity import Identity, load_or_create_identity, peer_id_of
from p2p.lean import leave_out
from p2p.memory import MemorySwarm

leave_out()  # before anything below loads libp2p

__all__ = [
    "AddressError",
    "AddressReach",
    "Again",
    "Ban",
    "BannedError",
    "BlobError",
    "BlobUnavailable",
    "BusyError",
    "Check",
    "Discovery",
    "EndOfStream",
    "Handler",
    "HostConfig",
    "HostFailedError",
    "Identity",
    "IdentityError",
    "ListenError",
    "MemorySwarm",
    "Message",
    "MessageTooLargeError",
    "Network",
    "P2PError",
    "PeerError",
    "PeerView",
    "Priority",
    "ProtocolRefusedError",
    "Reachability",
    "Route",
    "Stream",
    "StreamError",
    "StreamFailed",
    "UnreachableError",
    "UnsupportedLibp2pError",
    "Verdict",
    "load_or_create_identity",
    "open_host",
    "peer_id_of",
]
