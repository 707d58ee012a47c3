"""Function calling in the OpenAI form, over models that only write text. Knows nothing of HTTP.

The functions are told to the model in a system message; what it writes is read back: a JSON object with a function's
name and its arguments is a call, anything else is text. Where a call is demanded, the answer is bound to a JSON schema
of such objects, so a verifier checks it like any other answer. Nothing is called here: the client's program does that.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from node.gateway.guard import check_depth
from node.gateway.limits import TOOL_CALLS_MAX, TOOL_TEXT_CHARS_MAX, TOOLS_BYTES_MAX, TOOLS_MAX
from node.market.chat import ChatTurn
from node.market.errors import BadRequest, Unsupported

Meta = msgspec.Meta
Name = Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_TEXT = Annotated[str, Meta(max_length=TOOL_TEXT_CHARS_MAX)]


class Function(msgspec.Struct, frozen=True):
    """A function of the client's program; `parameters` is the JSON schema of its arguments."""

    name: Name
    description: _TEXT = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None  # a demanded call always keeps to the schema


class Tool(msgspec.Struct, frozen=True):
    """One entry of `tools`; functions are the only kind served here."""

    type: str
    function: Function | None = None


class Named(msgspec.Struct, frozen=True):
    """The name of a function."""

    name: Name


class Chosen(msgspec.Struct, frozen=True):
    """`tool_choice` as an object: the one function to be called."""

    type: Literal["function"]
    function: Named


Choice = Literal["none", "auto", "required"] | Chosen


class Written(msgspec.Struct, frozen=True):
    """A call as a model writes it, and as the client sends it back: `arguments` is an object, or its JSON text."""

    name: Name
    arguments: dict[str, Any] | _TEXT = msgspec.field(default_factory=dict)


class PastCall(msgspec.Struct, frozen=True):
    """A call of an earlier answer, sent back with its result."""

    id: _TEXT
    function: Written
    type: Literal["function"] = "function"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an answer asks for; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What a chat may call. `demanded` answers are calls; `several` allows more than one in an answer."""

    functions: tuple[Function, ...]
    demanded: bool
    several: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(each.name for each in self.functions)


def wanted(tools: Sequence[Tool] | None, choice: Choice | None, several: bool | None) -> Tools | None:
    """What a request may have called; None without functions. Raises BadRequest and Unsupported, which name the field.

    The schemas of the arguments are not read here, but for their size and depth.
    """
    if not tools:
        if choice not in (None, "none"):
            raise BadRequest("`tool_choice` asks for a call, and `tools` names none.", param="tool_choice")
        return None
    functions = tuple(_function(place, tool) for place, tool in enumerate(tools))
    if len(functions) > TOOLS_MAX or len(msgspec.json.encode(functions)) > TOOLS_BYTES_MAX:
        raise BadRequest(f"`tools` has at most {TOOLS_MAX} functions and {TOOLS_BYTES_MAX} bytes.", param="tools")
    if len({each.name for each in functions}) != len(functions):
        raise BadRequest("Two functions of `tools` have one name.", param="tools")
    if choice == "none":
        return None
    if isinstance(choice, Chosen):
        functions = tuple(each for each in functions if each.name == choice.function.name)
        if not functions:
            raise BadRequest(f"`tools` has no function {choice.function.name!r}.", param="tool_choice")
        return Tools(functions, demanded=True, several=False)
    return Tools(functions, demanded=choice == "required", several=several is not False)


def _function(place: int, tool: Tool) -> Function:
    if tool.type != "function":
        raise Unsupported(f"Tools are functions here, not {tool.type[:40]!r}.", param=f"tools[{place}].type")
    if tool.function is None:
        raise BadRequest(f"`tools[{place}].function` is required.", param=f"tools[{place}].function")
    check_depth(tool.function.parameters or {})
    return tool.function


# --- what the model is told -------------------------------------------------------------------------------------------


def with_tools(tools: Tools, messages: Sequence[ChatTurn]) -> tuple[ChatTurn, ...]:
    """The messages with the functions told first; a system message of the client's own comes before them."""
    first = messages[0] if messages else None
    if first is not None and first.role == "system":
        return ChatTurn("system", f"{first.content}\n\n{_told(tools)}"), *messages[1:]
    return ChatTurn("system", _told(tools)), *messages


def _told(tools: Tools) -> str:
    lines = [msgspec.json.encode(_public(each)).decode() for each in tools.functions]
    how = '{"name": NAME, "arguments": {…}}'
    when = "Answer with" if tools.demanded else "If one of them helps, answer with"
    many = f", or {_OPEN}[…]{_CLOSE} with a list of them" if tools.several and not tools.demanded else ""
    form = f"nothing but {how}" if tools.demanded else f"nothing but {_OPEN}{how}{_CLOSE}{many}"
    return f"You can call these functions:\n{chr(10).join(lines)}\n{when} {form}."


