"""Calls as an approved proposal executes them, on a scratch state."""

from node.ledger import errors, invariants
from node.ledger.calls import Call
from node.ledger.context import Context
from node.ledger.dispatch import dispatch
from node.ledger.events import Event
from node.ledger.origin import Origin
from node.ledger.pallets import system
from node.ledger.state import Overlay
from node.primitives.types import Height
from tests.unit.ledger.world import World, who


class Scratch:
    """The head's state as the next block sees it; nothing comes back to the chain."""

    def __init__(self, world: World, *, height: int | None = None) -> None:
        self.state = Overlay(world.state.view)
        self.height = Height(world.state.height + 1 if height is None else height)
        self.events: list[Event] = []

    def do(self, by: str, call: Call, *, origin: Origin = Origin.SIGNED) -> str:
        """Run one call; its error code, "" if it succeeded. Failed or not, the state keeps its invariants."""
        parameters = system.PARAMETERS.get(self.state)
        context = Context(self.state, self.height, who("authority0"), parameters, origin)
        mark, code = self.state.savepoint(), ""
        try:
            dispatch(context, who(by), call)
        except errors.CallError as error:
            self.state.rollback(mark)
            code = error.code
        else:
            self.events.extend(context.events)
        invariants.check(self.state)
        return code

    def decide(self, call: Call) -> str:
        """Run one call as an approved proposal's."""
        return self.do("nobody", call, origin=Origin.ROOT)
