"""The gateway over real HTTP: answers in the OpenAI form, and errors that name what is wrong."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import trio

from node.gateway.app import Gateway
from node.gateway.server import bind, run_gateway
from node.market.chat import ChatPart, ChatRequest, ChatUsage, ModelInfo
from node.market.errors import CallBroken, NoMiner
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Hash
from node.service.errors import PortTaken

MINER = AccountId(b"\x05" * 32)
QUESTION = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class FakeDoor:
    """Answers every question with the same words."""

    words: tuple[str, ...] = ("Good ", "morning")
    fail_at: int | None = None
    error: NodeError = field(default_factory=lambda: NoMiner("Nobody is there."))
    asked: list[ChatRequest] = field(default_factory=list)
    stalled: bool = False
    left: trio.Event = field(default_factory=trio.Event)

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        self.asked.append(request)
        try:
            for index, word in enumerate(self.words):
                if index == self.fail_at:
                    raise self.error
                yield ChatPart(text=word, index=index, miner=MINER)
                if self.stalled:
                    await trio.sleep_forever()
            yield ChatPart(
                text="", index=len(self.words), done=True, miner=MINER, usage=ChatUsage(3, 2), finish_reason="stop",
                receipt=Hash(b"\x09" * 32),
            )  # fmt: skip
        finally:
            self.left.set()

    def models(self) -> list[ModelInfo]:
        return [ModelInfo("tiny", "nineteen", 1, 2)]


@asynccontextmanager
async def serving(door: FakeDoor, *, answers_at_once: int = 4) -> AsyncIterator[httpx.AsyncClient]:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def start(*, task_status: trio.TaskStatus[str]) -> None:
            await run_gateway(Gateway(door, answers_at_once=answers_at_once), bind(0), stop, task_status=task_status)

        url = await nursery.start(start)
        try:
            async with httpx.AsyncClient(base_url=url, timeout=10) as client:
                yield client
        finally:
            stop.set()


async def test_a_plain_answer_has_the_text_the_usage_and_the_miner() -> None:
    async with serving(FakeDoor()) as client:
        reply = await client.post("/chat/completions", json=QUESTION)
    body = reply.json()
    assert reply.status_code == 200
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Good morning"}
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert body["neurond"]["receipt"] == "09" * 32
    assert reply.headers["x-request-id"]


async def test_a_streamed_answer_arrives_piece_by_piece_and_ends_with_done() -> None:
    async with serving(FakeDoor()) as client:
        body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
        async with client.stream("POST", "/chat/completions", json=body) as reply:
            lines = [line async for line in reply.aiter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]]
    assert "".join(texts) == "Good morning"
    assert len([text for text in texts if text]) == 2
    assert chunks[-1]["usage"]["total_tokens"] == 5


async def test_parameters_reach_the_market_unchanged() -> None:
    door = FakeDoor()
    async with serving(door) as client:
        await client.post(
            "/chat/completions",
            json={**QUESTION, "temperature": 0.25, "top_p": 0.5, "max_tokens": 7, "stop": ["x"], "seed": 11},
        )
    asked = door.asked[0]
    assert (asked.temperature, asked.top_p, asked.max_tokens, asked.stop, asked.seed) == (0.25, 0.5, 7, ("x",), 11)


BROKEN: list[tuple[bytes, str]] = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    (b"\xff\xfe", "body"),
    (b"[" * 100_000, "body"),
    (json.dumps({"messages": QUESTION["messages"]}).encode(), "model"),
    (json.dumps({**QUESTION, "model": 7}).encode(), "model"),
    (json.dumps({**QUESTION, "model": ""}).encode(), "model"),
    (json.dumps({**QUESTION, "messages": []}).encode(), "messages"),
    (json.dumps({**QUESTION, "messages": [{"role": "robot", "content": ""}]}).encode(), "messages[0].role"),
    (json.dumps({**QUESTION, "messages": [{"role": "user"}]}).encode(), "messages[0].content"),
    (json.dumps({**QUESTION, "temperature": "hot"}).encode(), "temperature"),
    (json.dumps({**QUESTION, "temperature": 9}).encode(), "temperature"),
    (json.dumps({**QUESTION, "max_tokens": 0}).encode(), "max_tokens"),
    (json.dumps({**QUESTION, "max_tokens": 10**9}).encode(), "max_tokens"),
    (json.dumps({**QUESTION, "n": 2}).encode(), "n"),
    (json.dumps({**QUESTION, "frequency_penalty": 1}).encode(), "frequency_penalty"),
    (json.dumps({**QUESTION, "colour": "blue"}).encode(), "colour"),
    (json.dumps({**QUESTION, "logprobs": True}).encode(), "logprobs"),
    (json.dumps({**QUESTION, "stream_options": {"include_usage": True}}).encode(), "stream_options"),
    (b'{"model": "tiny", "messages": [{"role": "user", "content": "a"}], "temperature": NaN}', "body"),
]


@pytest.mark.parametrize(("body", "param"), BROKEN)
async def test_a_broken_body_gets_a_400_that_names_the_field(body: bytes, param: str) -> None:
    door = FakeDoor()
    async with serving(door) as client:
        reply = await client.post("/chat/completions", content=body, headers={"content-type": "application/json"})
    error = reply.json()["error"]
    assert reply.status_code == 400
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert not door.asked


async def test_a_giant_body_is_refused_without_being_held() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(9 * 16):
            yield b" " * 65_536

    async with serving(FakeDoor()) as client:
        reply = await client.post("/chat/completions", content=endless(), headers={"content-type": "application/json"})
        raw = await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0)
        head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        await raw.send_all(f"{head}content-length: 999999999\r\n\r\n".encode())
        with trio.fail_after(5):
            declared = await raw.receive_some(100)
        await raw.aclose()
    assert reply.status_code == 413
    assert declared.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 403), ({"host": "evil.example:80"}, 403), ({"content-type": "text/plain"}, 415)],
)
async def test_a_web_page_of_another_site_cannot_ask(headers: dict[str, str], status: int) -> None:
    door = FakeDoor()
    async with serving(door) as client:
        merged = {"content-type": "application/json", **headers}
        reply = await client.post("/chat/completions", content=json.dumps(QUESTION), headers=merged)
        ordinary = await client.post("/chat/completions", json=QUESTION)
    assert reply.status_code == status
    assert "access-control-allow-origin" not in ordinary.headers
    assert len(door.asked) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_before_the_first_word_is_an_http_error(stream: bool) -> None:
    door = FakeDoor(fail_at=0, error=NoMiner("Nobody is there.", tried=("5F.. refused",)))
    async with serving(door) as client:
        reply = await client.post("/chat/completions", json={**QUESTION, "stream": stream})
    assert reply.status_code == 503
    assert "5F.. refused" in reply.json()["error"]["message"]


async def test_a_break_in_mid_stream_is_said_in_the_stream() -> None:
    async with serving(FakeDoor(fail_at=1, error=CallBroken("The line broke."))) as client:
        reply = await client.post("/chat/completions", json={**QUESTION, "stream": True})
    assert reply.status_code == 200
    assert "The line broke." in reply.text
    assert reply.text.rstrip().endswith("data: [DONE]")


async def test_an_answer_that_just_ends_is_never_sold_as_complete() -> None:
    class Cut(FakeDoor):
        async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
            yield ChatPart(text="Good", index=0, miner=MINER)

    async with serving(Cut()) as client:
        reply = await client.post("/chat/completions", json=QUESTION)
    assert reply.status_code == 502


@pytest.mark.parametrize("stream", [True, False])
async def test_the_miner_is_released_when_the_client_leaves(stream: bool) -> None:
    door = FakeDoor(stalled=True)
    async with serving(door) as client:
        with trio.move_on_after(0.5):
            await client.post("/chat/completions", json={**QUESTION, "stream": stream})
        with trio.fail_after(5):
            await door.left.wait()


async def test_one_answer_too_many_is_told_to_come_back() -> None:
    door = FakeDoor(stalled=True)
    async with serving(door, answers_at_once=1) as client, trio.open_nursery() as nursery:
        nursery.start_soon(_post, client, QUESTION)
        while not door.asked:
            await trio.sleep(0.01)
        reply = await client.post("/chat/completions", json=QUESTION)
        assert reply.status_code == 429
        assert reply.headers["retry-after"] == "1"
        nursery.cancel_scope.cancel()


async def _post(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    await client.post("/chat/completions", json=body)


@pytest.mark.parametrize(
    ("path", "status"), [("/models", 200), ("/models/tiny", 200), ("/models/huge", 404), ("/x", 404)]
)
async def test_models_are_listed_and_unknown_paths_have_a_json_error(path: str, status: int) -> None:
    async with serving(FakeDoor()) as client:
        reply = await client.get(path)
    assert reply.status_code == status
    assert ("error" in reply.json()) == (status != 200)


def test_a_taken_port_is_told_in_one_sentence() -> None:
    holder = bind(0)
    holder.listen()
    with pytest.raises(PortTaken, match="--gateway-port"):
        bind(holder.getsockname()[1])
    holder.close()


async def in_thread(work: Callable[[], None]) -> None:
    await trio.to_thread.run_sync(work)


async def test_the_real_openai_client_gets_a_streamed_and_a_plain_answer() -> None:
    openai = pytest.importorskip("openai")
    async with serving(FakeDoor()) as http:

        def talk() -> None:
            client = openai.OpenAI(base_url=str(http.base_url), api_key="none", max_retries=0)
            plain = client.chat.completions.create(**QUESTION)
            assert plain.choices[0].message.content == "Good morning"
            stream = client.chat.completions.create(**QUESTION, stream=True)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Good morning"
            assert [model.id for model in client.models.list()] == ["tiny"]
            with pytest.raises(openai.BadRequestError, match="temperature"):
                client.chat.completions.create(**QUESTION, temperature=5)

        await in_thread(talk)
