"""The doors of a subnet for users: requests that a miner answers, and requests that this node answers by itself.

Values only; who mounts them (the HTTP gateway, a program) is not known here. Paths begin with /v1/ and may hold pieces
in braces: `/v1/things/{id}`. Request types are msgspec structs: the pieces of the path, the query and the body's object
fill their fields by name, and what does not fit is refused before anything of the subnet is called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, get_args

import msgspec

if TYPE_CHECKING:  # whoever only names a scope or a path loads no model's arithmetic
    from node.primitives.types import AccountId
    from node.subnets.host import Host
    from node.subnets.picture import View
    from node.subnets.wire import Message, Part, Usage

CHAT_PATH: Final = "/v1/chat/completions"
COMPLETIONS_PATH: Final = "/v1/completions"
EMBEDDINGS_PATH: Final = "/v1/embeddings"
IMAGES_PATH: Final = "/v1/images/generations"

Method = Literal["GET", "POST", "PUT", "DELETE"]
Feature = Literal["logprobs", "json", "schema", "dimensions"]
Scope = Literal["read", "invoke", "admin"]  # what a key must allow: look, have work done, change or spend
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")
TaskT = TypeVar("TaskT", bound="Message")
PartT = TypeVar("PartT", bound="Part")


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request without fields."""


class Comment(msgspec.Struct, frozen=True):
    """A reply that is no result, such as "warming, 3 s": a comment in streams, left out of whole answers."""

    text: str


class Raw(msgspec.Struct, frozen=True):
    """A reply that is no JSON object: bytes with their media type, and another status or file name if given."""

    body: bytes
    media_type: str
    status: int = 200
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Offering:
    """A model that users may name in a request to `path`, as `GET /v1/models` lists it."""

    name: str
    path: str = CHAT_PATH
    facts: Mapping[str, str | int] = field(default_factory=dict)  # shown beside the name: context, dimensions, licence


@dataclass(frozen=True, slots=True)
class Route(Generic[RequestT, ReplyT, TaskT, PartT]):
    """A door for users: how their request becomes a task, and how each part of the answer becomes their reply.

    The four paths above have forms of their own (node.market.chat, node.market.forms); all others name `request`.
    """

    method: Method
    path: str
    to_task: Callable[[RequestT, bytes], TaskT]  # (request, 32 random bytes) -> task; raises BadRequest and its leaves
    to_reply: Callable[[PartT, AccountId], ReplyT | Comment]  # (part, the miner who made it) -> reply
    stream: bool = False  # each part is sent as it comes; else all of them make one body
    request: type[RequestT] | None = None  # the struct that is parsed; None on the four paths above
    reply: type[ReplyT] | None = None  # for the interface description
    fold: Callable[[Sequence[ReplyT]], ReplyT | Raw] | None = None  # one body of all replies; None takes the last
    resolve: Callable[[RequestT, View], RequestT] | None = None  # completes or refuses by what the subnet knows now
    who: Callable[[TaskT, View], Sequence[AccountId]] | None = None  # who could answer it; None: any miner
    quote: Callable[[TaskT], Usage] | None = None  # the most it can use, which bounds what is paid
    features: frozenset[Feature] = frozenset()  # of the four paths' forms, beyond the plain one; others are refused
    scope: Scope = "invoke"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class LocalRoute(Generic[RequestT]):
    """A door that this node answers by itself, from the journals, its folder or its own settings.

    The handler returns a struct or mapping (sent as JSON) or a `Raw`; it raises BadRequest and its leaves.
    """

    method: Method
    path: str
    handler: Callable[[Host, RequestT], Awaitable[Any]]
    request: type[RequestT]  # `Empty` where nothing is asked
    scope: Scope = "read"
    reply: Any = None  # for the interface description
    summary: str = ""


AnyRoute = Route[Any, Any, Any, Any]
AnyLocalRoute = LocalRoute[Any]
