"""From a checked request to the answer of a subnet: finds the door, asks it, and says how the answer is built.

The paths of the OpenAI form, and those that lead to them, are found by the model that the request names; every other
path by itself.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from node.gateway import corcel, media, openai
from node.gateway.again import App
from node.gateway.answer import Answer, Ask, Settle
from node.gateway.forms import ChatForm, Form, TextForm
from node.gateway.generic import Events, Whole, fill, send_body
from node.gateway.limits import SMALL_BODY_BYTES
from node.gateway.openai import Asked
from node.gateway.tool_form import ToolForm
from node.market.errors import BadRequest, NoMiner, NotFound, Unsupported
from node.market.routes import Closed, Match, Piece, SubnetDoor, by_model, find_routes, unknown_model
from node.subnets.doors import CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, IMAGES_PATH, LocalRoute, Route

Doors = Callable[[], Sequence[SubnetDoor]]
FORM_PATHS = (CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, IMAGES_PATH, *corcel.LEADS_TO)


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer needs besides the request: its id, what it may spend, and who counts what was used."""

    request_id: str
    reserve: Callable[[], int]
    settle: Callable[[str, int, Sequence[Any], int], None]  # model, reserved rao, last pieces, paid rao


async def form_call(doors: Sequence[SubnetDoor], path: str, body: bytes, context: Context) -> App:
    """The answer to a request on one of `FORM_PATHS`. Raises BadRequest and its leaves, NoMiner."""
    asked, in_base64 = await _parsed(path, body)
    named, path = path, corcel.LEADS_TO.get(path, path)
    match = _match(doors, path, asked.model)
    features = match.route.features if isinstance(match.route, Route) else frozenset()
    for feature, param in asked.needs.items():
        if feature not in features:
            raise Unsupported(f"{asked.model!r} does not offer this here.", param=param)
    asks, settle = _asks(match, asked, context)
    if path == EMBEDDINGS_PATH:
        request = asked.requests[0]
        count = len(request.texts) + len(request.tokens)
        return Whole(
            asks,
            lambda replies: media.embedding_body(asked.model, count, replies[0], in_base64=in_base64),
            context.request_id,
            settle,
        )
    if path == IMAGES_PATH:
        created_s, one = int(time.time()), _folded(match)
        return Whole(
            asks,
            lambda replies: (
                media.image_body(created_s, [one(each) for each in replies])
                if named == path
                else corcel.image_body(named, one(replies[0]))
            ),
            context.request_id,
            settle,
        )
    kind: type[ChatForm | TextForm] = ChatForm if path == CHAT_PATH else TextForm
    probs = "logprobs" in asked.needs
    form: Form = kind(asked.model, context.request_id, with_logprobs=probs)
    if asked.tools is not None:
        form = ToolForm(asked.model, context.request_id, asked.tools, with_logprobs=probs)
        asks = [partial(_of_tools, ask) for ask in asks]
    if named == corcel.CORTEXT_CHAT:
        form = corcel.CortextForm(form)
    waiting = partial(_waiting_for, match, asked.model)
    return Answer(asks, form, stream=asked.stream, usage=asked.usage, settle=settle, waiting=waiting)


async def route_call(match: Match, query: Sequence[tuple[str, str]], body: bytes, context: Context) -> App:
    """The answer of a route that a subnet declares. Raises BadRequest and its leaves."""
    route = match.route
    if route.request is None:
        raise NotFound(f"The route {route.path} of this subnet names no request type.")
    if len(body) > SMALL_BODY_BYTES:
        request = await trio.to_thread.run_sync(fill, route.request, match.pieces, query, body)
    else:
        request = fill(route.request, match.pieces, query, body)
    if isinstance(route, LocalRoute):
        return Local(partial(match.door.answer, route, request), context)
    asked = Asked(str(getattr(request, "model", "") or route.path), (request,), {})
    asks, settle = _asks(match, asked, context)
    if route.stream:
        return Events(asks[0], context.request_id, settle)
    one = _folded(match)
    return Whole(asks, lambda replies: one(replies[0]), context.request_id, settle)


def _folded(match: Match) -> Callable[[Sequence[Any]], Any]:
    """How the replies of one call become one: as the route says, else the last is the whole."""
    fold = match.route.fold if isinstance(match.route, Route) else None
    return fold or (lambda replies: replies[-1])


class Local:
    """An ASGI application that sends what this node itself answers."""

    def __init__(self, answer: Callable[[], Any], context: Context) -> None:
        self._answer = answer
        self._context = context
        self.ok = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the answer."""
        body = await self._answer()
        self._context.settle("", 0, (), 0)
        self.ok = True
        await send_body(body, self._context.request_id, send, [])


async def _parsed(path: str, body: bytes) -> tuple[Asked, bool]:
    """The parsed request, and whether vectors are wanted in base64."""

    def parse() -> tuple[Asked, bool]:
        if path == EMBEDDINGS_PATH:
            return media.embeddings(body)
        kinds = {CHAT_PATH: openai.chat, COMPLETIONS_PATH: openai.completion, IMAGES_PATH: media.images}
        return (corcel.PARSED.get(path) or kinds[corcel.LEADS_TO.get(path, path)])(body), False

    return await trio.to_thread.run_sync(parse) if len(body) > SMALL_BODY_BYTES else parse()


def _match(doors: Sequence[SubnetDoor], path: str, model: str) -> Match:
    matches = find_routes(doors, "POST", path)
    if not matches:
        for door in doors:
            if isinstance(door, Closed):
                raise NoMiner(door.reason)
        raise NotFound(f"No subnet that this node works in serves {path}.", remedy="`GET /v1/models` lists what is.")
    found = by_model(matches, model)
    if found is None:
        raise unknown_model(matches, path, model)
    return found


def _waiting_for(match: Match, model: str) -> str:
    """What a stream waits for: a model that nobody says to have ready is being warmed."""
    listed = (each for each in match.door.models() if (each.name, each.path) == (model, match.route.path))
    return "warming" if any(each.facts.get("instances") == 0 for each in listed) else "waiting"


async def _of_tools(ask: Ask) -> AsyncGenerator[Piece, None]:
    """The pieces of a chat with functions: a schema that no model takes is one of theirs."""
    try:
        async with aclosing(ask()) as pieces:
            async for piece in pieces:
                yield piece
    except BadRequest as error:
        if error.param != "response_format":
            raise
        message = error.message.removeprefix("response_format: ")
        raise BadRequest(f"A function's parameters: {message}", param="tools") from error


def _asks(match: Match, asked: Asked, context: Context) -> tuple[list[Ask], Settle]:
    """One call for each choice; what may be spent is shared evenly among them."""
    reserved = context.reserve()
    each, costs = reserved // len(asked.requests), list[int]()
    asks: list[Ask] = [
        partial(match.door.call, match.route, request, spend_max_rao=each, paid=costs.append)  # type: ignore[arg-type]
        for request in asked.requests
    ]
    return asks, lambda pieces: context.settle(asked.model, reserved, pieces, sum(costs))
