"""The doors part of a recorded API: one chute in a list."""

from collections.abc import Sequence

from node.control.route_api import RouteReply, Verb

ROUTE = RouteReply('[{"id":"0c","name":"edges","kind":"tensor"}]')


class FakeRoutes:
    """Answers what was recorded; `_note` hears of every call, where the whole fake wants to."""

    def _note(self, name: str, *arguments: object) -> None:
        """Nobody listens."""

    async def route(self, method: Verb, path: str, query: Sequence[tuple[str, str]] = (), body: str = "") -> RouteReply:
        self._note("route", method, path, query, body)
        return ROUTE
