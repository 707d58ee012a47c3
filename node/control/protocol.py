"""The control protocol without any transport: lines of JSON-RPC 2.0 in both directions.

A call is answered once. A streaming call is answered by notifications `part` that carry its id and at last by an
ordinary answer; the notification `cancel` ends it early. Whatever comes in is bounded before it is parsed, and bad
input raises `BadLine` with the answer to give: it never ends a connection, let alone a daemon.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from node.control.errors import BadRequest, ProtocolError, VersionMismatch
from node.control.methods import METHOD_OF, METHODS, Method
from node.control.requests import Request, StreamRequest
from node.control.schema import API_VERSION, ErrorView, Hello

CallId = int | str

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REFUSED: Final = -32000  # an expected failure; data.code says which

_ID_CHARS_MAX: Final = 64
_ID_MAX: Final = 2**53  # every JSON reader holds it exactly
_NO_RESULT: Final = msgspec.Raw(b"")


class LineBuffer:
    """Cuts a byte stream into lines of at most `max_bytes`; a longer line is dropped whole and shows up as None."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines completed by `data`, without their newlines; empty lines are skipped."""
        lines: list[bytes | None] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            if self._dropping or len(self._held) + len(piece) > self._max_bytes:
                lines.append(None)
            elif self._held or piece:
                lines.append(bytes(self._held + piece))
            self._held.clear()
            self._dropping = False
        if self._dropping or len(self._held) + len(rest) > self._max_bytes:
            self._held.clear()
            self._dropping = True
        else:
            self._held += rest
        return lines


class BadLine(Exception):
    """A line from a client that is no valid request; `answer` is what to send back."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("a line that is no valid request")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Call:
    """A well-formed request: which method, with what, and the id to answer under."""

    id: CallId
    method: Method
    request: msgspec.Struct


@dataclass(frozen=True, slots=True)
class Cancel:
    """The client wants no more of the streaming call `id`."""

    id: CallId


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to call `id`, still encoded."""

    id: CallId
    result: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Failure:
    """Call `id` was refused; an id of None means that the daemon could not even tell which call it was."""

    id: CallId | None
    error: ErrorView


@dataclass(frozen=True, slots=True)
class Part:
    """The next part of the streaming call `id`, still encoded."""

    id: CallId
    part: msgspec.Raw


