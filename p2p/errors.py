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
      └─ MalformedFrame     the peer sent what no honest implementation sends
"""


class P2PError(Exception):
    """An expected failure of the network layer; its message says what to do, `remedy` says it for every such case."""

    code = "p2p"
    remedy = ""


class IdentityError(P2PError):
    """The identity file is missing parts, corrupted or readable by others."""

    code = "p2p.identity"
    remedy = "Make the key file yours alone (chmod 600); restore a damaged one, or delete it for a new peer id."


class ListenError(P2PError):
    """A listen address is taken or is not ours."""

    code = "p2p.listen"
    remedy = "Choose another port, or an IP address of this machine."


class AddressError(P2PError):
    """A multiaddress is malformed, not TCP, or names another peer."""

    code = "p2p.address"
    remedy = "Write it as /ip4/192.0.2.1/tcp/4001/p2p/<peer id>."


class UnsupportedLibp2pError(P2PError):
    """The installed libp2p is not the exact version that the hardening was written for."""

    code = "p2p.libp2p_version"
    remedy = "Install the pinned version again: `make setup`."


class HostFailedError(P2PError):
    """The host stopped by itself; open a new one."""

    code = "p2p.host_failed"
    remedy = "Start the node again; `neurond logs` shows why it stopped."


class MessageTooLargeError(P2PError):
    """A message or frame of ours exceeds its bound and was not sent."""

    code = "p2p.too_large"
    remedy = "Send it in pieces, or gossip its hash."


class PeerError(P2PError):
    """One peer cannot be talked to; others are not affected."""

    code = "p2p.peer"


class UnreachableError(PeerError):
    """No usable connection to the peer could be made in time."""

    code = "p2p.unreachable"
    remedy = "Check the address and the way to it, or try again later."


class BannedError(PeerError):
    """The peer misbehaved and is banned for a time."""

    code = "p2p.banned"
    remedy = "Wait until the ban ends, or lift it with `neurond peers unban`."


class ProtocolRefusedError(PeerError):
    """The peer is connected but does not speak the asked protocol."""

    code = "p2p.protocol_refused"
    remedy = "Ask another peer; this one has another role or version."


class BusyError(PeerError):
    """A concurrency bound was met; try again later or another peer."""

    code = "p2p.busy"
    remedy = "Try again later, or ask another peer."


class BlobError(P2PError):
    """A large content is wrong, too large, or does not fit."""

    code = "p2p.blob"
    remedy = "Try again with another peer; a content over the bound cannot be sent."


class BlobUnavailable(BlobError):
    """No connected peer gives the content, or not all of it; what has arrived is kept for the next try."""

    code = "p2p.blob_unavailable"
    remedy = "Try again later; what has arrived is kept."


class StreamError(P2PError):
    """An open stream cannot go on."""

    code = "p2p.stream"


class EndOfStream(StreamError):
    """The other side closed its write side cleanly, between two frames."""

    code = "p2p.end_of_stream"
    remedy = "Nothing is to be done: the other side has said all it had to say."


class StreamFailed(StreamError):
    """The stream was reset, the connection was lost, or a frame broke the rules."""

    code = "p2p.stream_failed"
    remedy = "Try again, or ask another peer."


class MalformedFrame(StreamFailed):
    """The peer sent what no honest implementation sends: too long, or not of the form agreed on."""

    code = "p2p.malformed_frame"
    remedy = "Ask another peer; this one has lost points for it."
