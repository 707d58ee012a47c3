"""The chain about itself: its network, its clock, its parameters and the hashes of recent blocks."""

from typing import Final

from node.ledger.parameters import Parameters
from node.ledger.state import Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.limits import ERA_PERIOD_BLOCKS_MAX
from node.primitives.types import AccountId, Hash, Height, Slot


class Network(Wire, frozen=True):
    """What genesis fixed for ever; the name is for display."""

    name: str
    start_ms: int
    slot_ms: int
    epoch_slots: int
    spec_version: int


class Clock(Wire, frozen=True):
    """The block this state belongs to."""

    height: Height
    slot: Slot
    producer: AccountId


NETWORK: Final[Value[Network]] = Value("system", "network", Network, about="Name, start and slot length of the network")
PARAMETERS: Final[Value[Parameters]] = Value("system", "parameters", Parameters, about="Chain-wide parameters")
CLOCK: Final[Value[Clock]] = Value(
    "system", "clock", Clock, about="Height, slot and producer of the block this state belongs to"
)
GENESIS_HASH: Final[Value[Hash]] = Value(
    "system", "genesis_hash", Hash, about="Hash of block 0, known from block 1 on; signatures inside calls bind it"
)
RECENT_HASHES: Final[Map[int, Hash]] = Map(
    "system", "recent_hashes", int, Hash, about="Hashes of the last 4096 blocks by height modulo 4096"
)


def begin_block(overlay: Overlay, clock: Clock, parent_hash: Hash) -> None:
    """Move the clock and remember the parent's hash."""
    RECENT_HASHES.put(overlay, (clock.height - 1) % ERA_PERIOD_BLOCKS_MAX, parent_hash)
    CLOCK.put(overlay, clock)
    if clock.height == 1:
        GENESIS_HASH.put(overlay, parent_hash)


def block_hash_at(view: StateView, height: int) -> Hash | None:
    """The hash of one of the 4096 blocks before the state's own; None outside of them."""
    now = CLOCK.get(view).height
    if not max(0, now - ERA_PERIOD_BLOCKS_MAX) <= height < now:
        return None
    return RECENT_HASHES.find(view, height % ERA_PERIOD_BLOCKS_MAX)
