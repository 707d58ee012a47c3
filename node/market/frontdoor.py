"""The users' way in: a question goes to a good miner and the answer streams back. Used by every gateway alike.

Before the first piece of an answer the next miner is tried, a few times; after it there is no way back and a failure is
said as it is. The last piece is held until the miner's signature over the whole has been checked.
"""

import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import trio

from node.market.call import Call, open_call
from node.market.chat import ChatPart, ChatRequest, ModelInfo
from node.market.context import MarketContext
from node.market.errors import (
    BadRequest,
    CallBroken,
    CallRefused,
    CallTimeout,
    ForgedAnswer,
    NoMiner,
    UnknownModel,
    Unreachable,
)
from node.market.frames import Receipt, request_digest
from node.market.limits import ANSWER_TIMEOUT_S, FIRST_PART_TIMEOUT_S
from node.market.roster import miners
from node.market.router import Router
from node.market.routes import Piece, as_whole
from node.market.tasks import TaskView
from node.primitives.errors import MarketError
from node.primitives.types import Hash
from node.subnets.base import Answer, AnySubnet, Book, Code, Comment, Host, Message, Neuron, Part
from node.subnets.doors import CHAT_PATH, AnyLocalRoute, AnyRoute

__all__ = ["ChatPart", "ChatRequest", "Exchange", "FrontDoor", "MarketDoor", "ModelInfo"]

_CALLERS_FAULT = frozenset({Code.MALFORMED, Code.TOO_LARGE})


class FrontDoor(Protocol):
    """What a gateway needs. Wrap `ask` in `contextlib.aclosing`: leaving the block stops the miner."""

    def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Stream an answer. Raises BadRequest, NoMiner, CallTimeout, CallRefused or CallBroken (all MarketError)."""
        ...

    def models(self) -> list[ModelInfo]:
        """The models that can be asked now."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A finished user's call: what an audit needs."""

    digest: Hash
    task: Message
    answer: Answer
    receipt: Receipt


