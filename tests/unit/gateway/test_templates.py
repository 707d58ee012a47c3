"""Templates of chats: an instruction before the messages, by gateway and command line, and names that none has."""

from typing import Any

import pytest

from node.market.chat import ChatTurn
from node.market.errors import BadRequest
from node.market.templates import TEMPLATES, with_template
from tests.unit.gateway.doors import QUESTION, FakeDoor, serving

NAMES = [each.name for each in TEMPLATES]


def test_names_are_distinct_words_and_each_says_what_it_is_for() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(name.replace("-", "").isalpha() and each.about for name, each in zip(NAMES, TEMPLATES, strict=True))


def test_the_instruction_comes_first_and_an_own_one_follows_it_in_the_same_message() -> None:
    question = ChatTurn("user", "def f(): pass")
    first, rest = with_template("write-tests", [question])
    assert first.role == "system"
    assert rest == question
    joined, same = with_template("write-tests", [ChatTurn("system", "Use pytest."), question])
    assert joined.content == f"{first.content}\n\nUse pytest."
    assert same == question
    with pytest.raises(BadRequest, match="known are explain-code"):
        with_template("write-poems", [question])


async def test_the_gateway_lists_them_and_takes_one_with_a_chat() -> None:
    door = FakeDoor()
    async with serving(door) as http:
        listed: Any = (await http.get("/templates")).json()["data"]
        assert [each["name"] for each in listed] == NAMES
        done = await http.post("/chat/completions", json={**QUESTION, "template": "summarise"})
        assert done.status_code == 200
        assert [turn.role for turn in door.asked[0].messages] == ["system", "user"]
        wrong = await http.post("/chat/completions", json={**QUESTION, "template": "nonsense"})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "template")