class _Incoming(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: Literal["2.0"]
    method: str
    id: CallId | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _IdOnly(msgspec.Struct):
    id: CallId | None = None


class _CancelParams(msgspec.Struct, forbid_unknown_fields=True):
    id: CallId


class _ErrorData(msgspec.Struct):
    code: str = "remote_error"
    hint: str = ""


class _Error(msgspec.Struct):
    code: int
    message: str
    data: _ErrorData = msgspec.field(default_factory=_ErrorData)


class _PartParams(msgspec.Struct):
    id: CallId
    part: msgspec.Raw


class _Outgoing(msgspec.Struct):
    """Either an answer or a `part` notification, as a client reads it."""

    jsonrpc: Literal["2.0"]
    id: CallId | None = None
    method: str = ""
    params: _PartParams | None = None
    result: msgspec.Raw = _NO_RESULT
    error: _Error | None = None


_encoder = msgspec.json.Encoder()
_incoming = msgspec.json.Decoder(_Incoming)
_id_only = msgspec.json.Decoder(_IdOnly)
_cancel_params = msgspec.json.Decoder(_CancelParams)
_outgoing = msgspec.json.Decoder(_Outgoing)
_requests = {name: msgspec.json.Decoder(method.request) for name, method in METHODS.items()}
_results: dict[str, msgspec.json.Decoder[Any]] = {n: msgspec.json.Decoder(m.result) for n, m in METHODS.items()}

# --- the daemon's side ----------------------------------------------------------------------------------------------


def parse_line(line: bytes) -> Call | Cancel:
    """Return what a client's line asks for.

    Raises:
        BadLine: it is no valid request; the exception holds the answer.
    """
    try:
        incoming = _incoming.decode(line)
    except msgspec.ValidationError as error:
        raise _bad(_find_id(line), INVALID_REQUEST, f"This is no JSON-RPC 2.0 request: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(None, PARSE_ERROR, f"This line is not JSON: {error}.") from error
    if incoming.method == "cancel":
        return _parse_cancel(incoming)
    call_id = _checked_id(incoming.id)
    method = METHODS.get(incoming.method)
    if method is None:
        raise _bad(call_id, METHOD_NOT_FOUND, f"There is no method {incoming.method[:64]!r}.", "unknown_method")
    try:
        request = _requests[method.name].decode(incoming.params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(call_id, INVALID_PARAMS, f"The parameters of {method.name} are wrong: {error}.") from error
    return Call(call_id, method, request)


def encode_answer(call_id: CallId, result: object) -> bytes:
    """Return the line that answers a call."""
    return _line({"jsonrpc": "2.0", "id": call_id, "result": result})


def encode_part(call_id: CallId, part: object) -> bytes:
    """Return the line that carries one part of a streaming call."""
    return _line({"jsonrpc": "2.0", "method": "part", "params": {"id": call_id, "part": part}})


def encode_failure(call_id: CallId | None, error: ErrorView, rpc_code: int = REFUSED) -> bytes:
    """Return the line that refuses a call."""
    data = {"code": error.code, "hint": error.hint}
    return _line({"jsonrpc": "2.0", "id": call_id, "error": {"code": rpc_code, "message": error.message, "data": data}})


def too_long_answer(max_bytes: int) -> bytes:
    """Return the answer to a line of more than `max_bytes`."""
    return encode_failure(
        None, ErrorView(BadRequest.code, f"A request may have {max_bytes} bytes at most."), INVALID_REQUEST
    )


# --- the client's side ----------------------------------------------------------------------------------------------


def encode_call(call_id: CallId, request: Request[Any] | StreamRequest[Any]) -> bytes:
    """Return the line that makes a call."""
    method = METHOD_OF[type(request)]
    return _line({"jsonrpc": "2.0", "id": call_id, "method": method.name, "params": request})


def encode_cancel(call_id: CallId) -> bytes:
    """Return the line that ends a streaming call."""
    return _line({"jsonrpc": "2.0", "method": "cancel", "params": {"id": call_id}})


def parse_answer(line: bytes) -> Answer | Failure | Part:
    """Return what the daemon's line says.

    Raises:
        ProtocolError: it is none of the three.
    """
    try:
        outgoing = _outgoing.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"The daemon sent a line that is no answer: {error}.") from error
    if outgoing.error is not None:
        data = outgoing.error.data
        return Failure(outgoing.id, ErrorView(data.code, outgoing.error.message, data.hint))
    if outgoing.params is not None and outgoing.method == "part":
        return Part(outgoing.params.id, outgoing.params.part)
    if outgoing.id is not None and bytes(outgoing.result):
        return Answer(outgoing.id, outgoing.result)
    raise ProtocolError("The daemon sent a line that is neither an answer nor a part of one.")


def decode_result(request: msgspec.Struct, result: msgspec.Raw) -> Any:  # the type that the request names
    """Return the decoded answer (or part) to `request`.

    Raises:
        ProtocolError: it is not of the type that the request promises.
    """
    method = METHOD_OF[type(request)]
    try:
        return _results[method.name].decode(result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"The daemon's answer to {method.name} has another form: {error}.") from error


def check_version(hello: Hello) -> Hello:
    """Return `hello` if its daemon speaks our version of the API, else raise VersionMismatch."""
    if not hello.api_min <= API_VERSION <= hello.api_max:
        raise VersionMismatch(
            f"The running node is neurond {hello.version}; its API is another one than this program's."
        )
    return hello


# --- shared ---------------------------------------------------------------------------------------------------------


def _line(message: object) -> bytes:
    return _encoder.encode(message) + b"\n"  # the encoder escapes newlines inside text


def _bad(call_id: CallId | None, rpc_code: int, message: str, code: str = BadRequest.code) -> BadLine:
    return BadLine(encode_failure(call_id, ErrorView(code, message), rpc_code))


def _checked_id(call_id: CallId | None) -> CallId:
    if isinstance(call_id, str) and len(call_id) <= _ID_CHARS_MAX:
        return call_id
    if isinstance(call_id, int) and abs(call_id) <= _ID_MAX:
        return call_id
    raise _bad(None, INVALID_REQUEST, f"A call needs an id: a number or a text of at most {_ID_CHARS_MAX} letters.")


def _parse_cancel(incoming: _Incoming) -> Cancel:
    try:
        return Cancel(_checked_id(_cancel_params.decode(incoming.params).id))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(None, INVALID_PARAMS, f"The parameters of cancel are wrong: {error}.") from error


def _find_id(line: bytes) -> CallId | None:
    try:
        found = _id_only.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if (isinstance(found, str) and len(found) <= _ID_CHARS_MAX) or isinstance(found, int) else None
