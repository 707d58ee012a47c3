"""The seats of a subnet and what sits on them; `registration` fills them, everything else reads them."""

from typing import Final

from msgspec.structs import replace

from node.ledger import errors
from node.ledger.pallets import staking
from node.ledger.pallets.subnets import Subnet
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.types import AccountId, Height, NetUid, Uid


class Neuron(Wire, frozen=True):
    """One seat: whose, since when, and the block of its last weights (or of its registration)."""

    hotkey: AccountId
    registered_at: Height
    last_update: Height


class Axon(Wire, frozen=True):
    """Where a neuron can be reached, as ASCII; published at `height`."""

    height: Height
    peer_id: bytes
    addresses: tuple[bytes, ...]


class Commitment(Wire, frozen=True):
    """What a neuron has committed to, since `height`."""

    height: Height
    data: bytes


Seat = tuple[NetUid, Uid]
HotkeyAt = tuple[NetUid, AccountId]

COUNT: Final[Map[NetUid, int]] = Map(
    "neurons", "count", NetUid, int, default=0, about="Seats taken in a subnet; uids are below it"
)
NEURON: Final[Map[Seat, Neuron]] = Map("neurons", "neuron", Seat, Neuron, about="One seat of a subnet")
UID: Final[Map[HotkeyAt, Uid]] = Map("neurons", "uid", HotkeyAt, Uid, about="The seat of a hotkey in a subnet")
AXON: Final[Map[HotkeyAt, Axon]] = Map("neurons", "axon", HotkeyAt, Axon, about="Where a neuron can be reached")
COMMITMENT: Final[Map[HotkeyAt, Commitment]] = Map(
    "neurons", "commitment", HotkeyAt, Commitment, about="A neuron's published commitment"
)


def uid_of(view: StateView, netuid: NetUid, hotkey: AccountId) -> Uid | None:
    """A hotkey's seat, or None."""
    return UID.find(view, (netuid, hotkey))


def require_uid(view: StateView, netuid: NetUid, hotkey: AccountId) -> Uid:
    """A hotkey's seat. Raises HotKeyNotRegisteredInSubNet."""
    uid = uid_of(view, netuid, hotkey)
    if uid is None:
        raise errors.HotKeyNotRegisteredInSubNet
    return uid


def all_of(view: StateView, netuid: NetUid) -> list[Neuron]:
    """Every neuron by uid; at most 256."""
    return [NEURON.get(view, (netuid, Uid(uid))) for uid in range(COUNT.get(view, netuid))]


def rename(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """Put a new hotkey on an old one's seat, with what it published there."""
    uid = UID.get(overlay, (netuid, old))
    NEURON.put(overlay, (netuid, uid), replace(NEURON.get(overlay, (netuid, uid)), hotkey=new))
    UID.delete(overlay, (netuid, old))
    UID.put(overlay, (netuid, new), uid)
    axon, commitment = AXON.find(overlay, (netuid, old)), COMMITMENT.find(overlay, (netuid, old))
    AXON.delete(overlay, (netuid, old))
    COMMITMENT.delete(overlay, (netuid, old))
    if axon is not None:
        AXON.put(overlay, (netuid, new), axon)
    if commitment is not None:
        COMMITMENT.put(overlay, (netuid, new), commitment)


def owner_hotkeys(view: StateView, subnet: Subnet, neurons: list[Neuron]) -> frozenset[AccountId]:
    """The hotkeys whose incentive is withheld: the owner's hotkey and every seated hotkey of the owner's coldkey."""
    owned = {n.hotkey for n in neurons if staking.HOTKEY.get(view, n.hotkey).owner == subnet.owner_coldkey}
    return frozenset(owned | {subnet.owner_hotkey})


def owner_uids(view: StateView, netuid: NetUid, subnet: Subnet, limit: int) -> tuple[int, ...]:
    """The seats of the owner that are never pruned: the owner's hotkey first, then by age, at most `limit`."""
    owned = sorted(
        (neuron.hotkey != subnet.owner_hotkey, neuron.registered_at, uid)
        for uid, neuron in enumerate(all_of(view, netuid))
        if staking.HOTKEY.get(view, neuron.hotkey).owner == subnet.owner_coldkey or neuron.hotkey == subnet.owner_hotkey
    )
    return tuple(uid for _, _, uid in owned[:limit])
