"""The HTTP gateway with a front door that answers at once: server CPU of a plain answer and of each streamed token.

The client is another process, so the CPU is the server's alone. The rival is the same server software (hypercorn on
trio, Starlette) with a route that does nothing: what HTTP itself costs here.
"""

import http.client
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any, Final

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.measure import ROOT, per_s, show, title
from node.gateway.app import Gateway
from node.gateway.server import bind, run_gateway
from node.market.chat import ChatPart, ChatUsage, ModelInfo
from node.market.routes import Paid, Piece, untold
from node.primitives.types import AccountId
from node.subnets.doors import CHAT_PATH, AnyLocalRoute, AnyRoute
from node.subnets.doors import Route as SubnetRoute
from node.subnets.wire import Usage
from storage.keys import KeyStore

PLAIN: Final = 500
STREAMS: Final = 12
TOKENS: Final = 500
TURNS: Final = 3
CHUNK: Final = b"data: " + bytes(200) + b"\n\n"
MINER: Final = AccountId(bytes(32))


def _unused(*_: object) -> Any:
    raise NotImplementedError


class Door:
    """Answers at once; a streamed question gets `TOKENS` tokens, a plain one a single part."""

    routes: Sequence[AnyRoute] = (SubnetRoute("POST", CHAT_PATH, _unused, _unused),)
    local_routes: Sequence[AnyLocalRoute] = ()

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        count = request.max_tokens or 1
        for index in range(count):
            yield Piece(ChatPart(text="word ", index=index, miner=MINER), index, False, MINER)
        last = ChatPart(
            text="", index=count, done=True, miner=MINER, usage=ChatUsage(3, count), finish_reason="stop"
        )  # fmt: skip
        yield Piece(last, count, True, MINER, Usage(3, count))

    def models(self) -> list[ModelInfo]:
        return [ModelInfo("tiny", "nineteen", 1, 1)]

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        raise NotImplementedError


DOORS: Final = (Door(),)


async def _bare_plain(request: Request) -> Response:
    await request.body()
    return Response(b"{}", media_type="application/json")


async def _bare_stream(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(TOKENS):
            yield CHUNK

    await request.body()
    return StreamingResponse(chunks(), media_type="text/event-stream")


BARE: Final = Starlette(
    routes=[Route("/plain", _bare_plain, methods=["POST"]), Route("/stream", _bare_stream, methods=["POST"])]
)


def question(*, stream: bool) -> bytes:
    """A body of the OpenAI form."""
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    return json.dumps(
        {"model": "tiny", "messages": messages, "max_tokens": TOKENS if stream else 1, "stream": stream}
    ).encode()


def client(port: int, path: str, count: int, *, stream: bool) -> None:
    """Ask `count` times over one connection; runs in a process of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        connection.request("POST", path, question(stream=stream), {"content-type": "application/json"})
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200 or (stream and body.count(b"data: ") < TOKENS):
            raise RuntimeError(f"{path} answered {reply.status}: {body[:200]!r}")


async def server_cpu_s(port: int, path: str, count: int, stream: bool) -> float:
    """CPU seconds of this process while a client asks."""
    arguments = [sys.executable, __file__, "client", str(port), path, str(count), str(int(stream))]
    begin = process_time()
    await trio.run_process(arguments, cwd=ROOT)
    return process_time() - begin


async def measure() -> dict[str, float]:
    """CPU seconds of the server, by kind of request."""
    stop = trio.Event()
    with tempfile.TemporaryDirectory() as folder, KeyStore.open(Path(folder) / "gateway.db") as store:
        return await _measure(stop, store)


async def _measure(stop: trio.Event, store: KeyStore) -> dict[str, float]:
    async with trio.open_nursery() as nursery:

        async def ours(*, task_status: trio.TaskStatus[str]) -> None:
            await run_gateway(Gateway(lambda: DOORS, store=store), bind(0), stop, task_status=task_status)

        async def bare(*, task_status: trio.TaskStatus[list[str]]) -> None:
            config = Config()
            config.accesslog = None
            config.errorlog = None
            config.bind = ["127.0.0.1:0"]
            config.include_server_header = False
            await serve(BARE, config, shutdown_trigger=stop.wait, task_status=task_status)

        gateway = _port(await nursery.start(ours))
        rival = _port((await nursery.start(bare))[0])
        route = "/v1/chat/completions"
        kinds = {
            "idle": (gateway, route, 0, False),
            "plain": (gateway, route, PLAIN, False),
            "bare plain": (rival, "/plain", PLAIN, False),
            "stream": (gateway, route, STREAMS, True),
            "bare stream": (rival, "/stream", STREAMS, True),
        }
        figures = dict.fromkeys(kinds, float("inf"))
        for _ in range(TURNS):
            for name, kind in kinds.items():
                figures[name] = min(figures[name], await server_cpu_s(*kind))
        stop.set()
    return figures


def _port(url: str) -> int:
    return int(url.removesuffix("/v1").rsplit(":", 1)[1])


def main() -> None:
    """Measure and print."""
    title(f"Gateway: {PLAIN} plain answers, {STREAMS} streams of {TOKENS} tokens, one connection; server CPU only")
    raw = trio.run(measure)
    cpu_s = {name: spent - raw["idle"] for name, spent in raw.items()}  # starting the client costs the server a little
    plain, tokens = cpu_s["plain"] / cpu_s["bare plain"], STREAMS * TOKENS
    show("plain answers, per CPU-second", per_s(PLAIN, cpu_s["plain"]),
         f"{cpu_s['plain'] / PLAIN * 1e3:.2f} CPU-ms each, {plain:.2f} times a route that does nothing")  # fmt: skip
    stream = cpu_s["stream"] / cpu_s["bare stream"]
    show("streamed tokens, per CPU-second", per_s(tokens, cpu_s["stream"]),
         f"{cpu_s['stream'] / tokens * 1e6:.0f} CPU-µs each, {stream:.2f} times constant chunks")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        client(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), stream=sys.argv[5] == "1")
    else:
        main()