def _public(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters or {"type": "object", "properties": {}},
    }


def past_calls(calls: Sequence[PastCall], content: str) -> str:
    """An earlier answer with calls as the model wrote it."""
    shown = [{"name": each.function.name, "arguments": _object(each.function.arguments)} for each in calls]
    text = f"{_OPEN}{msgspec.json.encode(shown[0] if len(shown) == 1 else shown).decode()}{_CLOSE}"
    return f"{content}\n{text}" if content else text


def result(text: str) -> str:
    """What a called function gave, as the model is told it."""
    return f"<tool_response>\n{text}\n</tool_response>"


def _object(arguments: dict[str, Any] | str) -> object:
    """Arguments as an object where their text is one; else the text, as somebody wrote it."""
    if isinstance(arguments, dict):
        return arguments
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return arguments


def schema_of(tools: Tools) -> str:
    """The JSON schema of a demanded call: one of the functions by its name, and arguments that keep to its schema."""
    options = []
    for each in tools.functions:
        place = f"#/$defs/{each.name}"
        arguments = _moved(each.parameters, place) if each.parameters else {"type": "object", "properties": {}}
        properties = {"name": {"const": each.name}, "arguments": arguments}
        options.append({"type": "object", "properties": properties, "required": ["name", "arguments"]})
    whole: dict[str, Any] = options[0] if len(options) == 1 else {"anyOf": options}
    referred = {each.name: each.parameters for each in tools.functions if _refers(each.parameters)}
    return msgspec.json.encode({**whole, "$defs": referred} if referred else whole).decode()


def _refers(schema: object) -> bool:
    return '"$ref"' in msgspec.json.encode(schema).decode()


def _moved(schema: object, place: str) -> Any:
    """A schema whose references within itself point to where it hangs in the whole."""
    if isinstance(schema, dict):
        moved = {key: _moved(value, place) for key, value in schema.items() if key != "$ref"}
        return moved | {"$ref": _reference(schema["$ref"], place)} if "$ref" in schema else moved
    return [_moved(each, place) for each in schema] if isinstance(schema, list) else schema


def _reference(target: object, place: str) -> object:
    return place + target[1:] if isinstance(target, str) and target.startswith("#") else target


# --- what the model wrote ---------------------------------------------------------------------------------------------


def may_be_calls(text: str) -> bool | None:
    """Whether an answer that begins so may be calls; None while that is open."""
    begun = text.lstrip()
    if not begun:
        return None
    return begun.startswith(("{", "[", _OPEN, _OPEN[: len(begun)]))


def read_calls(text: str, tools: Tools) -> tuple[Call, ...]:
    """The calls that an answer is; none when it is anything else, or names a function that was not offered."""
    shown = text.strip()
    found: list[Written] = []
    try:
        if shown.startswith(_OPEN):
            pieces = re.split(f"(?:{_CLOSE})?\\s*{_OPEN}", shown.removesuffix(_CLOSE))[1:]
        else:
            pieces = [shown]
        for piece in pieces:
            found += _decoded(piece)
    except (msgspec.DecodeError, RecursionError):
        return ()
    if not 0 < len(found) <= TOOL_CALLS_MAX or any(each.name not in tools.names for each in found):
        return ()
    calls = tuple(Call(each.name, _text(each.arguments)) for each in found)
    return () if any(not each.arguments for each in calls) else calls if tools.several else calls[:1]


def _decoded(text: str) -> list[Written]:
    if text.lstrip().startswith("["):
        return msgspec.json.decode(text, type=list[Written])
    return [msgspec.json.decode(text, type=Written)]


def _text(arguments: dict[str, Any] | str) -> str:
    """Arguments as the text of an object; "" when they are none."""
    found = _object(arguments)
    return msgspec.json.encode(found).decode() if isinstance(found, dict) else ""


def shown_calls(calls: Sequence[Call], request_id: str, choice: int, *, numbered: bool) -> list[Mapping[str, Any]]:
    """The calls as bodies have them; chunks number them."""
    found: list[Mapping[str, Any]] = []
    for index, each in enumerate(calls):
        name = hashlib.blake2b(f"{request_id}:{choice}:{index}".encode(), digest_size=12, person=b"neurond-call")
        body = {"id": f"call_{name.hexdigest()}", "type": "function",
                "function": {"name": each.name, "arguments": each.arguments}}  # fmt: skip
        found.append({"index": index, **body} if numbered else body)
    return found
