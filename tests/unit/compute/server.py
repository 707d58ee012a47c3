"""A small OpenAI-compatible server around the tiny model: another engine, with noise and faults of its own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from models import Sampling, TextModel
from models.token import Token
from node.primitives.crypto import digest

KNOWN = {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "stream", "logprobs", "top_logprobs",
         "response_format"}  # fmt: skip


@dataclass
class Engine:
    """The server; `fault` says how it misbehaves, `asked` keeps the bodies it got."""

    model: TextModel
    tells: bool = True
    strict: bool = False
    fault: str = ""
    key: str = ""
    asked: list[dict[str, object]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[
            Route("/v1/models", self.models), Route("/v1/chat/completions", self.chat, methods=["POST"]),
        ])  # fmt: skip

    async def models(self, request: Request) -> Response:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": {"message": "no such key"}}, 401)
        return JSONResponse({"object": "list", "data": [{"id": "tiny", "object": "model"}, {"id": "other"}]})

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        unknown = sorted(set(body) - KNOWN)
        if self.strict and (unknown or (body.get("logprobs") and not self.tells)):
            return JSONResponse({"error": {"message": f"unknown parameter {unknown or 'logprobs'}"}}, 400)
        if self.fault.isdigit():
            return JSONResponse({"error": {"message": "not today"}}, int(self.fault))
        return StreamingResponse(self.stream(body), media_type="text/event-stream")

    async def stream(self, body: dict[str, object]) -> AsyncIterator[bytes]:
        model, messages = self.model, body["messages"]
        assert isinstance(messages, list)
        prompt = model.chat_prompt([(each["role"], each["content"]) for each in messages])
        shape = body.get("response_format")
        form = ""
        if isinstance(shape, dict):
            form = "json" if shape["type"] == "json_object" else json.dumps(shape["json_schema"]["schema"])
        sampling = Sampling(
            digest("another engine", str(body["seed"]).encode()), temperature=float(str(body["temperature"])),
            top_p=float(str(body["top_p"])), max_tokens=int(str(body["max_tokens"])), form=form,
            top_logprobs=int(str(body.get("top_logprobs", 0))),
        )  # fmt: skip
        for token in model.generate(prompt, sampling):
            yield self.event(token, bool(body.get("logprobs")) and self.tells)
            if self.fault == "breaks" and token.index == 3:
                raise RuntimeError("the engine fell over")
            if self.fault == "error" and token.index == 3:
                yield b'data: {"error": {"message": "out of memory"}}\n\n'
                return
            if self.fault == "garbage" and token.index == 3:
                yield b"data: {]\n\n"
            if self.fault == "endless line":
                yield b"data: " + bytes(400_000)
            await trio.lowlevel.checkpoint()
        yield b"data: [DONE]\n\n"

    def event(self, token: Token, tells: bool) -> bytes:
        finish = {"stop": "stop", "length": "length", None: None}[token.finish_reason and token.finish_reason.value]
        choice: dict[str, object] = {"index": 0, "delta": {"content": token.text}, "finish_reason": finish}
        if tells and token.id is not None:
            choice["logprobs"] = {
                "content": [
                    self.odds(token.id, token.surprisal)
                    | {"top_logprobs": [self.odds(*each) for each in token.leaders]}
                ]
            }
        return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"

    def odds(self, token: int, surprisal: int) -> dict[str, object]:
        data = self.model.token_bytes([token])[0] or b"<|im_end|>"
        return {"token": data.decode("utf-8", "replace"), "bytes": list(data), "logprob": -surprisal / 10_000}


async def serving(engine: Engine, *, task_status: trio.TaskStatus[str]) -> None:
    """Serve until cancelled; started with the address clients use."""
    config = Config()
    config.accesslog = config.errorlog = None
    config.bind = ["127.0.0.1:0"]
    async with trio.open_nursery() as nursery:
        bound = await nursery.start(serve, engine.app(), config)
        task_status.started(bound[0] + "/v1")
