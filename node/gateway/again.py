"""Requests that carry an Idempotency-Key: the same one again gets the same answer, and is neither done nor paid twice.

Kept are whole answers of requests that succeeded, for a day, in the gateway's database; failures are not, so that they
can be tried again. The same name with another request, or while the first is under way, is a conflict.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
import trio
from starlette.types import Message, Receive, Scope, Send

from node.gateway.limits import REPLY_KEPT_S
from node.market.errors import Conflict
from storage.errors import StorageError
from storage.keys import KeyStore, ReplyRow
from storage.limits import REPLY_BYTES_MAX

log = logging.getLogger("neurond.gateway")


class App(Protocol):
    """An answer that knows, before it sends its last bytes, whether it succeeded."""

    ok: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


Asgi = tuple[Scope, Receive, Send]
Build = Callable[[], Awaitable[App]]


class Again:
    """Remembers answers by caller and name; one a gateway."""

    def __init__(self, store: KeyStore | None, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._under_way: set[tuple[str, str]] = set()

    async def around(self, build: Build, key_id: str, name: str, request: bytes, asked: Asgi) -> None:
        """Build the answer and give it, or give the one that was given before. Raises Conflict, and as `build`."""
        if self._store is None or not name:
            return await (await build())(*asked)
        if (key_id, name) in self._under_way:
            raise Conflict("A request with this Idempotency-Key is under way.", param="idempotency-key")
        self._under_way.add((key_id, name))
        try:
            digest = hashlib.blake2b(request, digest_size=32).digest()
            known = await trio.to_thread.run_sync(self._store.reply, key_id, name, self._now_ms())
            if known is None:
                await self._record(self._store, await build(), key_id, name, digest, asked)
            elif known.digest != digest:
                raise Conflict("This Idempotency-Key was used for another request.", param="idempotency-key")
            else:
                await _replay(known, asked[2])
        finally:
            self._under_way.discard((key_id, name))

    async def _record(self, store: KeyStore, app: App, key_id: str, name: str, digest: bytes, asked: Asgi) -> None:
        scope, receive, send = asked
        body, head = bytearray(), Head()

        async def copy(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = Head(message["status"], tuple((bytes(k), bytes(v)) for k, v in message.get("headers", ())))
            elif len(body) <= REPLY_BYTES_MAX:
                body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False) and app.ok:
                await self._keep(store, ReplyRow(
                    key_id, name, digest, head.status, msgspec.msgpack.encode(head.headers), bytes(body),
                    self._now_ms() + REPLY_KEPT_S * 1000,
                ))  # fmt: skip
            await send(message)

        await app(scope, receive, copy)

    async def _keep(self, store: KeyStore, row: ReplyRow) -> None:
        """Write an answer down before its last byte leaves: who has it all can ask for it again."""
        with trio.CancelScope(shield=True):
            try:
                await trio.to_thread.run_sync(store.keep_reply, row)
            except StorageError as error:
                log.error("an answer could not be kept for its Idempotency-Key: %s", error)

    async def drop_expired(self) -> None:
        """Remove what is older than a day."""
        if self._store is not None:
            await trio.to_thread.run_sync(self._store.drop_expired, self._now_ms())


class Head(msgspec.Struct, frozen=True):
    """Status and headers of an answer."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def _replay(row: ReplyRow, send: Send) -> None:
    headers: list[Any] = list(msgspec.msgpack.decode(row.headers, type=tuple[tuple[bytes, bytes], ...]))
    headers.append((b"idempotency-replayed", b"true"))
    await send({"type": "http.response.start", "status": row.status, "headers": headers})
    await send({"type": "http.response.body", "body": row.body})
