"""The real `openai` client against a whole network of processes: answers, forms, vectors, pictures, money, leaving."""

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from node.control.client_sync import SyncClient
from node.control.options import DevnetNode, DevnetOptions, DevnetStatus
from node.control.route_api import RouteRequest
from node.control.wallets import wallet_store
from node.primitives.address import to_ss58
from node.service import devnet
from node.subnets.chutes.bundle import Chute
from node.subnets.chutes.png import decode_png
from tests.unit.subnets.chutes.support import PICTURE_SIDE, VECTOR, embedder, embedding, painter, painting

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.e2e

NEUROND = str(Path(sys.executable).with_name("neurond"))
CHAT: Any = {"messages": [{"role": "user", "content": "the world"}], "max_tokens": 12}
TOLD_WITHIN_S = 60.0  # who failed is asked last for half a minute
PAID_WITHIN_S = 60.0  # the first price opens a channel, which takes some blocks


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[DevnetStatus]:
    """Two authorities that validate, one honest miner, in two subnets; and one that answers chats at random."""
    options = DevnetOptions(
        tmp_path_factory.mktemp("devnet"), nodes=3, slot_ms=500, tempo=12, cheaters=("random",), model=tiny_model,
        subnets=("nineteen", "chutes"),
    )  # fmt: skip
    try:
        yield devnet.up(options, lambda step: None)
    finally:
        devnet.down(options.home, lambda step: None)


def neurond(node: DevnetNode, *arguments: str) -> Any:
    """What a command of a node answers, in JSON."""
    done = subprocess.run(
        [NEUROND, *arguments, "--json", "--home", str(node.home)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return json.loads(done.stdout) if done.stdout.strip() else None


@contextmanager
def client_of(net: DevnetStatus, *, key: str = "none", retries: int = 4) -> Iterator[Any]:
    with openai.OpenAI(base_url=net.nodes[0].gateway_url, api_key=key, max_retries=retries, timeout=60) as client:
        yield client


@pytest.mark.timeout(300)
def test_a_seeded_answer_is_the_same_plain_streamed_and_again(net: DevnetStatus, model: str) -> None:
    with client_of(net) as client:
        plain = [client.chat.completions.create(model=model, seed=11, **CHAT) for _ in range(2)]
        stream = client.chat.completions.create(model=model, seed=11, stream=True, **CHAT)
        chunks = [chunk for chunk in stream if chunk.choices]
    text = plain[0].choices[0].message.content
    assert text
    prints = {each.system_fingerprint for each in plain} | {chunks[-1].system_fingerprint}
    if len(prints) == 1:  # another fingerprint is another miner, whose noise is its own
        assert plain[1].choices[0].message.content == text
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert plain[0].usage.completion_tokens > 0
    assert len(plain[0].model_extra["neurond"]["receipt"]) == 64


def _logprobs(client: Any, model: str) -> Any:
    """Log-probabilities of an answer; the cheat of this network tells none, which is an error and not a blank."""
    give_up_s = time.monotonic() + TOLD_WITHIN_S
    while time.monotonic() < give_up_s:
        try:
            found = client.with_options(max_retries=0).chat.completions.create(
                model=model, logprobs=True, top_logprobs=2, **CHAT
            )
        except openai.InternalServerError as error:
            if "log-probabilities" not in str(error):
                raise
            time.sleep(0.1)
        else:
            return found.choices[0].logprobs.content
    raise AssertionError("no miner tells log-probabilities")


@pytest.mark.timeout(300)
def test_choices_log_probabilities_json_and_plain_texts(net: DevnetStatus, model: str) -> None:
    with client_of(net) as client:
        several = client.chat.completions.create(model=model, n=2, seed=3, **CHAT)
        assert [choice.index for choice in several.choices] == [0, 1]
        told = _logprobs(client, model)
        assert all(each.logprob <= 0 and len(each.top_logprobs) == 2 for each in told)
        text = client.completions.create(model=model, prompt="the world", max_tokens=8)
        assert text.choices[0].finish_reason in ("stop", "length")
        assert text.usage.prompt_tokens < several.usage.prompt_tokens // 2


@pytest.mark.timeout(300)
def test_wrong_requests_are_refused_by_the_node_itself(net: DevnetStatus, model: str) -> None:
    with client_of(net, retries=0) as client:
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="huge", **CHAT)
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=model, functions=[{"name": "f"}], **CHAT)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "functions")
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x" * 40_000}])


