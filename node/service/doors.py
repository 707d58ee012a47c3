"""The users' way in to every subnet that this node knows: one front door made of one a subnet.

A question goes to the subnet that has the model it names. Where nobody can be asked, the reason is said.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from node.market.chat import ChatPart, ChatRequest, ModelInfo
from node.market.errors import NoMiner, UnknownModel
from node.market.frontdoor import FrontDoor
from node.primitives.types import NetUid


class AllDoors:
    """A front door in front of those of all subnets; `doors` are looked up at every question."""

    def __init__(self, doors: Callable[[], Mapping[NetUid, FrontDoor]]) -> None:
        self._doors = doors

    def models(self) -> list[ModelInfo]:
        """The models of all subnets; of a name that two have, the first counts."""
        found: dict[str, ModelInfo] = {}
        for door in self._doors().values():
            for model in door.models():
                found.setdefault(model.name, model)
        return list(found.values())

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Stream an answer of the subnet that has the model. Raises UnknownModel, or as the subnet's own door."""
        async with aclosing(self._door_of(request).ask(request)) as parts:
            async for part in parts:
                yield part

    def _door_of(self, request: ChatRequest) -> FrontDoor:
        for door in self._doors().values():
            if any(model.name == request.model for model in door.models()):
                return door
        known = ", ".join(model.name for model in self.models()) or "none"
        raise UnknownModel(f"There is no model {request.model!r}; known are {known}.", param="model")


class ClosedDoor:
    """A front door that says why nobody can be asked."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def models(self) -> list[ModelInfo]:
        """Return no models."""
        return []

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Refuse. Raises NoMiner."""
        raise NoMiner(self.reason)
        yield  # makes this a generator, as the protocol wants
