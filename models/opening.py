"""What a model's chats begin with, fed once: the turn of the system message that a chat without one of its own gets.

Prompts are kept in whole chunks only: single steps of an answer give other last digits, and an answer must be the same
whoever asked before. What strangers asked is never shared between answers: from the time to a first token others could
tell what it was; this beginning is the same for everybody. Must never draw a token.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.runtime import KvCache


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class Opening:
    """Keys and values of the tokens that a model's chats begin with. Read-only once it is made."""

    def __init__(self, tokens: Sequence[int], cache: KvCache) -> None:
        """`cache` was fed the tokens in its row 0."""
        self._tokens = tuple(tokens)
        self._data = cache.data[:, :, 0, :, : len(tokens)].copy()

    def lay(self, cache: KvCache, row: int, prompt: Sequence[int]) -> int:
        """Write it into a row if the prompt begins with it and goes on. Returns how many positions are in."""
        count = len(self._tokens)
        if len(prompt) <= count or tuple(prompt[:count]) != self._tokens:
            return 0
        cache.data[:, :, row, :, :count] = self._data
        return count
