"""A miner whose answers are drawn by another engine: right ones pass at four fifths, and every fault has its name."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from models import Busy, ModelError, ModelUnavailable, RuntimeFailure, open_text
from node.compute import parse_backend
from node.compute.errors import BadBackend
from node.compute.pool import ComputePool, pool_for
from node.market.errors import ServeFailed
from node.service.roles.host import ModelHost
from node.subnets.base import Code
from node.subnets.nineteen.messages import ChatPiece, ChatTask
from node.subnets.nineteen.subnet import PLAUSIBLE_WORTH
from tests.unit.compute.server import Engine, serving
from tests.unit.models.synthetic import tiny_bundle
from tests.unit.subnets.support import TINY, FakeHost, TinyNineteen, answer_of, hotkey, tiny_task


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("compute-models"))


@asynccontextmanager
async def engine_at(tiny_path: Path, **options: object) -> AsyncIterator[tuple[Engine, ComputePool, ModelHost]]:
    """A server, a miner's pool that uses it, and the models of a validator."""
    engine = Engine(open_text(tiny_path, threads=1), **options)  # type: ignore[arg-type]
    local = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1)
    async with trio.open_nursery() as nursery:
        url = await nursery.start(lambda task_status: serving(engine, task_status=task_status))
        yield engine, ComputePool(parse_backend(f"openai:{url}"), local), local
        nursery.cancel_scope.cancel()
    await local.aclose()


async def judged(task: ChatTask, miner: ComputePool, local: ModelHost) -> tuple[Code, float | None, list[ChatPiece]]:
    subnet = TinyNineteen()
    answer = await answer_of(subnet, task, FakeHost(miner))  # type: ignore[arg-type]
    verdict = await subnet.judge(task, answer, FakeHost(local, hotkey("validator")))
    return verdict.code, verdict.score, [part for part in answer.parts if isinstance(part, ChatPiece)]


async def test_its_answers_stream_pass_by_likelihood_and_are_worth_less(tiny_path: Path) -> None:
    async with engine_at(tiny_path) as (engine, miner, local):
        for n in range(3):
            code, score, pieces = await judged(tiny_task(n, max_tokens=24), miner, local)
            assert (code, score) == (Code.OK, pytest.approx(PLAUSIBLE_WORTH))
            assert len(pieces) > 2
            assert not any(piece.seeded for piece in pieces)
        assert {body["model"] for body in engine.asked} == {TINY}


async def test_text_of_another_model_does_not_pass(tiny_path: Path, tmp_path: Path) -> None:
    async with engine_at(tiny_path) as (engine, miner, local):
        engine.model = open_text(tiny_bundle(tmp_path, seed=7), threads=1)
        scores = [(await judged(tiny_task(n, max_tokens=32), miner, local))[1] for n in range(4)]
        assert scores == [0.0] * 4


async def test_a_server_that_tells_no_tokens_is_read_as_a_whole(tiny_path: Path) -> None:
    async with engine_at(tiny_path, tells=False) as (_, miner, local):
        _, score, pieces = await judged(tiny_task(max_tokens=24, content="hello"), miner, local)
        assert "".join(piece.text for piece in pieces)
        assert score is not None


async def test_a_server_that_knows_fewer_parameters_is_asked_with_fewer(tiny_path: Path) -> None:
    async with engine_at(tiny_path, strict=True) as (engine, miner, local):
        task = msgspec.structs.replace(tiny_task(max_tokens=8), top_k=5)
        assert (await judged(task, miner, local))[0] is Code.OK
        assert ["top_k" in body for body in engine.asked] == [True, False]
        await judged(task, miner, local)
        assert ["top_k" in body for body in engine.asked] == [True, False, False]  # remembered


