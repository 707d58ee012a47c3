"""The real `openai` client, sync and async, against the gateway: every form, every error class, retries and cancelling.

The door behind the gateway is the test's own; whole nodes are asked by the same client in tests/e2e.
"""

import base64
import struct
import warnings
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from node.gateway.keys import new_key
from node.market.errors import CallBroken, CallTimeout, InsufficientBudget, NoMiner
from node.market.forms import ImageReply
from node.market.routes import Paid, Piece, untold
from node.subnets.doors import IMAGES_PATH, AnyRoute, Comment
from storage.keys import KeyStore
from tests.unit.gateway.doors import QUESTION, FakeDoor, form_route, serving

openai = pytest.importorskip("openai")
ALL: Any = QUESTION


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "gateway.db") as opened:
        yield opened


async def talk(
    door: Any, work: Callable[[Any], None], *, key: str = "none", retries: int = 0, store: KeyStore | None = None
) -> None:
    """Let the client work in a thread, as programs do."""
    async with serving(door, store=store) as http:

        def run() -> None:
            with openai.OpenAI(base_url=str(http.base_url), api_key=key, max_retries=retries, timeout=10) as client:
                work(client)

        await trio.to_thread.run_sync(run)


# --- forms ----------------------------------------------------------------------------------------------------------


async def test_chats_plain_and_streamed() -> None:
    def work(client: Any) -> None:
        plain = client.chat.completions.create(**ALL, seed=7, user="me", max_completion_tokens=9)
        assert plain.choices[0].message.content == "Good morning"
        assert plain.choices[0].finish_reason == "stop"
        assert plain.usage.total_tokens == 5
        assert plain.system_fingerprint.startswith("fp_")
        stream = client.chat.completions.create(**ALL, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        assert chunks[0].choices[0].delta.role == "assistant"
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Good morning"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 2)

    await talk(FakeDoor(), work)


async def test_the_streaming_helper_assembles_the_same_answer() -> None:
    def work(client: Any) -> None:
        with client.chat.completions.stream(**ALL) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.content == "Good morning"

    await talk(FakeDoor(), work)


async def test_several_choices_are_several_calls_with_seeds_of_their_own() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        plain = client.chat.completions.create(**ALL, n=3, seed=-1)
        assert [choice.index for choice in plain.choices] == [0, 1, 2]
        assert plain.usage.prompt_tokens == 9
        assert len(plain.model_extra["neurond"]["answers"]) == 3
        texts = {0: "", 1: ""}
        ends = []
        for chunk in client.chat.completions.create(**ALL, n=2, seed=5, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                ends += [choice.finish_reason] if choice.finish_reason else []
        assert texts == {0: "Good morning", 1: "Good morning"}
        assert ends == ["stop", "stop"]

    await talk(door, work)
    assert len({request.seed for request in door.asked[:3]}) == 3
    assert 2**64 - 1 in {request.seed for request in door.asked[:3]}
    assert 5 in {request.seed for request in door.asked[3:]}


async def test_log_probabilities_and_forms_of_answers_reach_the_market_and_come_back() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        found = client.chat.completions.create(**ALL, logprobs=True, top_logprobs=2)
        tokens = found.choices[0].logprobs.content
        assert [each.token for each in tokens] == ["Good ", "morning"]
        assert tokens[0].top_logprobs[1].bytes == list("é".encode())
        streamed = client.chat.completions.create(**ALL, logprobs=True, stream=True)
        assert sum(len(c.choices[0].logprobs.content) for c in streamed if c.choices[0].logprobs) == 2
        client.chat.completions.create(**ALL, response_format={"type": "json_object"})
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        client.chat.completions.create(
            **ALL,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}},
        )

    await talk(door, work)
    assert [request.top_logprobs for request in door.asked] == [2, 0, None, None]
    assert door.asked[2].form == "json"
    assert '"integer"' in door.asked[3].form


async def test_content_in_pieces_and_developers_are_understood() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        pieces = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        messages = [{"role": "developer", "content": "short"}, {"role": "user", "content": pieces}]
        client.chat.completions.create(model="tiny", messages=messages)

    await talk(door, work)
    assert [(turn.role, turn.content) for turn in door.asked[0].messages] == [("system", "short"), ("user", "ab")]