@pytest.mark.timeout(300)
def test_a_key_of_the_command_line_closes_the_gateway_and_its_use_is_counted(net: DevnetStatus, model: str) -> None:
    home = str(net.nodes[0].home)

    def neurond(*arguments: str) -> str:
        done = subprocess.run(
            [NEUROND, "keys", *arguments, "--home", home],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    made = json.loads(neurond("new", "test", "--scope", "admin", "--json"))
    secret = made["key"]
    try:
        with client_of(net, retries=0) as stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with client_of(net, key=secret) as client:
            answer = client.chat.completions.create(model=model, extra_headers={"idempotency-key": "once"}, **CHAT)
            again = client.chat.completions.create(model=model, extra_headers={"idempotency-key": "once"}, **CHAT)
            assert answer.id == again.id
        with httpx.Client(
            base_url=str(net.nodes[0].gateway_url), headers={"authorization": f"Bearer {secret}"}
        ) as http:
            time.sleep(1.5)  # use is written down every second
            used = {each["key"]: each for each in http.get("/usage?group=key").json()["data"]}
            assert used[made["id"]]["completion_tokens"] == answer.usage.completion_tokens
            balance = http.get("/balance").json()
            assert balance["accounts"]["hotkey"]["free_rao"] >= 0
            receipt = http.get(f"/receipts/{answer.model_extra['neurond']['receipt']}").json()
            assert receipt["usage"]["completion_tokens"] == answer.usage.completion_tokens
    finally:
        neurond("open", "--yes")
    with client_of(net) as client:
        assert client.models.list().data


@pytest.mark.timeout(300)
def test_a_client_that_leaves_stops_its_miner(net: DevnetStatus, model: str) -> None:
    with client_of(net) as client:
        stream = client.chat.completions.create(model=model, stream=True, **{**CHAT, "max_tokens": 64})
        next(iter(stream))
        stream.close()
        deadline_s = time.monotonic() + 20
        base = str(net.nodes[0].gateway_url).removesuffix("/v1")
        while time.monotonic() < deadline_s:
            shown = httpx.get(f"{base}/metrics").text
            if "neurond_gateway_requests_under_way 1\n" in shown:  # the one that asks
                return
            time.sleep(0.2)
    raise AssertionError("the gateway went on with an answer that nobody wanted")


SCHEMA: Any = {
    "type": "object",
    "properties": {"word": {"type": "string", "maxLength": 12}, "count": {"type": "integer"}},
    "required": ["word", "count"],
}


@pytest.mark.timeout(300)
def test_an_answer_has_the_form_of_a_schema_plain_and_streamed_sync_and_async(net: DevnetStatus, model: str) -> None:
    asked: Any = {
        "model": model,
        "messages": CHAT["messages"],
        "max_tokens": 96,
        "response_format": {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}},
    }

    async def in_async() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=net.nodes[0].gateway_url, api_key="none", timeout=60) as client:
            whole = await client.chat.completions.create(**asked)
            stream = await client.chat.completions.create(stream=True, **asked)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            return str(whole.choices[0].message.content), text

    honest = 0
    for _ in range(12):  # the cheat of this network keeps to no form
        for text in asyncio.run(in_async()):
            try:
                found = json.loads(text)
            except ValueError:
                continue
            assert set(found) == {"word", "count"}
            assert isinstance(found["count"], int)
            honest += 1
        if honest >= 2:
            return
    raise AssertionError("no answer had the form")


def _deployed(node: DevnetNode, chute: Chute, *files: bytes) -> None:
    """Put the files where the node keeps those of chutes, and have it deploy; it checks all of it itself."""
    shelf = Path(node.home) / "subnets" / "chutes" / "files"
    shelf.mkdir(parents=True, exist_ok=True)
    for data in files:
        (shelf / hashlib.sha256(data).hexdigest()).write_bytes(data)
    with SyncClient(Path(node.home), timeout_s=60) as client:
        body = msgspec.json.encode({"chute": chute}).decode()
        client.call(RouteRequest("POST", "/v1/chutes", (), body))


@pytest.mark.timeout(300)
def test_vectors_and_pictures_of_deployed_chutes(net: DevnetStatus, tiny_model: str) -> None:
    node = net.nodes[0]
    owner = wallet_store(Path(node.home)).open("default").hotkey().public
    tokenizer, model, picture = (Path(tiny_model) / "tokenizer.json").read_bytes(), embedder(512), painter()
    _deployed(node, embedding(model, tokenizer, owner), model, tokenizer)
    _deployed(node, painting(picture, owner), picture)
    with client_of(net) as client:
        names = {each.id for each in client.models.list()}
        assert {"tiny-embedder", "painter"} <= names
        found = client.embeddings.create(model="tiny-embedder", input=["hello world", "in the world", "hello world"])
        vectors = [each.embedding for each in found.data]
        assert [len(each) for each in vectors] == [VECTOR] * 3
        assert vectors[0] == vectors[2] != vectors[1]
        assert sum(each * each for each in vectors[0]) == pytest.approx(1, abs=1e-5)
        image = client.images.generate(model="painter", prompt="hills", extra_body={"seed": 3}).data[0]
        again = client.images.generate(model="painter", prompt="hills", extra_body={"seed": 3}).data[0]
        assert image.b64_json == again.b64_json
        assert decode_png(base64.b64decode(image.b64_json)).shape == (PICTURE_SIDE, PICTURE_SIDE, 3)
        with pytest.raises(openai.UnprocessableEntityError):
            client.images.generate(model="painter", prompt="hills", size="256x256")
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="painter", input="hello")


@pytest.mark.timeout(300)
def test_an_answer_that_is_paid_for(net: DevnetStatus, model: str) -> None:
    node, miner = net.nodes[0], net.nodes[2]
    hotkey = to_ss58(wallet_store(Path(node.home)).open("default").hotkey().public)
    neurond(miner, "offers", "set", "--price", "completion_tokens=0.5", "--netuid", "1")
    neurond(node, "wallet", "transfer", hotkey, "5", "--yes")
    neurond(node, "budget", "set", "--per-call", "0.01", "--per-day", "0.5", "--channel", "1", "--yes")
    key = neurond(node, "keys", "new", "shop", "--tao-per-day", "0.4")
    try:
        with client_of(net, key=key["key"]) as client:
            give_up_s = time.monotonic() + PAID_WITHIN_S
            paid_rao = 0
            while not paid_rao and time.monotonic() < give_up_s:  # the cheat asks nothing, and is asked meanwhile
                answer = client.chat.completions.create(model=model, **CHAT)
                paid_rao = answer.model_extra["neurond"]["paid_rao"]
                time.sleep(0.1)
            assert paid_rao == -(-answer.usage.completion_tokens * 500_000_000 // 1_000_000)
    finally:
        neurond(node, "keys", "open", "--yes")
        neurond(miner, "offers", "set", "--free", "--netuid", "1")
