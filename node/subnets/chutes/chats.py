"""Chutes that are language models: their chats are served and verified by the rules of subnet Nineteen.

Only the way to the model differs: it comes out of the chute's files instead of the catalogue's names.
"""

import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE
from node.market.errors import Unfit
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash
from node.subnets.base import (
    Answer,
    BlobDoor,
    Embedder,
    Host,
    JournalDoor,
    Message,
    Neuron,
    TensorModel,
    TextRuntime,
    Usage,
    Verdict,
    View,
)
from node.subnets.chutes.bundle import Chute, Role
from node.subnets.chutes.dims import units
from node.subnets.chutes.files import Shelf, catalogue_name
from node.subnets.nineteen.messages import ChatPiece, ChatTask
from node.subnets.nineteen.subnet import Nineteen

_NAMES: Final[dict[Role, str]] = {"model": ONNX_FILE, "tokenizer": TOKENIZER_FILE, "card": MANIFEST_FILE}
TEXTS: Final = "texts"


class TextShelf:
    """The open language models of chutes, by the hash of their graphs."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._open: dict[str, TextRuntime] = {}
        self._opening = trio.Lock()

    async def runtime(self, chute: Chute, host: Host) -> TextRuntime:
        """The chute's model, opened on first use. Raises ModelError, MarketError."""
        model = chute.files[[each.role for each in chute.files].index("model")]
        name = catalogue_name(model)
        if name is not None:
            return await host.models.text(name)
        async with self._opening:
            if model.sha256 not in self._open:
                paths = await self._shelf.all(chute, host)
                folder = await trio.to_thread.run_sync(_assembled, paths, host.folder / TEXTS / model.sha256)
                self._open[model.sha256] = await host.models.open(folder)
            return self._open[model.sha256]


def _assembled(paths: dict[Role, Path], folder: Path) -> Path:
    """The files as the folder that a text runtime opens."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for role, path in paths.items():
        target = folder / _NAMES[role]
        if not target.exists():
            unfinished = target.with_suffix(".part")
            shutil.copyfile(path, unfinished)
            unfinished.replace(target)
    return folder


@dataclass(frozen=True, slots=True)
class _OneModel:
    """A pool in which every name means the chute's model; arrays are none of its business."""

    runtime: TextRuntime
    host: Host

    async def text(self, name: str) -> TextRuntime:
        return self.runtime

    async def tensors(self, name: str) -> TensorModel:
        return await self.host.models.tensors(name)

    async def tensor_file(self, path: Path) -> TensorModel:
        return await self.host.models.tensor_file(path)

    async def embedder(self, name: str) -> Embedder:
        return await self.host.models.embedder(name)

    async def bundle(self, name: str) -> Path:
        return await self.host.models.bundle(name)

    async def open(self, bundle: Path) -> TextRuntime:
        return await self.host.models.open(bundle)


@dataclass(frozen=True, slots=True)
class _TextHost:
    """The host with another pool."""

    host: Host
    models: _OneModel

    @property
    def hotkey(self) -> AccountId:
        return self.host.hotkey

    @property
    def journal(self) -> JournalDoor:
        return self.host.journal

    @property
    def blobs(self) -> BlobDoor:
        return self.host.blobs

    @property
    def folder(self) -> Path:
        return self.host.folder

    def view(self) -> View:
        return self.host.view()

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        return await self.host.ask(miner, task)


def check_chat(chute: Chute, task: ChatTask) -> None:
    """Refuse a chat that asks for more tokens than the chute gives. Raises Unfit."""
    if task.max_tokens > chute.limits["tokens"]:
        raise Unfit(
            f"max_tokens: expected at most {chute.limits['tokens']}, got {task.max_tokens}.", param="max_tokens"
        )


async def pieces_of(chute: Chute, task: ChatTask, runtime: TextRuntime, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """The honest answer. Raises ServeFailed."""
    rules = Nineteen((task.model,))
    async with aclosing(rules.serve(task, _TextHost(host, _OneModel(runtime, host)))) as pieces:
        async for piece in pieces:
            yield piece


async def judge_chat(
    task: ChatTask, pieces: Sequence[ChatPiece], answer: Answer, runtime: TextRuntime, host: Host
) -> Verdict:
    """The verdict of Nineteen's rules on the tokens of an answer."""
    usage = Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    told = Answer(
        answer.miner, tuple(pieces), usage, answer.digest, answer.signature, answer.t_first_ms, answer.t_done_ms
    )
    return await Nineteen((task.model,)).judge(task, told, _TextHost(host, _OneModel(runtime, host)))


def content_of_chat(pieces: Sequence[ChatPiece]) -> Hash:
    """The digest of the tokens of an answer."""
    return digest("chute-content", *map(encode, pieces))


def chat_usage(chute: Chute, usage: Usage) -> Usage:
    """A text's usage with its units: the work of all tokens, read and written."""
    tokens = max(1, usage.prompt_tokens + usage.completion_tokens)
    return Usage(usage.prompt_tokens, usage.completion_tokens, units(chute.macs, {"tokens": tokens}))
