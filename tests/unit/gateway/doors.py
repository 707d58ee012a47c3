"""A gateway over loopback with a door whose answers the test chooses."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from node.gateway.account import Ledger
from node.gateway.app import Gateway
from node.gateway.server import bind, run_gateway
from node.market.chat import ChatPart, ChatUsage, ModelInfo, TokenLogprob
from node.market.errors import NoMiner
from node.market.forms import EmbeddingReply, EmbeddingRequest, ImageReply
from node.market.reports import Report
from node.market.routes import Paid, Piece, untold
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Hash
from node.subnets.doors import (
    CHAT_PATH,
    COMPLETIONS_PATH,
    EMBEDDINGS_PATH,
    IMAGES_PATH,
    AnyLocalRoute,
    AnyRoute,
    Comment,
    Route,
)
from node.subnets.wire import Usage
from storage.keys import KeyStore

MINER = AccountId(b"\x05" * 32)
RECEIPT = Hash(b"\x09" * 32)
QUESTION: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


def _unused(*_: object) -> Any:
    raise NotImplementedError


def form_route(path: str, *features: str) -> AnyRoute:
    """A route of one of the common forms; the fake door needs no rules behind it."""
    return Route("POST", path, _unused, _unused, features=frozenset(features))  # type: ignore[arg-type]


FORMS = (
    form_route(CHAT_PATH, "logprobs", "json", "schema"),
    form_route(COMPLETIONS_PATH, "logprobs"),
    form_route(EMBEDDINGS_PATH, "dimensions"),
    form_route(IMAGES_PATH),
)


@dataclass
class FakeDoor:
    """Answers every chat with the same words, texts with their lengths as vectors, and prompts with the same bytes."""

    words: tuple[str, ...] = ("Good ", "morning")
    fail_at: int | None = None
    error: NodeError = field(default_factory=lambda: NoMiner("Nobody is there."))
    stalled: bool = False
    paid_rao: int = 0
    came_to_rao: int | None = None  # in the end, when that is another sum
    routes: Sequence[AnyRoute] = FORMS
    local_routes: Sequence[AnyLocalRoute] = ()
    asked: list[Any] = field(default_factory=list)
    spend: list[int | None] = field(default_factory=list)
    left: trio.Event = field(default_factory=trio.Event)

    def models(self) -> list[ModelInfo]:
        return [ModelInfo("tiny", "nineteen", 1, 2, route.path) for route in self.routes]

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        self.asked.append(request)
        self.spend.append(spend_max_rao)
        try:
            replies = self.replies(route, request)
            for index, reply in enumerate(replies):
                if index == self.fail_at:
                    raise self.error
                done = index == len(replies) - 1
                usage = Usage(3, 2) if done else None
                receipt, task = (RECEIPT, "ab" * 32) if done else (None, "")
                yield Piece(reply, index, done, MINER, usage, receipt, task, self.paid_rao)
                if self.stalled:
                    await trio.sleep_forever()
        finally:
            paid(self.paid_rao if self.came_to_rao is None else self.came_to_rao)
            self.left.set()

    def replies(self, route: AnyRoute, request: Any) -> list[Any]:
        if route.path == EMBEDDINGS_PATH:
            return [embedded(request)]
        if route.path == IMAGES_PATH:
            return [Comment("drawing"), ImageReply(image=b"\x89PNG" + str(request.seed).encode())]
        probs = request.top_logprobs is not None
        parts = [
            ChatPart(
                text=word, index=index, miner=MINER,
                logprobs=(TokenLogprob(word, -0.5, ((word, -0.5), ("é", -1.0))),) if probs else (),
            )
            for index, word in enumerate(self.words)
        ]  # fmt: skip
        return [
            *parts,
            ChatPart(
                text="", index=len(parts), done=True, miner=MINER, usage=ChatUsage(3, 2), finish_reason="stop",
            ),
        ]  # fmt: skip

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        return await route.handler(None, request)  # type: ignore[arg-type]

    async def report(self, receipt: Hash) -> Report | None:
        return Report(receipt, MINER, "wrong", "unlikely", "mean gap 9", 0.0, 7) if receipt == RECEIPT else None


def embedded(request: EmbeddingRequest) -> EmbeddingReply:
    """A vector of two numbers for each input: its length, and a half."""
    import struct

    inputs = request.texts or request.tokens
    return EmbeddingReply(vectors=tuple(struct.pack("<2f", len(each), 0.5) for each in inputs), prompt_tokens=3)


@asynccontextmanager
async def serving(
    *doors: Any,
    answers_at_once: int = 4,
    store: KeyStore | None = None,
    ledger: Ledger | None = None,
    clock_ms: Any = None,
    key: str = "",
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway in front of the doors."""
    stop = trio.Event()
    more = {} if clock_ms is None else {"clock_ms": clock_ms}
    gateway = Gateway(lambda: doors, answers_at_once=answers_at_once, store=store, ledger=ledger, **more)
    async with trio.open_nursery() as nursery:

        async def start(*, task_status: trio.TaskStatus[str]) -> None:
            await run_gateway(gateway, bind(0), stop, task_status=task_status)

        url = await nursery.start(start)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10, headers=headers) as client:
                yield client
        finally:
            stop.set()