async def test_completions_plain_streamed_several_prompts_and_log_probabilities() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        plain = client.completions.create(model="tiny", prompt=["a", "b"], logprobs=1, max_tokens=5)
        assert [choice.text for choice in plain.choices] == ["Good morning"] * 2
        assert plain.choices[0].logprobs.token_logprobs == [-0.5, -0.5]
        assert plain.choices[0].logprobs.text_offset == [0, 5]
        stream = client.completions.create(model="tiny", prompt="a", stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream) == "Good morning"
        with pytest.raises(openai.BadRequestError) as caught:
            client.completions.create(model="tiny", prompt="a", echo=True)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "echo")

    await talk(door, work)
    assert sorted(request.prompt for request in door.asked) == ["a", "a", "b"]


async def test_embeddings_as_base64_and_numbers_of_texts_and_token_ids() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        default = client.embeddings.create(model="tiny", input=["four", "fünf!"])  # asks for base64 and decodes it
        assert [each.embedding for each in default.data] == [[4.0, 0.5], [5.0, 0.5]]
        assert default.usage.prompt_tokens == 3
        numbers = client.embeddings.create(model="tiny", input="one", encoding_format="float", dimensions=2)
        assert numbers.data[0].embedding == [3.0, 0.5]
        ids = client.embeddings.create(model="tiny", input=[1, 2, 3])
        assert ids.data[0].embedding == [3.0, 0.5]
        raw = client.embeddings.with_raw_response.create(model="tiny", input=[[1], [2, 3]], encoding_format="base64")
        shown = raw.http_response.json()["data"][1]["embedding"]
        assert struct.unpack("<2f", base64.b64decode(shown)) == (2.0, 0.5)
        wrongs: tuple[Any, ...] = ("", [], [""], [[]], ["a", 1])
        for wrong in wrongs:
            with pytest.raises(openai.BadRequestError) as caught:
                client.embeddings.create(model="tiny", input=wrong)
            assert caught.value.param.startswith("input")

    await talk(door, work)
    assert door.asked[2].tokens == ((1, 2, 3),)
    assert door.asked[1].dimensions == 2


async def test_images_come_as_base64_one_call_each() -> None:
    door = FakeDoor()

    def work(client: Any) -> None:
        found = client.images.generate(
            model="tiny", prompt="a hill", n=2, size="256x128", response_format="b64_json", extra_body={"seed": 3}
        )
        images = [base64.b64decode(each.b64_json) for each in found.data]
        assert images[0] == b"\x89PNG3"
        assert images[0] != images[1]
        for extra in ({"response_format": "url"}, {"size": "9999x9999"}, {"quality": "hd"}, {"n": 5}):
            with pytest.raises(openai.BadRequestError) as caught:
                client.images.generate(model="tiny", prompt="a hill", **extra)
            assert caught.value.param in extra

    await talk(door, work)
    assert [(each.width, each.height) for each in door.asked] == [(256, 128)] * 2


async def test_an_image_is_what_its_route_makes_of_all_replies() -> None:
    def work(client: Any) -> None:
        found = client.images.generate(model="tiny", prompt="a hill", n=2)
        assert [base64.b64decode(each.b64_json) for each in found.data] == [b"one,two"] * 2

    class Halves(FakeDoor):
        def replies(self, route: AnyRoute, request: Any) -> list[Any]:
            return [Comment("drawing"), b"one", b"two"]

    folding = replace(form_route(IMAGES_PATH), fold=lambda parts: ImageReply(image=b",".join(parts)))
    await talk(Halves(routes=(folding,)), work)


async def test_models_are_listed_and_found() -> None:
    def work(client: Any) -> None:
        assert [model.id for model in client.models.list()] == ["tiny"]
        assert client.models.retrieve("tiny").model_extra["endpoints"][0] == "/v1/chat/completions"
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve("huge")
        assert caught.value.code == "model_not_found"

    await talk(FakeDoor(), work)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "status", "code"),
    [
        (NoMiner("Nobody."), "InternalServerError", 503, "market.no_miner"),
        (CallTimeout("Slow.", "first part"), "InternalServerError", 504, "market.call_timeout"),
        (CallBroken("Broken."), "InternalServerError", 502, "market.call_broken"),
        (
            InsufficientBudget("Poor.", required_rao=2, available_rao=1, topup_address="5F"),
            "RateLimitError", 429, "insufficient_quota",
        ),
        (ZeroDivisionError(), "InternalServerError", 500, "defect"),
    ],
)  # fmt: skip
async def test_each_failure_is_the_clients_own_exception(error: Any, kind: str, status: int, code: str) -> None:
    def work(client: Any) -> None:
        with pytest.raises(getattr(openai, kind)) as caught:
            client.chat.completions.create(**ALL)
        assert (caught.value.status_code, caught.value.code) == (status, code)
        assert caught.value.request_id

    await talk(FakeDoor(fail_at=0, error=error), work)


