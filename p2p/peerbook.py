"""Which peers could be dialled, when each is due again, and the file that remembers them and the bans.

Pure bookkeeping: times come in as parameters, nothing is dialled here. Addresses told by others are only candidates;
the handshake proves who answers there.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from p2p import limits
from p2p.addresses import TcpAddress, parse_address
from p2p.api import Ban
from p2p.errors import AddressError, P2PError
from p2p.files import write_atomically


class StoredBan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ban in the file; `until_s` is Unix time."""

    peer_id: str
    until_s: float
    reason: str = ""


class PeersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The remembered-peers file: multiaddresses with peer ids, and bans."""

    version: int
    peers: tuple[str, ...]
    bans: tuple[StoredBan, ...]


@dataclass(slots=True)
class _Candidate:
    addresses: dict[TcpAddress, None] = field(default_factory=dict)
    is_bootstrap: bool = False
    has_answered: bool = False
    failures: int = 0
    due_s: float = 0.0
    lost_s: float | None = None

    def was_connected_lately(self, now_s: float) -> bool:
        return self.lost_s is not None and now_s - self.lost_s < limits.REDIAL_LOST_FOR_S


class PeerBook:
    """Candidates by peer id. `now_s` is monotonic everywhere; `rng` spreads retries."""

    def __init__(self, own_peer_id: str, rng: random.Random) -> None:
        self._own_peer_id = own_peer_id
        self._rng = rng
        self._candidates: dict[str, _Candidate] = {}

    def __len__(self) -> int:
        return len(self._candidates)

    def add(self, address: TcpAddress, *, is_bootstrap: bool = False, has_answered: bool = False) -> bool:
        """Remember one address with a peer id; True when it was new and usable."""
        peer_id = address.peer_id
        if peer_id is None or self._own_peer_id in (peer_id, address.relay_id) or not address.is_dialable:
            return False
        candidate = self._candidates.get(peer_id)
        if candidate is None:
            if len(self._candidates) >= limits.KNOWN_PEERS_MAX and not self._make_room():
                return False
            candidate = self._candidates[peer_id] = _Candidate()
        candidate.is_bootstrap |= is_bootstrap
        candidate.has_answered |= has_answered
        is_new = address not in candidate.addresses
        if is_new and len(candidate.addresses) >= limits.ADDRESSES_PER_PEER:
            del candidate.addresses[next(iter(candidate.addresses))]
        candidate.addresses[address] = None
        return is_new

    def addresses(self, peer_id: str) -> tuple[TcpAddress, ...]:
        """The known addresses of a peer, the ones that answered last first; those through relays after the others."""
        candidate = self._candidates.get(peer_id)
        if candidate is None:
            return ()
        latest_first = list(reversed(candidate.addresses))
        return tuple(sorted(latest_first, key=lambda address: address.relay_id is not None))

    def is_proven(self, peer_id: str) -> bool:
        """Whether a peer answered once, or is one of the configuration; all others are hearsay."""
        candidate = self._candidates.get(peer_id)
        return candidate is not None and (candidate.is_bootstrap or candidate.has_answered)

    def due(self, excluded: Iterable[str], now_s: float) -> tuple[str, ...]:
        """Peers to dial now: bootstrap peers first, the others in random order."""
        skip = set(excluded)
        ready = [peer for peer, known in self._candidates.items() if known.due_s <= now_s and peer not in skip]
        self._rng.shuffle(ready)
        ready.sort(key=lambda peer: not self._candidates[peer].is_bootstrap)
        return tuple(ready)

    def next_due_s(self, excluded: Iterable[str]) -> float | None:
        """When the next peer falls due, or None."""
        skip = set(excluded)
        return min((known.due_s for peer, known in self._candidates.items() if peer not in skip), default=None)

    def succeeded(self, address: TcpAddress) -> None:
        """The peer answered at this address; it is tried first next time."""
        candidate = self._candidates.get(address.peer_id or "")
        if candidate is None:
            return
        candidate.failures = 0
        candidate.due_s = 0.0
        candidate.has_answered = True
        candidate.addresses.pop(address, None)
        candidate.addresses[address] = None

    def lost(self, peer_id: str, now_s: float) -> None:
        """Its last connection is gone: dial it again in a moment, and often while it may only be cut off."""
        candidate = self._candidates.get(peer_id)
        if candidate is not None:
            candidate.failures = 0
            candidate.lost_s = now_s
            self.postpone(peer_id, now_s, limits.REDIAL_FIRST_S)

    def failed(self, peer_id: str, now_s: float) -> None:
        """None of its addresses answered: wait longer each time; forget a peer that never answered."""
        candidate = self._candidates.get(peer_id)
        if candidate is None:
            return
        candidate.failures += 1
        lately = candidate.was_connected_lately(now_s)
        is_kept = candidate.is_bootstrap or candidate.has_answered or lately
        if candidate.failures >= limits.REDIAL_FAILURES_MAX and not is_kept:
            del self._candidates[peer_id]
            return
        pause_s = limits.REDIAL_FIRST_S * 2.0 ** min(candidate.failures - 1, 16)
        self.postpone(peer_id, now_s, min(pause_s, limits.REDIAL_LOST_MAX_S) if lately else pause_s)

    def postpone(self, peer_id: str, now_s: float, pause_s: float) -> None:
        """Not before `pause_s` (at most `limits.REDIAL_MAX_S`), give or take a quarter."""
        candidate = self._candidates.get(peer_id)
        if candidate is not None:
            candidate.due_s = now_s + min(pause_s, limits.REDIAL_MAX_S) * self._rng.uniform(0.75, 1.25)

    def forget(self, peer_id: str) -> None:
        """Do not dial this peer by ourselves any more."""
        self._candidates.pop(peer_id, None)

    def sample(self, wanted: int, among: Iterable[str]) -> tuple[TcpAddress, ...]:
        """Up to `wanted` addresses in all, one round of peers after another, of random peers of `among`."""
        peers = [peer for peer in among if peer in self._candidates]
        self._rng.shuffle(peers)
        return tuple(address for peer in peers[:wanted] for address in self.addresses(peer))

    def to_file(self, bans: Iterable[Ban], unix_now_s: float) -> bytes:
        """The file's content: peers that answered once, and bans with their remaining seconds turned into Unix time."""
        peers = tuple(
            str(address) for known in self._candidates.values() if known.has_answered for address in known.addresses
        )
        stored = tuple(StoredBan(ban.peer_id, unix_now_s + ban.remaining_s, ban.reason) for ban in bans)
        return msgspec.json.format(msgspec.json.encode(PeersFile(1, peers, stored)), indent=1)

    def _make_room(self) -> bool:
        """Forget the candidate least likely to answer; bootstrap peers and proven ones are kept."""
        unproven = [p for p, known in self._candidates.items() if not (known.is_bootstrap or known.has_answered)]
        if not unproven:
            return False
        self.forget(max(unproven, key=lambda peer: self._candidates[peer].failures))
        return True


def read_peers_file(path: Path) -> PeersFile:
    """The remembered peers; an empty file object when there is none. Raises P2PError when it is damaged."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.PEERS_FILE_MAX_BYTES + 1)
        if len(raw) > limits.PEERS_FILE_MAX_BYTES:
            raise P2PError(f"{path} is larger than {limits.PEERS_FILE_MAX_BYTES} bytes; delete it")
        return msgspec.json.decode(raw, type=PeersFile)
    except FileNotFoundError:
        return PeersFile(1, (), ())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise P2PError(
            f"the remembered peers {path} cannot be read ({error}); delete the file to start afresh"
        ) from error


def write_peers_file(path: Path, content: bytes) -> None:
    """Replace the file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content, mode=0o600)


def usable_addresses(texts: Iterable[str]) -> list[TcpAddress]:
    """The well-formed addresses among `texts` that name a peer; the rest, which others wrote, is left out."""
    addresses = []
    for text in texts:
        try:
            address = parse_address(text)
        except AddressError:
            continue
        if address.peer_id is not None:
            addresses.append(address)
    return addresses
