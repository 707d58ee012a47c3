"""The gateway over real HTTP: answers in the OpenAI form, and errors that name what is wrong."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import trio

from node.gateway.server import bind
from node.market.chat import ChatPart
from node.market.errors import CallBroken, NoMiner
from node.market.routes import Closed, Paid, Piece, untold
from node.service.errors import PortTaken
from node.subnets.doors import AnyRoute
from tests.unit.gateway.doors import MINER, QUESTION, FakeDoor, form_route, serving


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
    (json.dumps({**QUESTION, "n": 5}).encode(), "n"),
    (json.dumps({**QUESTION, "frequency_penalty": 1}).encode(), "frequency_penalty"),
    (json.dumps({**QUESTION, "tools": [{"type": "function"}]}).encode(), "tools[0].function"),
    (json.dumps({**QUESTION, "tool_choice": "auto"}).encode(), "tool_choice"),
    (json.dumps({**QUESTION, "logit_bias": {"5": 1}}).encode(), "logit_bias"),
    (json.dumps({**QUESTION, "seed": 2**64}).encode(), "seed"),
    (json.dumps({**QUESTION, "top_logprobs": 2}).encode(), "top_logprobs"),
    (json.dumps({**QUESTION, "logprobs": True, "top_logprobs": 21}).encode(), "top_logprobs"),
    (json.dumps({**QUESTION, "response_format": {"type": "xml"}}).encode(), "response_format.type"),
    (json.dumps({**QUESTION, "response_format": {"type": "json_schema"}}).encode(), "response_format.json_schema"),
    (
        json.dumps({**QUESTION, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}).encode(),
        "messages[0].content[0].type",
    ),
    (json.dumps({**QUESTION, "messages": [{"role": "tool", "content": "x"}]}).encode(), "messages[0].tool_call_id"),
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


async def test_one_of_several_images_that_fails_is_told_as_it_is_and_no_fault_of_the_gateway() -> None:
    door = FakeDoor(fail_at=0, error=NoMiner("Nobody is online.", ("5F.. refused",)))
    async with serving(door) as client:
        reply = await client.post("/images/generations", json={"model": "tiny", "prompt": "a cat", "n": 2})
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
        async def call(
            self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
        ) -> AsyncGenerator[Piece, None]:
            yield Piece(ChatPart(text="Good", index=0, miner=MINER), 0, False, MINER)

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


async def test_fields_that_change_nothing_are_skipped_and_neutral_values_pass() -> None:
    extra = {
        "user": "me", "store": False, "metadata": {"a": "b"}, "colour": "blue", "service_tier": "auto", "tools": [],
        "tool_choice": "none", "logit_bias": {}, "frequency_penalty": 0, "parallel_tool_calls": True,
        "response_format": {"type": "text"}, "modalities": ["text"], "stop": None,
    }  # fmt: skip
    async with serving(FakeDoor()) as client:
        reply = await client.post("/chat/completions", json={**QUESTION, **extra})
    assert reply.status_code == 200


async def test_what_a_model_cannot_do_is_refused_with_the_forms_own_code() -> None:
    plain = FakeDoor(routes=(form_route("/v1/chat/completions"),))
    async with serving(plain) as client:
        for extra, param in (
            ({"logprobs": True}, "logprobs"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"functions": [{"name": "f"}]}, "functions"),
        ):
            reply = await client.post("/chat/completions", json={**QUESTION, **extra})
            assert reply.status_code == 400
            assert (reply.json()["error"]["code"], reply.json()["error"]["param"]) == ("unsupported_parameter", param)
    assert not plain.asked


@pytest.mark.parametrize("path", ["/completions", "/embeddings", "/images/generations"])
async def test_a_form_that_no_subnet_serves_is_a_404_that_says_so(path: str) -> None:
    body = {"model": "tiny", "prompt": "x", "input": "x"}
    async with serving(FakeDoor(routes=(form_route("/v1/chat/completions"),))) as client:
        reply = await client.post(path, json=body)
    assert reply.status_code == 404
    assert f"/v1{path}" in reply.json()["error"]["message"]


async def test_a_node_that_cannot_ask_says_why_on_every_form() -> None:
    async with serving(Closed("This node is still starting.")) as client:
        chat = await client.post("/chat/completions", json=QUESTION)
        unknown = await client.post("/chat/completions", json={**QUESTION, "model": "huge"})
    assert chat.status_code == unknown.status_code == 503
    assert "still starting" in chat.json()["error"]["message"]


async def test_the_door_that_has_the_model_is_asked() -> None:
    class Other(FakeDoor):
        def models(self) -> list[Any]:
            return []

    empty, full = Other(), FakeDoor()
    async with serving(empty, full) as client:
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
        unknown = await client.post("/chat/completions", json={**QUESTION, "model": "huge"})
    assert (len(empty.asked), len(full.asked)) == (0, 1)
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert "tiny" in unknown.json()["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_without_the_log_probabilities_that_were_asked_for_is_broken(stream: bool) -> None:
    class Silent(FakeDoor):
        def replies(self, route: AnyRoute, request: Any) -> list[Any]:
            return [msgspec.structs.replace(reply, logprobs=()) for reply in super().replies(route, request)]

    async with serving(Silent()) as client:
        reply = await client.post("/chat/completions", json={**QUESTION, "logprobs": True, "stream": stream})
    assert reply.status_code == (200 if stream else 502)
    assert "log-probabilities" in reply.text