class MarketDoor:
    """The front door of one subnet. `book` is the score book to route by; empty where this node does not validate.

    `host` is what the subnet's local routes reach the world through.
    """

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        *,
        now_ms: Callable[[], int],
        book: Callable[[], Book] = dict,
        record: Callable[[TaskView], None] = lambda _: None,
        finished: Callable[[Exchange], None] = lambda _: None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        first_part_s: float = FIRST_PART_TIMEOUT_S,
        answer_s: float = ANSWER_TIMEOUT_S,
        host: Host | None = None,
    ) -> None:
        self._context = context
        self._subnet = subnet
        self._now_ms = now_ms
        self._book = book
        self._record = record
        self._finished = finished
        self._random_bytes = random_bytes
        self._first_part_s = first_part_s
        self._answer_s = answer_s
        self._host = host
        self._router = Router(trio.current_time)
        self.counts: Counter[str] = Counter()
        self.routes = tuple(subnet.routes)
        self.local_routes = tuple(subnet.local_routes)

    def models(self) -> list[ModelInfo]:
        view = self._context.view()
        count = len(miners(view, without=self._context.hotkey))
        name, netuid = self._subnet.spec.name, self._context.netuid
        return [
            ModelInfo(each.name, name, netuid, count, each.path, dict(each.facts))
            for each in self._subnet.offerings(view)
        ]

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        async with aclosing(self.call(self._chat_route(request), request)) as pieces:
            async for piece in pieces:
                if not isinstance(piece.reply, Comment):
                    yield as_whole(piece.reply, piece)

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None
    ) -> AsyncGenerator[Piece, None]:
        """Stream the replies of a route to a parsed request; see `SubnetDoor`."""
        task = self._task_of(route, request)
        call, part = await self._begin(task, self._able(route, task))
        miner, code = call.request.head.to, Code.CANCELLED
        view = self._open_view(call, task)
        try:
            while not part.done:
                yield Piece(route.to_reply(part, miner), part.index, False, miner)
                part = await anext(call)
            await call.collect()
            code = Code.OK
            yield Piece(
                route.to_reply(part, miner), part.index, True, miner, part.usage, call.receipt_digest, view.id
            )  # fmt: skip
        except StopAsyncIteration as error:
            code = Code.EARLY_END
            raise CallBroken("The answer ended before its last part.") from error
        except MarketError as error:
            code = code_of_failure(error)
            raise
        finally:
            self._router.ended(miner, failed=code not in (Code.OK, Code.CANCELLED))
            self._close_view(view, call, task, code)
            await call.aclose()

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        """What this node itself answers to a request of a local route. Raises MarketError."""
        if self._host is None:
            raise NoMiner(
                "This node keeps nothing of that subnet.", remedy="Start a role in it: `neurond role set validator`."
            )
        return await route.handler(self._host, request)

    def _chat_route(self, request: ChatRequest) -> AnyRoute:
        known = [each.name for each in self.models() if each.path == CHAT_PATH]
        route = next((each for each in self.routes if each.path == CHAT_PATH), None)
        if route is None or request.model not in known:
            raise UnknownModel(f"There is no model {request.model!r}; known are {', '.join(known)}.", param="model")
        return route

    def _task_of(self, route: AnyRoute, request: Any) -> Message:
        """The task that a request becomes. Raises BadRequest and its leaves."""
        if route.resolve is not None:
            request = route.resolve(request, self._context.view())
        task: Message = route.to_task(request, self._random_bytes(32))
        return task

    def _able(self, route: AnyRoute, task: Message) -> list[Neuron]:
        """The miners that could answer, those that the subnet names first in its order."""
        view = self._context.view()
        seats = miners(view, without=self._context.hotkey)
        if route.who is None:
            return seats
        by_hotkey = {seat.hotkey: seat for seat in seats}
        return [by_hotkey[hotkey] for hotkey in route.who(task, view) if hotkey in by_hotkey]

    async def _begin(self, task: Message, candidates: list[Neuron]) -> tuple[Call, Part]:
        """Connect to the first miner that begins to answer. Raises NoMiner, BadRequest."""
        view = self._context.view()
        if view.find(self._context.hotkey) is None:
            raise NoMiner(
                f"Miners answer registered nodes only, and this node holds no seat in subnet {view.netuid}.",
                remedy="Register this node's hotkey, or ask through a validator's gateway.",
            )
        tried: list[str] = []
        for miner in self._router.choose(candidates, self._book(), self._random_bytes(32)):
            self._router.began(miner.hotkey)
            try:
                return await self._first_part(miner, task)
            except MarketError as error:
                if isinstance(error, CallRefused) and error.refusal in _CALLERS_FAULT:
                    self._router.ended(miner.hotkey, failed=False)
                    raise BadRequest(error.message) from error
                self._router.ended(miner.hotkey, failed=True)
                self.counts[f"door.passed_over.{code_of_failure(error).name.lower()}"] += 1
                tried.append(f"seat {miner.uid}: {error.message}")
            except BaseException:
                self._router.ended(miner.hotkey, failed=False)
                raise
        self.counts["door.nobody"] += 1
        reason = f"None of {len(tried)} miners began to answer: {'; '.join(tried)}" if tried else "No miner is online."
        raise NoMiner(reason, tuple(tried))

    async def _first_part(self, miner: Neuron, task: Message) -> tuple[Call, Part]:
        call = await open_call(
            self._context, self._subnet, miner, task, first_part_s=self._first_part_s, answer_s=self._answer_s
        )
        try:
            return call, await anext(call)
        except StopAsyncIteration as error:
            await call.aclose()
            raise CallBroken("The answer is empty.") from error
        except BaseException:
            await call.aclose()
            raise

    def _open_view(self, call: Call, task: Message) -> TaskView:
        view = TaskView(
            id=request_digest(call.request.head).hex(),
            kind="user",
            miner=call.request.head.to,
            state="running",
            created_at_ms=self._now_ms(),
            preview=self._subnet.describe(task),
            asker=self._context.hotkey,
        )
        self._record(view)
        return view

    def _close_view(self, view: TaskView, call: Call, task: Message, code: Code) -> None:
        self.counts[f"door.call.{code.name.lower()}"] += 1
        self._record(
            replace(
                view,
                state="done" if code is Code.OK else "failed",
                latency_ms=call.elapsed_ms,
                tokens=0 if call.answer is None else call.answer.usage.completion_tokens,
                code="" if code is Code.OK else code.name,
                preview=self._subnet.preview(call.parts) or view.preview,
            )
        )
        if call.answer is not None and call.receipt is not None:
            self._finished(Exchange(request_digest(call.request.head), task, call.answer, call.receipt))


def code_of_failure(error: MarketError) -> Code:
    """How a failed call is written down."""
    match error:
        case CallRefused():
            return error.refusal
        case CallTimeout():
            return Code.TIMEOUT
        case ForgedAnswer():
            return Code.FORGED
        case Unreachable():
            return Code.UNREACHABLE
        case _:
            return Code.WRONG
