"""Miners that cheat, for devnets and simulations: each shows that the rules of the subnet make its trick worthless.

They keep the form of an honest answer, so that only its content gives them away. A node mines with one of them only
when its configuration names it.
"""

import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

import trio

from models import FinishReason, ModelError
from node.market.errors import ServeFailed
from node.market.roster import miners
from node.primitives.crypto import digest
from node.primitives.errors import MarketError
from node.subnets.base import Code, Host, TextRuntime, Usage
from node.subnets.nineteen.altered import alter_bundle
from node.subnets.nineteen.messages import ChatPiece, ChatTask, chat_of, sampling_of
from node.subnets.nineteen.prompts import SeededChoice
from node.subnets.nineteen.strategies import Strategy, generate_with, honest

TRUNCATED_TOKENS: Final = 8
SLOW_TOKEN_S: Final = 2.0
RANDOM_TOKENS_MAX: Final = 64


async def random_text(task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """Tokens drawn from nowhere: costs nothing, has the asked length."""
    runtime = await _runtime(task, host)
    choice = SeededChoice(digest("random-text", task.seed, host.hotkey))
    ids = [choice.below(runtime.vocabulary) for _ in range(min(task.max_tokens, RANDOM_TOKENS_MAX))]
    finish = FinishReason.LENGTH if len(ids) == task.max_tokens else FinishReason.STOP
    yield await _whole(task, host, runtime, ids, [choice.below(20_000) for _ in ids], finish)


async def copied(task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """Another miner's honest answer, asked for and passed on as one's own."""
    view = host.view()
    for other in miners(view, without=host.hotkey):
        try:
            answer = await host.ask(other, task)
        except MarketError:
            continue
        for part in answer.parts:
            if isinstance(part, ChatPiece):
                yield part
        return
    raise ServeFailed("Nobody to copy from.", Code.MINER_FAULT)


async def truncated(task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """The honest beginning, and an end where the model would have gone on."""
    runtime = await _runtime(task, host)
    ids: list[int] = []
    told: list[int] = []
    async with aclosing(honest(task, host)) as pieces:
        async for piece in pieces:
            ids += piece.ids
            told += piece.surprisals
            if piece.done or len(ids) >= min(TRUNCATED_TOKENS, task.max_tokens - 1):
                break
    yield await _whole(task, host, runtime, ids, told, FinishReason.STOP)


async def slow(task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """The honest answer, a token every other second."""
    async with aclosing(honest(task, host)) as pieces:
        async for piece in pieces:
            await trio.sleep(SLOW_TOKEN_S)
            yield piece


class Lazy:
    """Works once and gives that first answer to every later task."""

    def __init__(self) -> None:
        self._pieces: list[ChatPiece] = []

    async def __call__(self, task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
        if not self._pieces:
            async with aclosing(honest(task, host)) as pieces:
                self._pieces = [piece async for piece in pieces]
        for piece in self._pieces:
            yield piece


class Altered:
    """Runs a model with tampered weights under the name of the real one."""

    def __init__(self) -> None:
        self._runtimes: dict[str, TextRuntime] = {}
        self._opening = trio.Lock()

    async def __call__(self, task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
        async with self._opening:
            if task.model not in self._runtimes:
                self._runtimes[task.model] = await self._open(task.model, host)
        async with aclosing(generate_with(self._runtimes[task.model], task, sampling_of(task, host.hotkey))) as pieces:
            async for piece in pieces:
                yield piece

    async def _open(self, name: str, host: Host) -> TextRuntime:
        bundle = await host.models.bundle(name)
        with tempfile.TemporaryDirectory(prefix="altered-") as folder:
            target = await trio.to_thread.run_sync(alter_bundle, bundle, Path(folder) / name)
            return await host.models.open(target)


CHEATS: Final[Mapping[str, Callable[[], Strategy]]] = {
    "random": lambda: random_text,
    "copied": lambda: copied,
    "altered": Altered,
    "truncated": lambda: truncated,
    "lazy": Lazy,
    "slow": lambda: slow,
}
"""Makers of strategies by the name that configurations use."""


async def _runtime(task: ChatTask, host: Host) -> TextRuntime:
    try:
        return await host.models.text(task.model)
    except ModelError as error:
        raise ServeFailed(f"The model is not available here: {error}", Code.MINER_FAULT) from error


async def _whole(
    task: ChatTask, host: Host, runtime: TextRuntime, ids: list[int], told: list[int], finish: FinishReason
) -> ChatPiece:
    """An answer in one piece that is sound in everything but its content."""
    try:
        prompt = await runtime.chat_prompt(chat_of(task))
    except ModelError as error:
        raise ServeFailed(str(error), Code.MALFORMED) from error
    text = await runtime.visible_text(ids, sampling_of(task, host.hotkey))
    return ChatPiece(0, True, Usage(len(prompt), len(ids)), tuple(ids), text, finish.value, tuple(told))
