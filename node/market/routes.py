"""The doors of all subnets as one thing to ask: which door answers a path, and what comes back from it.

Gateways use this file alone: they neither know subnets nor miners. Finding a door does no I/O.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from node.market.chat import ModelInfo
from node.market.errors import NoMiner, UnknownModel
from node.market.reports import Report
from node.primitives.types import AccountId, Hash
from node.subnets.doors import AnyLocalRoute, AnyRoute
from node.subnets.wire import Usage

_OPEN, _CLOSE = "{", "}"
SEGMENTS_MAX: Final = 16  # of a path that a route may have
MODELS_NAMED_MAX: Final = 20  # in one error
SEGMENT_CHARS_MAX: Final = 256  # of what stands in a path's place; ids have at most 64


Paid = Callable[[int], None]
"""Told, in rao, what a call came to."""


def untold(_: int) -> None:
    """For callers that keep no books of their own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One reply of a route. The last has `done`, the usage of the whole, the receipt's digest, and the task's id."""

    reply: Any
    index: int
    done: bool
    miner: AccountId
    usage: Usage | None = None
    receipt: Hash | None = None
    task_id: str = ""
    paid_rao: int = 0  # so far, for this call


class SubnetDoor(Protocol):
    """What a gateway needs of one subnet. Wrap `call` in `contextlib.aclosing`: leaving the block stops the miner."""

    @property
    def routes(self) -> Sequence[AnyRoute]: ...

    @property
    def local_routes(self) -> Sequence[AnyLocalRoute]: ...

    def models(self) -> list[ModelInfo]:
        """The models that can be asked now."""
        ...

    def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        """Stream the replies. Raises BadRequest, NoMiner, CallTimeout, CallRefused or CallBroken (all MarketError).

        `spend_max_rao` bounds what this call may cost: 0 asks only who serves for nothing, None leaves it to the
        node's own budget. `paid` is told what the call came to once it is over, however it ended: what arrived is owed
        after the last piece, too, and a failed miner's is given back.
        """
        ...

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        """What this node itself answers. Raises MarketError."""
        ...

    async def report(self, receipt: Hash) -> Report | None:
        """Judge an answer again; None where this door does not remember the receipt's."""
        ...


@dataclass(frozen=True, slots=True)
class Match:
    """A door and the route of it that answers a path, with the pieces of the path by name."""

    door: SubnetDoor
    route: AnyRoute | AnyLocalRoute
    pieces: dict[str, str]


def find_routes(doors: Sequence[SubnetDoor], method: str, path: str) -> list[Match]:
    """All doors that answer the method and path, exact paths before those with pieces; empty when there is none."""
    segments = path.split("/")
    if len(segments) > SEGMENTS_MAX:
        return []
    found: list[Match] = []
    for door in doors:
        for route in routes_of(door):
            if route.method == method and (pieces := _pieces(route.path, segments)) is not None:
                found.append(Match(door, route, pieces))
    return sorted(found, key=lambda match: len(match.pieces))


def methods_of(doors: Sequence[SubnetDoor], path: str) -> list[str]:
    """The methods that some door answers at a path, for the answer to a wrong one."""
    segments = path.split("/")
    every = (route for door in doors for route in routes_of(door))
    return sorted({route.method for route in every if _pieces(route.path, segments) is not None})


def routes_of(door: SubnetDoor) -> list[AnyRoute | AnyLocalRoute]:
    """Everything that a door answers."""
    return [*door.routes, *door.local_routes]


def _pieces(template: str, segments: Sequence[str]) -> dict[str, str] | None:
    """What stands in the template's places; None when the path is another one."""
    wanted = template.split("/")
    if len(wanted) != len(segments):
        return None
    found: dict[str, str] = {}
    for want, have in zip(wanted, segments, strict=True):
        if want.startswith(_OPEN) and want.endswith(_CLOSE):
            if not 0 < len(have) <= SEGMENT_CHARS_MAX:
                return None
            found[want[1:-1]] = have
        elif want != have:
            return None
    return found


def by_model(matches: Sequence[Match], model: str) -> Match | None:
    """The first of the matches whose door lists the model for that path."""
    for match in matches:
        if any(each.name == model and each.path == match.route.path for each in match.door.models()):
            return match
    return None


def unknown_model(matches: Sequence[Match], path: str, model: str) -> UnknownModel:
    """The error for a model that none of the matches lists; it names those that they do."""
    known = sorted({each.name for match in matches for each in match.door.models() if each.path == path})
    names = ", ".join(known[:MODELS_NAMED_MAX]) or "none"
    return UnknownModel(f"There is no model {model[:80]!r}; known are {names}.", param="model")


class Closed:
    """A door that answers nothing and says why."""

    routes: Sequence[AnyRoute] = ()
    local_routes: Sequence[AnyLocalRoute] = ()

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def models(self) -> list[ModelInfo]:
        """Return no models."""
        return []

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        """Refuse. Raises NoMiner."""
        raise NoMiner(self.reason)
        yield  # makes this a generator, as the protocol wants

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        """Refuse. Raises NoMiner."""
        raise NoMiner(self.reason)

    async def report(self, receipt: Hash) -> Report | None:
        """Remember nothing."""
        return None


def as_whole(reply: Any, piece: Piece) -> Any:
    """A reply of chats or completions with what only the last piece knows."""
    return msgspec.structs.replace(reply, receipt=piece.receipt, task_id=piece.task_id) if piece.done else reply
