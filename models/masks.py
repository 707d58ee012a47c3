"""Which tokens of one vocabulary a form allows next: the bridge between `models.grammar` and the sampler.

Tokens are put into classes once. Inside a string almost every token is allowed: those of whole, harmless characters
are one comparison of lengths, so that only tokens with quotes, backslashes, control characters or halves of characters
are walked, through a tree that shares their beginnings. Masks are remembered by state. Same form, same tokens, same
mask, on every machine.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import RuntimeFailure
from models.grammar import CHARS, PLAIN, Grammar, Stack, State, grammar_of
from models.limits import MAX_MASKS_KEPT
from models.sampling import Allowed

_NO_TEXT: Final = np.int32(-1)


class _Tree:
    """Tokens by their bytes; a node is (children by byte, ids that end here)."""

    def __init__(self) -> None:
        self.children: dict[int, _Tree] = {}
        self.ids: list[int] = []

    def add(self, data: bytes, token: int) -> None:
        node = self
        for byte in data:
            node = node.children.setdefault(byte, _Tree())
        node.ids.append(token)


class TokenMasks:
    """The tokens of one model. Safe from any thread."""

    def __init__(self, tokens: Sequence[bytes], end_token: int, vocabulary: int) -> None:
        """`tokens` are the bytes of each id, empty for those that are no text; they may be fewer than `vocabulary`."""
        self._tokens = tokens
        self._end_token = end_token
        self._vocabulary = vocabulary
        self._lengths = np.full(vocabulary, _NO_TEXT, np.int32)  # characters of a plain token
        self._tree, self._odd = _Tree(), _Tree()
        for token, data in enumerate(tokens):
            if not data or token == end_token:
                continue
            self._tree.add(data, token)
            length = _plain_length(data)
            if length is None:
                self._odd.add(data, token)
            else:
                self._lengths[token] = length
        self._longest = int(self._lengths.max(initial=1))
        self._kept: OrderedDict[tuple[str, State], NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, form: str) -> FormCursor:
        """The beginning of an answer of this form. Raises BadSampling."""
        return FormCursor(self, form, grammar_of(form))

    def bytes_of(self, token: int) -> bytes:
        """What a token writes; empty for one that is no text."""
        return self._tokens[token] if 0 <= token < len(self._tokens) else b""

    def allowed(self, form: str, grammar: Grammar, state: State) -> Allowed:
        """The tokens that may come next, as booleans [vocabulary]; the end token where the text may end."""
        key = (form, frozenset(self._clipped(stack) for stack in state))
        with self._lock:
            packed = self._kept.get(key)
            if packed is not None:
                self._kept.move_to_end(key)
        if packed is None:
            packed = np.packbits(self._computed(grammar, state))
            with self._lock:
                self._kept[key] = packed
                while len(self._kept) > MAX_MASKS_KEPT:
                    self._kept.popitem(last=False)
        return np.unpackbits(packed, count=self._vocabulary).astype(np.bool_)

    def _computed(self, grammar: Grammar, state: State) -> Allowed:
        mask = np.zeros(self._vocabulary, np.bool_)
        in_text = frozenset(stack for stack in state if _in_text(stack))
        for stack in in_text:
            most = _most(stack)
            mask |= self._lengths >= 0 if most < 0 else (self._lengths >= 0) & (self._lengths <= most)
        ids: list[int] = []
        _walk(self._odd, grammar, in_text, ids)
        _walk(self._tree, grammar, state - in_text, ids)
        mask[ids] = True
        mask[self._end_token] = Grammar.complete(state)
        if not mask.any():
            raise RuntimeFailure("the model has no token for what the form asks for next")
        return mask

    def _clipped(self, stack: Stack) -> Stack:
        """A stack that allows the same tokens: a string with much room is one with enough room."""
        if not stack or stack[0][0] != CHARS:
            return stack
        (kind, most, least, mode), rest = stack[0], stack[1]
        enough = self._longest + 1
        if not isinstance(most, int) or not isinstance(least, int):
            return stack
        return ((kind, min(most, enough), min(least, enough), mode), rest)


class FormCursor:
    """One answer on its way through a form. Not thread-safe."""

    def __init__(self, masks: TokenMasks, form: str, grammar: Grammar) -> None:
        self._masks = masks
        self._form = form
        self._grammar = grammar
        self._state = grammar.start

    def allowed(self) -> Allowed:
        """The tokens that may come next [vocabulary]."""
        return self._masks.allowed(self._form, self._grammar, self._state)

    def push(self, token: int) -> bool:
        """Take a token; False, and nothing changed, when the form does not allow it."""
        data = self._masks.bytes_of(token)
        following = self._grammar.run(self._state, data) if data else frozenset()
        if not following:
            return False
        self._state = following
        return True

    @property
    def complete(self) -> bool:
        """Whether the answer may end here."""
        return Grammar.complete(self._state)


def _walk(tree: _Tree, grammar: Grammar, state: State, ids: list[int]) -> None:
    """Collect the ids of all tokens below `tree` that lead from `state` somewhere."""
    if not state:
        return
    todo = [(tree, state)]
    while todo:
        node, here = todo.pop()
        ids += node.ids
        for byte, child in node.children.items():
            following = grammar.step(here, byte)
            if following:
                todo.append((child, following))


def _in_text(stack: Stack) -> bool:
    if not stack:
        return False
    symbol, _ = stack
    return symbol[0] == CHARS and symbol[-1] == PLAIN


def _most(stack: Stack) -> int:
    """How many characters the string that is being written may still have; -1 for any number."""
    if not stack:
        return 0
    symbol, _ = stack
    most = symbol[1] if len(symbol) > 1 else 0
    return most if isinstance(most, int) else 0


def _plain_length(data: bytes) -> int | None:
    """Characters of a token that any string may hold as it is; None for others."""
    if any(byte < 0x20 or byte in b'"\\' for byte in data):
        return None
    try:
        return len(data.decode())
    except UnicodeDecodeError:
        return None
