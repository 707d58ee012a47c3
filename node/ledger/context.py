"""What a call or a block step works with: the overlay it changes, where the chain stands, and the events it emits."""

from dataclasses import dataclass, field

from node.ledger.events import Event
from node.ledger.origin import Origin
from node.ledger.parameters import Parameters
from node.ledger.state import Overlay
from node.primitives import crypto
from node.primitives.types import AccountId, Height


@dataclass(slots=True)
class Context:
    """One block under execution."""

    state: Overlay
    height: Height
    producer: AccountId
    parameters: Parameters
    origin: Origin = Origin.SIGNED
    verify: crypto.Verifier = crypto.verify
    events: list[Event] = field(default_factory=list)
    fee_waived: bool = False
    """Whether the call under execution has earned its fee back."""

    def emit(self, event: Event) -> None:
        """Record what happened; the events of a failed call are dropped with its changes."""
        self.events.append(event)
