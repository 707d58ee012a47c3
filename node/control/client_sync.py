"""The client for commands and scripts: one blocking connection, one thing at a time.

Imports neither trio nor asyncio, so that a command starts quickly.
"""

import socket
from collections.abc import Generator
from pathlib import Path
from typing import Final, TypeVar, cast

from node.control.api import HelloRequest
from node.control.errors import ConnectionLost, NotRunning, ProtocolError, RemoteError, RequestTimeout
from node.control.limits import ANSWER_BYTES_MAX, CALL_TIMEOUT_S, CONNECT_TIMEOUT_S
from node.control.paths import socket_path_to_connect
from node.control.protocol import (
    Answer,
    Failure,
    LineBuffer,
    Part,
    check_version,
    decode_result,
    encode_call,
    encode_cancel,
    parse_answer,
)
from node.control.requests import Request, StreamRequest
from node.control.schema import API_VERSION, Hello

R = TypeVar("R")
_RECEIVE_BYTES: Final = 64 * 1024


class SyncClient:
    """A connection to the daemon of `home`; use it as a context manager. Not for several threads."""

    def __init__(self, home: Path, name: str = "neurond", timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Connect and greet.

        Raises:
            NotRunning: no daemon answers. RequestTimeout, VersionMismatch, RemoteError.
        """
        self._timeout_s = timeout_s
        self._lines = LineBuffer(ANSWER_BYTES_MAX)
        self._ready: list[Answer | Failure | Part] = []
        self._next_id = 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        try:
            self._socket.connect(str(socket_path_to_connect(home)))
            self.hello: Hello = check_version(self.call(HelloRequest(name, API_VERSION)))
        except OSError as error:
            self.close()
            raise NotRunning(f"No node is running for the home {home}.") from error
        except BaseException:
            self.close()
            raise
        self._socket.settimeout(timeout_s)

    def call(self, request: Request[R]) -> R:
        """Return the daemon's answer.

        Raises:
            RemoteError: it refused. ConnectionLost, RequestTimeout, ProtocolError: there is no answer.
        """
        call_id = self._send(request)
        item = self._receive(call_id)
        match item:
            case Answer(result=result):
                return cast(R, decode_result(request, result))
            case Failure(error=view):
                raise RemoteError(view)
            case Part():
                raise ProtocolError("The daemon sent a part where a whole answer was due.")

    def stream(self, request: StreamRequest[R], timeout_s: float | None = None) -> Generator[R, None, None]:
        """Yield the parts of a streaming call; leaving early tells the daemon to stop. Raises as `call` does.

        `timeout_s` bounds the wait for each part; None: the client's own.
        """
        call_id = self._send(request)
        self._socket.settimeout(self._timeout_s if timeout_s is None else timeout_s)
        ended = False
        try:
            while True:
                item = self._receive(call_id)
                match item:
                    case Part(part=part):
                        yield cast(R, decode_result(request, part))
                    case Answer():
                        ended = True
                        return
                    case Failure(error=view):
                        ended = True
                        raise RemoteError(view)
        finally:
            if self._socket.fileno() >= 0:
                self._socket.settimeout(self._timeout_s)
                if not ended:
                    self._transmit(encode_cancel(call_id))

    def close(self) -> None:
        """Hang up; the daemon goes on."""
        self._socket.close()

    def __enter__(self) -> "SyncClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, request: Request[R] | StreamRequest[R]) -> int:
        call_id = self._next_id
        self._next_id += 1
        self._transmit(encode_call(call_id, request))
        return call_id

    def _transmit(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise RequestTimeout("The daemon does not read what it is sent.") from None
        except OSError as error:
            raise ConnectionLost("The daemon closed the connection.") from error

    def _receive(self, call_id: int) -> Answer | Failure | Part:
        """Return the next item of our call; what is left of earlier, abandoned streams is dropped."""
        while True:
            while self._ready:
                item = self._ready.pop(0)
                if item.id == call_id or (item.id is None and isinstance(item, Failure)):
                    return item
            self._ready += [parse_answer(self._whole(line)) for line in self._lines.feed(self._read())]

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            timeout_s = self._socket.gettimeout() or 0.0
            raise RequestTimeout(f"The daemon did not answer within {timeout_s:g} s.") from None
        except OSError as error:
            raise ConnectionLost("The daemon closed the connection.") from error
        if not data:
            raise ConnectionLost("The daemon closed the connection.")
        return data

    @staticmethod
    def _whole(line: bytes | None) -> bytes:
        if line is None:
            raise ProtocolError(f"The daemon sent a line of more than {ANSWER_BYTES_MAX} bytes.")
        return line
