"""Continuous batching: many answers share one step of the model, on one worker thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.sampling import Sampling
from models.text import TextModel, Token


class Answer:
    """One running request: iterate it for tokens (blocking), or cancel it. Safe from any thread."""

    def __iter__(self) -> Iterator[Token]:
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop soon; the iterator ends without a finish reason."""
        raise NotImplementedError


class Batcher:
    """Runs up to `max_batch` answers of one model at once; further requests wait in a bounded queue."""

    def __init__(self, model: TextModel, max_batch: int = 8) -> None:
        raise NotImplementedError

    def submit(self, prompt: Sequence[int], sampling: Sampling) -> Answer:
        """Queue a request. Raises Busy when the queue is full, PromptTooLong, BadPrompt, Closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Cancel everything and wait for the worker thread."""
        raise NotImplementedError
