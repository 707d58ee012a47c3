"""The errors of this package, one tree; each carries a stable `code` and a message that says what to do.

P2PError
├─ IdentityError            the key file cannot be used
├─ ListenError              a listen address cannot be taken
├─ AddressError             a multiaddress cannot be understood or is not TCP
├─ UnsupportedLibp2pError   another libp2p version than the hardened one is installed
├─ HostFailedError          the host stopped by itself; everything open on it is gone
├─ MessageTooLargeError     our own message or frame exceeds its bound
├─ PeerError                one peer cannot be talked to
│  ├─ UnreachableError      no connection could be made in time
│  ├─ BannedError           the peer is banned for now
│  ├─ ProtocolRefusedError  the peer does not speak the protocol
│  └─ BusyError             a concurrency or rate bound was met
├─ BlobError                a large content cannot be fetched or given
│  └─ BlobUnavailable       no peer gives it, or not all of it
└─ StreamError              an open stream ended
   ├─ EndOfStream           the other side closed its write side between two frames
   └─ StreamFailed          reset, lost connection, broken or oversized frame, time ran out
"""


class P2PError(Exception):
    """An expected failure of the network layer."""

    code = "p2p"


class IdentityError(P2PError):
    """The identity file is missing parts, corrupted or readable by others."""

    code = "p2p.identity"


class ListenError(P2PError):
    """A listen address is taken or is not ours."""

    code = "p2p.listen"


class AddressError(P2PError):
    """A multiaddress is malformed, not TCP, or names another peer."""

    code = "p2p.address"


class UnsupportedLibp2pError(P2PError):
    """The installed libp2p is not the exact version that the hardening was written for."""

    code = "p2p.libp2p_version"


class HostFailedError(P2PError):
    """The host stopped by itself; open a new one."""

    code = "p2p.host_failed"


class MessageTooLargeError(P2PError):
    """A message or frame of ours exceeds its bound and was not sent."""

    code = "p2p.too_large"


class PeerError(P2PError):
    """One peer cannot be talked to; others are not affected."""

    code = "p2p.peer"


class UnreachableError(PeerError):
    """No usable connection to the peer could be made in time."""

    code = "p2p.unreachable"


class BannedError(PeerError):
    """The peer misbehaved and is banned for a time."""

    code = "p2p.banned"


class ProtocolRefusedError(PeerError):
    """The peer is connected but does not speak the asked protocol."""

    code = "p2p.protocol_refused"


class BusyError(PeerError):
    """A concurrency bound was met; try again later or another peer."""

    code = "p2p.busy"


class BlobError(P2PError):
    """A large content is wrong, too large, or does not fit."""

    code = "p2p.blob"


class BlobUnavailable(BlobError):
    """No connected peer gives the content, or not all of it; what has arrived is kept for the next try."""

    code = "p2p.blob_unavailable"


class StreamError(P2PError):
    """An open stream cannot go on."""

    code = "p2p.stream"


class EndOfStream(StreamError):
    """The other side closed its write side cleanly, between two frames."""

    code = "p2p.end_of_stream"


class StreamFailed(StreamError):
    """The stream was reset, the connection was lost, or a frame broke the rules."""

    code = "p2p.stream_failed"
