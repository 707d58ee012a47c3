"""The real `openai` client against a whole network of processes: answers, repeats by seed, keys, and leaving early."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.control.options import DevnetStatus

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.e2e

NEUROND = str(Path(sys.executable).with_name("neurond"))
CHAT: Any = {"messages": [{"role": "user", "content": "the world"}], "max_tokens": 12}


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
    for _ in range(30):
        try:
            found = client.with_options(max_retries=0).chat.completions.create(
                model=model, logprobs=True, top_logprobs=2, **CHAT
            )
        except openai.InternalServerError as error:
            if "log-probabilities" not in str(error):
                raise
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
            client.chat.completions.create(model=model, tools=[{"type": "function", "function": {"name": "f"}}], **CHAT)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "tools")
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
