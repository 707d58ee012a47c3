"""A language model that runs: chat prompt, seeded generation, and verification of another node's answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.bundle import ModelCard
from models.sampling import Sampling
from models.verify import FinishReason, Verification


@dataclass(frozen=True, slots=True)
class Token:
    """One step of an answer. The last item of a stream has `finish_reason` set."""

    id: int | None  # None on a closing item that carries no token (end token drawn, or cancelled)
    index: int  # position in the answer, from 0
    text: str  # what this step adds to the text: complete UTF-8 characters only, possibly empty
    finish_reason: FinishReason | None = None


class TextModel:
    """One ONNX session and its tokenizer. Every method may be called from several threads at once."""

    card: ModelCard
    provider: str  # the execution provider the session really uses
    runtime_version: str

    def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of a chat (role, content). Raises BadPrompt on unknown roles or special tokens in content."""
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; special tokens are never produced."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of token ids, as a reader of the stream would see it."""
        raise NotImplementedError

    def generate(
        self, prompt: Sequence[int], sampling: Sampling, cancel: threading.Event | None = None
    ) -> Iterator[Token]:
        """Answer token by token; the last item has `finish_reason`, unless `cancel` was set."""
        raise NotImplementedError

    def verify(
        self, prompt: Sequence[int], claimed: Sequence[int], sampling: Sampling, finish_reason: FinishReason
    ) -> Verification:
        """Judge a claimed answer (its ids without the end token) with one teacher-forced pass."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the session."""
        raise NotImplementedError


def open_text(bundle: Path, *, threads: int | None = None, prefer_cuda: bool = True) -> TextModel:
    """Open a bundle folder. `threads` None means physical cores - 1. Raises ModelError."""
    raise NotImplementedError
