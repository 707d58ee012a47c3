"""Chutes that are language models: served token by token out of a bundle's files, verified by the rules of Nineteen."""

from pathlib import Path

import msgspec
import pytest

from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE, sha256_of
from node.market.errors import ServeFailed
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId
from node.service.roles.host import ModelHost
from node.subnets.base import Code, Usage
from node.subnets.chutes.bundle import Chute, File, Needs, Role, canonical, chute_id
from node.subnets.chutes.journal import DEPLOY, Deploy
from node.subnets.chutes.messages import ChutePart, ChuteTask
from node.subnets.nineteen.messages import ChatTask, Turn
from tests.unit.models.synthetic import tiny_bundle
from tests.unit.subnets.chutes.support import Market, as_answer

NAMES: dict[Role, str] = {"model": ONNX_FILE, "tokenizer": TOKENIZER_FILE, "card": MANIFEST_FILE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("chute-texts"))


def talker(folder: Path, owner: AccountId) -> Chute:
    from node.primitives.address import to_ss58

    files = tuple(
        File(role=role, sha256=sha256_of(folder / name), size=(folder / name).stat().st_size)
        for role, name in NAMES.items()
    )
    return Chute(
        name="talker", owner=to_ss58(owner), kind="text-generation", licence="Apache-2.0", files=files,
        limits={"tokens": 40}, macs="3000000*tokens", needs=Needs(ram_mb=10),
    )  # fmt: skip


async def talking(folder: Path, tmp_path: Path) -> tuple[Market, ModelHost, bytes]:
    """A market whose one chute is the tiny language model, its files known as blobs only."""
    market = Market()
    pool = ModelHost(tmp_path / "store", threads=1, prefer_cuda=False)
    market.world.models = pool
    market.chute = talker(folder, market.keys[0])
    for name in NAMES.values():
        await market.host(0).blobs.put((folder / name).read_bytes(), "application/octet-stream")
    await market.host(0).journal.append(DEPLOY, encode(Deploy(canonical(market.chute))))
    return market, pool, chute_id(market.chute)


def chat(chute: bytes, max_tokens: int = 24) -> ChuteTask:
    seed = digest("test-seed", b"chat")
    turns = (Turn("user", "the world"),)
    return ChuteTask(chute, seed, chat=(ChatTask(chute.hex(), turns, seed, max_tokens, 900, 950, 0, 1000, ()),))


async def test_a_chat_is_streamed_counted_and_verified(folder: Path, tmp_path: Path) -> None:
    market, pool, chute = await talking(folder, tmp_path)
    try:
        answer = await market.ask(chat(chute))
        verdict = await market.judge.judge(chat(chute), answer, market.judging())
    finally:
        await pool.aclose()
    assert (verdict.score, verdict.code) == (1.0, Code.OK), verdict
    tokens = answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.units == 3 * tokens
    counted = [market.judge.delivered(part) for part in answer.parts if isinstance(part, ChutePart)]
    assert sum(each.completion_tokens for each in counted) == answer.usage.completion_tokens
    assert counted[-1].units == answer.usage.units
    assert len(answer.parts) == answer.usage.completion_tokens
    assert market.judge.preview([part for part in answer.parts if isinstance(part, ChutePart)])


async def test_altered_tokens_stolen_answers_and_dear_ones_are_caught(folder: Path, tmp_path: Path) -> None:
    market, pool, chute = await talking(folder, tmp_path)
    task = chat(chute)
    try:
        answer = await market.ask(task)
        parts = [part for part in answer.parts if isinstance(part, ChutePart)]
        last = parts[-1]
        dear = msgspec.structs.replace(last, usage=Usage(last.usage.prompt_tokens, last.usage.completion_tokens, 10**6))
        beyond = msgspec.structs.replace(last, usage=Usage(2**62, last.usage.completion_tokens, 1))
        piece = msgspec.structs.replace(parts[0].chat[0], ids=(1,))
        altered = msgspec.structs.replace(parts[0], chat=(piece,))
        host = market.judging()
        overclaim = await market.judge.judge(task, as_answer(market.keys[0], [*parts[:-1], dear]), host)
        countless = await market.judge.judge(task, as_answer(market.keys[0], [*parts[:-1], beyond]), host)
        forged = await market.judge.judge(task, as_answer(market.keys[0], [altered, *parts[1:]]), host)
        stolen = await market.judge.judge(task, as_answer(market.validator, parts), host)
        with pytest.raises(ServeFailed, match="at most 40, got 41"):
            await market.ask(chat(chute, 41))
    finally:
        await pool.aclose()
    assert (overclaim.score, overclaim.code) == (0.0, Code.OVERCLAIM)
    assert (countless.score, countless.code) == (0.0, Code.OVERCLAIM), "no way to leave the judge without a verdict"
    assert (forged.score, forged.code) == (0.0, Code.PLAGIARISED)
    assert (stolen.score, stolen.code) == (0.0, Code.PLAGIARISED)