async def test_forms_and_log_probabilities_are_passed_on_and_judged(tiny_path: Path) -> None:
    form = json.dumps({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    async with engine_at(tiny_path) as (_, miner, local):
        task = msgspec.structs.replace(tiny_task(max_tokens=40), form=form, logprobs=3)
        code, _, pieces = await judged(task, miner, local)
        assert code is Code.OK
        assert all(len(odds) == 3 for piece in pieces for odds in piece.odds)
        whole = "".join(piece.text for piece in pieces)
        assert pieces[-1].finish_reason == "length" or isinstance(json.loads(whole)["a"], int)


async def test_stop_strings_are_watched_for_here(tiny_path: Path) -> None:
    async with engine_at(tiny_path) as (engine, miner, local):
        _, _, pieces = await judged(tiny_task(max_tokens=32), miner, local)
        text = "".join(piece.text for piece in pieces)
        stop = text[6:8]
        task = msgspec.structs.replace(tiny_task(max_tokens=32), stop=(stop,))
        code, _, pieces = await judged(task, miner, local)
        assert code is Code.OK
        assert pieces[-1].finish_reason == "stop_string"
        assert stop not in "".join(piece.text for piece in pieces)
        assert "stop" not in engine.asked[-1]


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("429", Code.OVERLOADED, "429"),
        ("503", Code.OVERLOADED, "503"),
        ("500", Code.MINER_FAULT, "500"),
        ("401", Code.MINER_FAULT, "401"),
        ("breaks", Code.MINER_FAULT, "server|line"),
        ("error", Code.MINER_FAULT, "out of memory"),
        ("garbage", Code.MINER_FAULT, "no known form"),
        ("endless line", Code.MINER_FAULT, "line of more than"),
    ],
)
async def test_a_fault_of_the_server_is_told_as_what_it_is(tiny_path: Path, fault: str, code: Code, words: str) -> None:
    async with engine_at(tiny_path, fault=fault) as (_, miner, local):
        with pytest.raises(ServeFailed, match=words) as caught:
            await judged(tiny_task(max_tokens=24), miner, local)
        assert caught.value.refusal is code


async def test_a_server_without_the_model_or_the_key_or_any_server_is_refused_at_the_start(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_at(tiny_path, key="secret") as (_, miner, local):
        with pytest.raises(ModelError, match="401"):
            await miner.text(TINY)
        monkeypatch.setenv("NEUROND_BACKEND_KEY", "secret")
        await miner.text(TINY)
        named = parse_backend(f"openai:{miner.backend.address}#gone")
        with pytest.raises(ModelUnavailable, match="tiny, other"):
            await ComputePool(named, local).text(TINY)
    with pytest.raises(RuntimeFailure, match="cannot be reached"):
        await miner_of_nobody(tiny_path).text(TINY)


def miner_of_nobody(tiny_path: Path) -> ComputePool:
    local = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1)
    return ComputePool(parse_backend("openai:http://127.0.0.1:9/v1"), local)


async def test_a_busy_server_is_a_busy_miner(tiny_path: Path) -> None:
    async with engine_at(tiny_path, fault="429") as (_, miner, _local):
        runtime = await miner.text(TINY)
        prompt = await runtime.chat_prompt([("user", "hello")])
        from models import Sampling

        with pytest.raises(Busy):
            await anext(runtime.generate(prompt, Sampling(bytes(32), max_tokens=4)))


@pytest.mark.parametrize(
    "text",
    ["", "cuda", "onnx:here", "openai", "openai:", "openai:ftp://x/v1", "openai:http:///v1", "openai:http://h:99999/v1",
     "openai:http://user:word@h/v1"],
)  # fmt: skip
def test_what_names_no_back_end_is_refused(text: str) -> None:
    with pytest.raises(BadBackend):
        parse_backend(text)


def test_a_back_end_is_named_by_one_line(tiny_path: Path) -> None:
    assert parse_backend("openai:http://h:1/v1/#m") == parse_backend("openai:http://h:1/v1#m")
    assert parse_backend("ray:auto").address == "auto"
    local = ModelHost(tiny_path.parent, own_bundles={TINY: tiny_path}, threads=1)
    assert pool_for(parse_backend("onnx"), local) is local
