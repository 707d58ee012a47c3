"""Chats that may end in calls of the client's functions: the bodies of other chats, with calls where there are any.

A streamed answer that may turn out to be a call is held until its end; any other streams as it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from node.gateway.forms import ChatForm, Choice, provenance
from node.gateway.tools import Call, Tools, may_be_calls, read_calls, shown_calls
from node.market.chat import ChatPart
from node.market.errors import NoToolCall
from node.market.routes import Piece


@dataclass(slots=True)
class _Held:
    """The beginning of a choice whose kind is not known yet; `pieces` keep it for the case that it is text."""

    text: str = ""
    is_text: bool = False
    pieces: list[Piece] = field(default_factory=list)


class ToolForm(ChatForm):
    """`chat.completion` with `tool_calls`, and its chunks."""

    def __init__(self, model: str, request_id: str, tools: Tools, *, with_logprobs: bool = False) -> None:
        super().__init__(model, request_id, with_logprobs=with_logprobs)
        self._tools = tools
        self._held: dict[int, _Held] = {}

    def chunks(self, index: int, piece: Piece) -> list[dict[str, Any]]:
        held = self._held.setdefault(index, _Held())
        if held.is_text:
            return super().chunks(index, piece)
        part: ChatPart = piece.reply
        held.text += part.text
        held.pieces.append(piece)
        if not piece.done and (self._tools.demanded or may_be_calls(held.text) is not False):
            return []
        calls = self._calls(held.text) if piece.done else ()
        if not calls:
            held.is_text, pieces, held.pieces = True, held.pieces, []
            return [chunk for each in pieces for chunk in super(ToolForm, self).chunks(index, each)]
        held.pieces.clear()
        frame = self._frame(self.chunk_kind, piece)
        delta = {"tool_calls": shown_calls(calls, self.request_id, index, numbered=True)}
        return [
            {**frame, "choices": [_choice(index, delta, None)]},
            {**frame, "choices": [_choice(index, {}, "tool_calls")], "neurond": provenance(piece)},
        ]

    def check(self, choices: Sequence[Choice]) -> None:
        super().check(choices)
        for choice in choices:
            self._calls(choice.text)

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        body = super().whole(choices)
        for index, (shown, choice) in enumerate(zip(body["choices"], choices, strict=True)):
            calls = self._calls(choice.text)
            if calls:
                shown["message"]["content"] = None
                shown["message"]["tool_calls"] = shown_calls(calls, self.request_id, index, numbered=False)
                shown["finish_reason"] = "tool_calls"
        return body

    def _calls(self, text: str) -> tuple[Call, ...]:
        """The calls of a finished answer. Raises NoToolCall when there must be one."""
        calls = read_calls(text, self._tools)
        if not calls and self._tools.demanded:
            raise NoToolCall("The model's answer is no call of a function, or was cut off in the middle of one.")
        return calls


def _choice(index: int, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
