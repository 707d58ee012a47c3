"""Promises of waiting: a stream says that it waits and for what; quick failures keep their status."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from node.market.chat import ModelInfo
from node.market.routes import Paid, Piece, untold
from node.subnets.doors import AnyRoute
from tests.unit.gateway.doors import QUESTION, FakeDoor, serving

PATH = "/chat/completions"


@dataclass
class Slow(FakeDoor):
    """Begins late; `instances` is how many miners say they are warm."""

    wait_s: float = 0.2
    instances: int | None = None

    def models(self) -> list[ModelInfo]:
        facts = {} if self.instances is None else {"instances": self.instances}
        return [ModelInfo("tiny", "chutes", 1, 2, route.path, facts) for route in self.routes]

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        await trio.sleep(self.wait_s)
        async for piece in super().call(route, request):
            yield piece


@pytest.mark.parametrize(("instances", "word"), [(0, "warming"), (2, "waiting"), (None, "waiting")])
async def test_a_late_stream_says_what_it_waits_for_and_then_answers(
    instances: int | None, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.gateway.answer.WAITING_TOLD_S", 0.02)
    async with serving(Slow(instances=instances)) as client:
        reply = await client.post(PATH, json={**QUESTION, "stream": True})
    frames = reply.text.strip().split("\n\n")
    comments = [each for each in frames if each.startswith(":")]
    assert comments
    assert all(each.startswith(f": {word}, ") for each in comments)
    assert frames[: len(comments)] == comments
    assert reply.headers["content-type"].startswith("text/event-stream")
    texts = [json.loads(each[6:])["choices"][0]["delta"].get("content", "") for each in frames[len(comments) : -1]]
    assert "".join(texts) == "Good morning"


async def test_a_failure_after_a_comment_is_an_event_and_before_it_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Slow(wait_s=0.0, fail_at=0)) as client:
        assert (await client.post(PATH, json={**QUESTION, "stream": True})).status_code == 503
    monkeypatch.setattr("node.gateway.answer.WAITING_TOLD_S", 0.02)
    async with serving(Slow(fail_at=0)) as client:
        reply = await client.post(PATH, json={**QUESTION, "stream": True})
    assert reply.status_code == 200
    *_, failure, end = reply.text.strip().split("\n\n")
    assert (json.loads(failure[6:])["error"]["code"], end) == ("market.no_miner", "data: [DONE]")


async def test_whole_answers_hold_no_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.gateway.answer.WAITING_TOLD_S", 0.02)
    async with serving(Slow()) as client:
        assert (await client.post(PATH, json=QUESTION)).json()["choices"][0]["message"]["content"] == "Good morning"
