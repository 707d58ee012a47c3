"""What peers that were here said of where they are: told only to who looks for that very peer.

A node nobody can dial straight is not fit for routing tables, yet it visits those nearest to its own id now and then;
they remember it here, so that it is found all the same. Pure bookkeeping; a peer speaks for itself alone.
"""

from dataclasses import dataclass

from p2p import limits
from p2p.addresses import TcpAddress


@dataclass(frozen=True, slots=True)
class _Contact:
    addresses: tuple[TcpAddress, ...]
    group: str
    seen_s: float


class Contacts:
    """By peer id, the one seen last at the end; `now_s` is monotonic."""

    def __init__(self) -> None:
        self._contacts: dict[str, _Contact] = {}

    def __len__(self) -> int:
        return len(self._contacts)

    def note(self, peer_id: str, addresses: tuple[TcpAddress, ...], group: str, now_s: float) -> None:
        """A peer whose id is proven named these addresses; `group` is where it came from."""
        self._contacts.pop(peer_id, None)
        same = [peer for peer, contact in self._contacts.items() if contact.group == group]
        if len(same) >= limits.KAD_CONTACTS_PER_GROUP:
            del self._contacts[same[0]]
        elif len(self._contacts) >= limits.KAD_CONTACTS_MAX:
            del self._contacts[next(iter(self._contacts))]
        if addresses:
            self._contacts[peer_id] = _Contact(addresses[: limits.ADDRESSES_PER_PEER], group, now_s)

    def is_relayed(self, peer_id: str) -> bool:
        """Whether the peer says that it is reached through relays: no place for others to go to by themselves."""
        contact = self._contacts.get(peer_id)
        return contact is not None and any(address.relay_id is not None for address in contact.addresses)

    def touch(self, peer_id: str, now_s: float) -> None:
        """The peer is still here."""
        contact = self._contacts.get(peer_id)
        if contact is not None:
            self._contacts[peer_id] = _Contact(contact.addresses, contact.group, now_s)

    def addresses(self, peer_id: str, now_s: float) -> tuple[TcpAddress, ...]:
        """What the peer said, nothing when that is too long ago."""
        contact = self._contacts.get(peer_id)
        if contact is None or now_s - contact.seen_s > limits.KAD_CONTACT_S:
            return ()
        return contact.addresses
