"""Promises of function calling: what the model is told, what its words become whole and streamed, refusals."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import parse_schema
from node.gateway.tools import Function, Tools, may_be_calls, read_calls, schema_of
from node.market.errors import BadRequest
from tests.unit.gateway.doors import QUESTION, FakeDoor, form_route, serving

openai = pytest.importorskip("openai")
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather", "description": "The weather of a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}  # fmt: skip
TIME = {"type": "function", "function": {"name": "time"}}
CALL = '{"name": "weather", "arguments": {"town": "Ulm"}}'
PATH = "/chat/completions"


async def asked(door: FakeDoor, **more: Any) -> Any:
    async with serving(door) as client:
        reply = await client.post(PATH, json={**QUESTION, "tools": [WEATHER, TIME], **more})
    return reply


def streamed(text: str) -> tuple[str, list[dict[str, Any]], str]:
    """Text, calls and finish reason of a transcript."""
    words, calls, reason = "", [], ""
    for frame in text.strip().split("\n\n")[:-1]:
        for choice in json.loads(frame.removeprefix("data: ")).get("choices", []):
            words += choice["delta"].get("content") or ""
            calls += choice["delta"].get("tool_calls", [])
            reason = choice["finish_reason"] or reason
    return words, calls, reason


@pytest.mark.parametrize(
    "text", [CALL, f"<tool_call>{CALL}</tool_call>", f" <tool_call>\n[{CALL}]\n</tool_call>\n", f"<tool_call>{CALL}"]
)
@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_a_call_comes_back_as_a_call_whole_and_streamed(text: str, step: int) -> None:
    door = FakeDoor(words=tuple(text[at : at + step] for at in range(0, len(text), step)))
    choice = (await asked(door)).json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    (call,) = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "weather")
    assert json.loads(call["function"]["arguments"]) == {"town": "Ulm"}
    words, calls, reason = streamed((await asked(door, stream=True)).text)
    assert (words, reason) == ("", "tool_calls")
    assert [(each["index"], each["function"]) for each in calls] == [(0, call["function"])]


@pytest.mark.parametrize(
    "text", ["Good morning", "<b>bold</b>", '{"name": "other", "arguments": {}}', "", "[]", "<tool", "[1, 2]", "{",
             '{"name": "weather", "argu', '{"name": "weather", "arguments": "3"}'],
)  # fmt: skip
async def test_anything_else_is_text_to_the_letter(text: str) -> None:
    door = FakeDoor(words=tuple(text))
    message = (await asked(door)).json()["choices"][0]["message"]
    assert (message["content"], "tool_calls" in message) == (text, False)
    words, calls, reason = streamed((await asked(door, stream=True)).text)
    assert (words, calls, reason) == (text, [], "stop")


async def test_text_streams_as_it_comes_and_only_a_possible_call_is_held() -> None:
    reply = await asked(FakeDoor(words=("Good ", "morning")), stream=True)
    deltas = [json.loads(each[6:])["choices"][0]["delta"] for each in reply.text.strip().split("\n\n")[:-1]]
    assert [each.get("content") for each in deltas] == ["", "Good ", "morning", None]


async def test_functions_are_told_after_the_clients_own_instruction() -> None:
    door = FakeDoor()
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}]
    await asked(door, messages=messages)
    system, user = door.asked[0].messages
    assert (system.role, user.content, door.asked[0].form) == ("system", "hello", "")
    assert system.content.startswith("Be kind.\n\n")
    assert all(f'"{name}"' in system.content for name in ("weather", "town", "time"))
    await asked(door, tool_choice="none")
    assert [turn.role for turn in door.asked[1].messages] == ["user"]


async def test_calls_and_their_results_of_earlier_answers_reach_the_model() -> None:
    door = FakeDoor()
    function = {"name": "weather", "arguments": '{"town":"Ulm"}'}
    past = {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    given = {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
    assert (await asked(door, messages=[*QUESTION["messages"], past, given])).status_code == 200
    *_, call, result = door.asked[0].messages
    assert (call.role, call.content) == (
        "assistant", '<tool_call>{"name":"weather","arguments":{"town":"Ulm"}}</tool_call>'
    )  # fmt: skip
    assert (result.role, result.content) == ("user", "<tool_response>\nrain\n</tool_response>")


async def test_a_demanded_call_binds_the_answer_to_the_functions_schemas() -> None:
    door = FakeDoor(words=(CALL,))
    assert (await asked(door, tool_choice="required")).json()["choices"][0]["finish_reason"] == "tool_calls"
    options = json.loads(door.asked[0].form)["anyOf"]
    assert [each["properties"]["name"]["const"] for each in options] == ["weather", "time"]
    await asked(door, tool_choice={"type": "function", "function": {"name": "weather"}})
    form = json.loads(door.asked[1].form)
    assert form["properties"]["arguments"]["required"] == ["town"]
    parse_schema(door.asked[0].form)


async def test_a_demanded_call_that_does_not_come_is_a_typed_refusal() -> None:
    door = FakeDoor(words=('{"name": "weather", "arg',))
    reply = await asked(door, tool_choice="required")
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "market.no_tool_call")
    frames = (await asked(door, tool_choice="required", stream=True)).text.strip().split("\n\n")
    assert json.loads(frames[-2].removeprefix("data: "))["error"]["code"] == "market.no_tool_call"
    plain = FakeDoor(routes=(form_route("/v1/chat/completions"),))
    refused = (await asked(plain, tool_choice="required")).json()["error"]
    assert (refused["code"], refused["param"]) == ("unsupported_parameter", "tool_choice")
    assert not plain.asked


async def test_one_call_at_a_time_where_the_client_wants_it() -> None:
    door = FakeDoor(words=(f'[{CALL}, {{"name": "time", "arguments": {{}}}}]',))
    assert len((await asked(door)).json()["choices"][0]["message"]["tool_calls"]) == 2
    reply = await asked(door, parallel_tool_calls=False)
    assert len(reply.json()["choices"][0]["message"]["tool_calls"]) == 1


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [TIME, TIME]}, "tools"),
        ({"tools": [TIME] * 65}, "tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "rain"}}}, "tool_choice"),
        ({"tools": None, "tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"functions": [{"name": "f"}]}, "functions"),
    ],
)
async def test_what_cannot_be_honoured_names_its_field(more: dict[str, Any], param: str) -> None:
    door = FakeDoor()
    reply = await asked(door, **more)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not door.asked


async def test_a_schema_that_no_model_takes_is_the_tools_fault() -> None:
    door = FakeDoor(fail_at=0, error=BadRequest("response_format: uses 'pattern'", param="response_format"))
    error = (await asked(door, tool_choice="required")).json()["error"]
    assert (error["param"], error["message"].split(": ")[0]) == ("tools", "A function's parameters")


def test_references_within_a_functions_schema_hold_in_the_whole() -> None:
    inner = {
        "type": "object",
        "properties": {"definitions": {"$ref": "#/$defs/town"}},
        "$defs": {"town": {"enum": [1]}},
    }
    tools = Tools((Function("a", "", inner), Function("b")), demanded=True, several=False)
    literals = {literal for place in parse_schema(schema_of(tools)).places for literal in place.literals}
    assert literals == {b'"a"', b'"b"', b"1"}


@given(st.text())
def test_any_text_is_read_without_a_crash_and_what_is_a_call_was_held(text: str) -> None:
    tools = Tools((Function("weather"),), demanded=False, several=True)
    if read_calls(text, tools):
        assert all(may_be_calls(text[:end]) is not False for end in range(len(text) + 1))


async def test_the_openai_client_calls_a_function_and_sends_its_result() -> None:
    import trio

    door = FakeDoor(words=(CALL[:20], CALL[20:]))
    async with serving(door) as http:

        def run() -> None:
            with openai.OpenAI(base_url=str(http.base_url), api_key="none", max_retries=0, timeout=10) as client:
                chat: Any = client.chat.completions
                first = chat.create(**QUESTION, tools=[WEATHER])
                call = first.choices[0].message.tool_calls[0]
                assert json.loads(call.function.arguments) == {"town": "Ulm"}
                told = [*QUESTION["messages"], first.choices[0].message.model_dump(exclude_none=True)]
                told.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
                chat.create(model="tiny", messages=told, tools=[WEATHER])
                with chat.stream(**QUESTION, tools=[WEATHER]) as stream:
                    final = stream.get_final_completion()
                assert final.choices[0].message.tool_calls[0].function.name == "weather"

        await trio.to_thread.run_sync(run)
    assert len(door.asked) == 3
