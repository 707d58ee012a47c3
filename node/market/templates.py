"""Ways to ask that have proven themselves: each an instruction before the conversation, by a name.

A template changes nothing but the messages: the task, its price and its verification are those of any chat.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from node.market.chat import ChatTurn
from node.market.errors import BadRequest


class Template(msgspec.Struct, frozen=True):
    """One way to ask: what it is for, and the instruction that the model is given."""

    name: str
    about: str
    instruction: str


TEMPLATES: Final = (
    Template("explain-code", "What a piece of code does, step by step.",
             "Explain what the code does: first in one sentence, then step by step. Name its inputs, its results and "
             "what can go wrong. Do not rewrite it."),
    Template("write-tests", "Tests for a piece of code.",
             "Write tests for the code, in its own language and usual test framework. Cover the normal case, the "
             "edges and wrong input, one promise a test. Answer with code alone."),
    Template("review-code", "Faults of a piece of code, the gravest first.",
             "Review the code. List its faults, the gravest first: where, why it is wrong, and the smallest change "
             "that mends it. Say so if you find none."),
    Template("write-docs", "Documentation of a piece of code.",
             "Write the documentation of the code for somebody who will call it: what it is for, parameters with "
             "units, results, errors, and one short example."),
    Template("clean-csv", "Damaged tables as clean CSV.",
             "Clean the table. Answer with CSV alone: one header line, commas, quotes only where they are needed, "
             "dates as YYYY-MM-DD, numbers with a point, empty fields where a value is missing. Invent nothing."),
    Template("extract-json", "Facts of a text as a JSON object.",
             "Extract the facts of the text as one JSON object with short names in snake_case. Use null for what the "
             "text does not say. Answer with JSON alone."),
    Template("summarise", "A text in a few sentences.",
             "Summarise the text in at most five sentences, the most important first. Add nothing that is not in it."),
    Template("simplify", "A text in plain words.",
             "Rewrite the text in plain words and short sentences, with the same meaning and in the same language."),
)  # fmt: skip
_BY_NAME: Final = {each.name: each for each in TEMPLATES}


def with_template(name: str, messages: Sequence[ChatTurn]) -> tuple[ChatTurn, ...]:
    """The messages behind a template's instruction; a system message of one's own follows it.

    Raises BadRequest for a name that no template has.
    """
    template = _BY_NAME.get(name)
    if template is None:
        raise BadRequest(f"There is no template {name[:40]!r}; known are {', '.join(_BY_NAME)}.", param="template")
    first = messages[0] if messages else None
    if first is not None and first.role == "system":
        return ChatTurn("system", f"{template.instruction}\n\n{first.content}"), *messages[1:]
    return ChatTurn("system", template.instruction), *messages
