"""One chat answer over ASGI, streamed as server-sent events or collected into one body.

Everything happens in the one task that the server gave the request, because the market's stream may not be handed from
task to task. A child task watches for the client to leave and cancels: the server's own `is_disconnected` never fires
on trio. Until the first token is there the status code is still free, so a refusal becomes a proper HTTP error.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import trio
from starlette.types import Receive, Scope, Send

from node.gateway.openai import error_body
from node.gateway.problems import problem_of
from node.market.chat import ChatPart, ChatRequest, ChatUsage
from node.market.errors import CallBroken
from node.primitives.address import to_ss58
from node.primitives.errors import NodeError

Ask = Callable[[ChatRequest], AsyncGenerator[ChatPart, None]]

_JSON = [(b"content-type", b"application/json")]
_SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


class Answer:
    """An ASGI application that serves exactly one chat request."""

    def __init__(self, ask: Ask, request: ChatRequest, request_id: str, *, stream: bool, usage: bool) -> None:
        self._ask = ask
        self._request = request
        self._id = request_id
        self._stream = stream
        self._usage = usage
        self._created = int(time.time())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the answer; returns early when the client leaves."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_disconnect, receive, nursery.cancel_scope)
            async with aclosing(self._ask(self._request)) as parts:
                if self._stream:
                    await self._send_stream(parts, send)
                else:
                    await self._send_whole(parts, send)
            nursery.cancel_scope.cancel()

    # --- one body ---------------------------------------------------------------------------------------------------

    async def _send_whole(self, parts: AsyncGenerator[ChatPart, None], send: Send) -> None:
        texts: list[str] = []
        last: ChatPart | None = None
        try:
            async for part in parts:
                texts.append(part.text)
                last = part
        except NodeError as error:
            return await self._send_problem(error, send)
        if last is None or not last.done:
            return await self._send_problem(CallBroken("The answer ended before it was complete."), send)
        body = {
            **self._frame("chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "".join(texts)},
                    "finish_reason": last.finish_reason,
                    "logprobs": None,
                }
            ],
            "usage": _usage(last.usage),
            **_provenance(last),
        }
        await send({"type": "http.response.start", "status": 200, "headers": self._headers(_JSON)})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})

    # --- a stream ---------------------------------------------------------------------------------------------------

    async def _send_stream(self, parts: AsyncGenerator[ChatPart, None], send: Send) -> None:
        started = False
        try:
            async for part in parts:
                if not started:
                    await send({"type": "http.response.start", "status": 200, "headers": self._headers(_SSE)})
                    await self._event(send, self._chunk({"role": "assistant", "content": ""}))
                    started = True
                await self._send_part(part, send)
        except NodeError as error:
            if not started:
                return await self._send_problem(error, send)
            problem = problem_of(error)
            await self._event(send, error_body(problem.message, problem.kind, problem.code))
        if started:
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})
        else:
            await self._send_problem(CallBroken("The answer ended before it began."), send)

    async def _send_part(self, part: ChatPart, send: Send) -> None:
        if part.text:
            await self._event(send, self._chunk({"content": part.text}))
        if part.done:
            await self._event(send, {**self._chunk({}, part.finish_reason), **_provenance(part)})
            if self._usage:
                frame = self._frame("chat.completion.chunk")
                await self._event(send, {**frame, "choices": [], "usage": _usage(part.usage)})

    async def _event(self, send: Send, body: dict[str, Any]) -> None:
        data = b"data: " + msgspec.json.encode(body) + b"\n\n"
        await send({"type": "http.response.body", "body": data, "more_body": True})

    # --- shared -----------------------------------------------------------------------------------------------------

    async def _send_problem(self, error: NodeError, send: Send) -> None:
        problem = problem_of(error)
        body = error_body(problem.message, problem.kind, problem.code, problem.param)
        await send({"type": "http.response.start", "status": problem.status, "headers": self._headers(_JSON)})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})

    def _headers(self, kind: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [*kind, (b"x-request-id", self._id.encode("latin-1"))]

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self._id}", "object": kind, "created": self._created, "model": self._request.model}

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return {**self._frame("chat.completion.chunk"), "choices": [choice]}


async def _cancel_on_disconnect(receive: Receive, scope: trio.CancelScope) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope.cancel()
            return


def _usage(usage: ChatUsage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _provenance(part: ChatPart) -> dict[str, Any]:
    """Who answered, and the digest of the receipt both sides signed: an addition of ours, clients skip it."""
    receipt = None if part.receipt is None else part.receipt.hex()
    return {"neurond": {"miner": to_ss58(part.miner), "receipt": receipt}}