async def test_wrong_requests_and_keys_are_the_clients_own_exceptions(store: KeyStore) -> None:
    row, secret = new_key("reader", ("read",), 2, 0, 0, 1)
    store.add(row)

    def without(client: Any) -> None:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert caught.value.code == "invalid_api_key"

    def reader(client: Any) -> None:
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(**ALL)
        client.models.list()
        with pytest.raises(openai.RateLimitError) as caught:
            client.models.list()
        assert caught.value.code == "rate_limit_exceeded"
        assert caught.value.body["remaining"] == 0

    await talk(FakeDoor(), without, store=store)
    await talk(FakeDoor(), reader, store=store, key=secret)

    def wrong(client: Any) -> None:
        with pytest.raises(openai.NotFoundError, match="huge"):
            client.chat.completions.create(**{**ALL, "model": "huge"})
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**ALL, temperature=5)
        assert (caught.value.param, caught.value.type) == ("temperature", "invalid_request_error")
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(**ALL, functions=[{"name": "f"}])
        assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "functions")

    await talk(FakeDoor(), wrong)


async def test_an_error_in_mid_stream_is_raised_by_the_client() -> None:
    def work(client: Any) -> None:
        seen: list[str] = []
        with pytest.raises(openai.APIError, match=r"Broken\."):
            seen.extend(c.choices[0].delta.content for c in client.chat.completions.create(**ALL, stream=True))
        assert seen == ["", "Good "]

    await talk(FakeDoor(fail_at=1, error=CallBroken("Broken.")), work)


async def test_the_clients_own_retries_reach_an_answer() -> None:
    class Flaky(FakeDoor):
        async def call(
            self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
        ) -> AsyncGenerator[Piece, None]:
            self.fail_at = 0 if len(self.asked) < 2 else None
            async for piece in super().call(route, request):
                yield piece

    door = Flaky()
    await talk(door, lambda client: client.chat.completions.create(**ALL), retries=2)
    assert len(door.asked) == 3


async def test_closing_a_stream_releases_the_miner() -> None:
    door = FakeDoor(stalled=True)

    def work(client: Any) -> None:
        stream = client.chat.completions.create(**ALL, stream=True)
        next(iter(stream))
        stream.close()

    async with serving(door) as http:

        def run() -> None:
            with openai.OpenAI(base_url=str(http.base_url), api_key="none", max_retries=0) as client:
                work(client)

        await trio.to_thread.run_sync(run)
        with trio.fail_after(5):
            await door.left.wait()


# --- asyncio --------------------------------------------------------------------------------------------------------


async def test_the_asynchronous_client_does_the_same() -> None:
    async def work(url: str) -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            plain = await client.chat.completions.create(**ALL)
            assert plain.choices[0].message.content == "Good morning"
            text = ""
            async for chunk in await client.chat.completions.create(**ALL, stream=True):
                text += chunk.choices[0].delta.content or ""
            assert text == "Good morning"
            assert (await client.embeddings.create(model="tiny", input="abc")).data[0].embedding == [3.0, 0.5]
            assert [model.id async for model in client.models.list()] == ["tiny"]
            with pytest.raises(openai.NotFoundError):
                await client.chat.completions.create(**{**ALL, "model": "huge"})

    async with serving(FakeDoor()) as http:

        def run() -> None:
            import asyncio

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                asyncio.run(work(str(http.base_url)))

        await trio.to_thread.run_sync(run)


async def test_a_form_without_a_subnet_is_not_found() -> None:
    def work(client: Any) -> None:
        with pytest.raises(openai.NotFoundError, match="/v1/embeddings"):
            client.embeddings.create(model="tiny", input="x")

    await talk(FakeDoor(routes=(form_route("/v1/chat/completions"),)), work)
