"""The doors of subnets as the control API reaches them: one request, one whole answer in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from node.control.limits import ROUTE_REPLY_CHARS_MAX
from node.control.route_api import RouteReply, Verb
from node.market.errors import CallBroken, NotFound, TooLarge
from node.market.routes import SubnetDoor, find_routes
from node.service.web import doors_of
from node.subnets.doors import AnyRoute, Comment, LocalRoute, Raw

if TYPE_CHECKING:
    from node.service.app import Running


class RoutesOfNode:
    """The route method of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def route(self, method: Verb, path: str, query: Sequence[tuple[str, str]] = (), body: str = "") -> RouteReply:
        """Have the door of a subnet answer. Raises NotFound, BadRequest, and what the door raises."""
        from node.gateway.generic import fill  # a web server's parts, which a node without requests does without

        found = next(
            (each for each in find_routes(doors_of(self._running()), method, path) if each.route.request), None
        )
        if found is None or found.route.request is None:
            raise NotFound(
                f"No subnet that this node works in answers {method} {path}.",
                remedy="Take a role in the subnet: `neurond role set miner --netuid N`.",
            )
        request = fill(found.route.request, found.pieces, query, body.encode())
        if isinstance(found.route, LocalRoute):
            answer = await found.door.answer(found.route, request)
        else:
            answer = await _asked(found.door, found.route, request)
        text = (answer.body if isinstance(answer, Raw) else msgspec.json.encode(answer)).decode()
        if len(text) > ROUTE_REPLY_CHARS_MAX:
            raise TooLarge(f"The answer has {len(text)} characters; ask through the HTTP gateway for large ones.")
        return RouteReply(text)


async def _asked(door: SubnetDoor, route: AnyRoute, request: Any) -> Any:
    """The whole answer of a miner."""
    replies: list[Any] = []
    is_whole = False
    async with aclosing(door.call(route, request)) as pieces:
        async for piece in pieces:
            is_whole = piece.done
            if not isinstance(piece.reply, Comment):
                replies.append(piece.reply)
    if not is_whole or not replies:
        raise CallBroken("The answer ended before it was complete.")
    return replies[-1] if route.fold is None else route.fold(replies)
