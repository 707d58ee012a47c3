"""The part of the control API that reaches the doors of subnets: the same requests that the HTTP gateway answers.

Requests and replies are JSON in the form that the subnet's page describes; this file only carries them.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

import msgspec

from node.control.limits import ROUTE_BODY_CHARS_MAX, ROUTE_PATH_CHARS_MAX, ROUTE_QUERY_MAX
from node.control.requests import Request
from node.control.views.base import View

Verb = Literal["GET", "POST", "PUT", "DELETE"]
Word = Annotated[str, msgspec.Meta(max_length=ROUTE_PATH_CHARS_MAX)]
ROUTE_TIMEOUT_S = 180.0  # a chute may have to be fetched first


class RouteReply(View, frozen=True):
    """What a door answered, as JSON text."""

    body: str


class RouteRequest(Request[RouteReply], frozen=True):
    """A request to a path of some subnet, such as `GET /v1/chutes`; `body` is JSON text or empty."""

    method: Verb
    path: Word
    query: Annotated[tuple[tuple[Word, Word], ...], msgspec.Meta(max_length=ROUTE_QUERY_MAX)] = ()
    body: Annotated[str, msgspec.Meta(max_length=ROUTE_BODY_CHARS_MAX)] = ""


class RouteApi(Protocol):
    """See `node.control.api.Api`."""

    async def route(self, method: Verb, path: str, query: Sequence[tuple[str, str]] = (), body: str = "") -> RouteReply:
        """Have a subnet's door answer, a miner where it needs one. Raises NotFound and what the door raises."""
        ...
