"""One step of an answer, as everybody sees it; needs no runtime."""

from __future__ import annotations

from dataclasses import dataclass

from models.verify import FinishReason


@dataclass(frozen=True, slots=True)
class Token:
    """One step of an answer. The last item of a complete stream has `finish_reason` set."""

    id: int | None  # None on the closing item of an answer that drew the end token
    index: int  # position in the answer, from 0
    text: str  # what this step adds to the text: complete characters only, possibly empty
    finish_reason: FinishReason | None = None
