"""Records a session: follows a node as a window does, and keeps what it says. It changes nothing and asks little.

Answers that are the same as the last one are left out, so that a quiet node makes a small file.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from node.control.catalogue import READS, request_of
from node.control.client_async import AsyncClient
from node.control.errors import BadArgument, ConnectionLost, NotRunning, ProtocolError, RemoteError, RequestTimeout
from node.control.limits import RECORDED_SUBNETS_MAX, RECORDING_FLUSH_S, RECORDING_S_MAX
from node.control.methods import METHODS
from node.control.recording import Entry, EntryKind, Header, Packer, canonical
from node.control.recording_scrub import Scrubber
from node.control.schema import API_VERSION, Topic
from node.version import __version__

INTERVALS_S: Final = {
    "peers": 5.0, "subnets": 5.0, "earnings": 10.0, "proposals": 10.0, "network": 15.0, "markets": 15.0,
    "tx_context": 15.0, "authorities": 30.0, "models": 30.0, "channels": 30.0, "budget": 30.0, "offers": 30.0,
    "journals": 30.0, "receipts": 30.0, "usage": 30.0, "data": 60.0, "peer_bans": 60.0, "tasks": 60.0,
}  # fmt: skip
"""Reads without arguments, and how often they are made."""
SUBNET_INTERVAL_S: Final = 10.0  # metagraphs and prices
_TOPICS: Final[tuple[Topic, ...]] = ("status", "log", "tasks", "job")
_PAUSE_S: Final = 1.0  # after a lost connection
_GONE: Final = (NotRunning, ConnectionLost, RequestTimeout, ProtocolError)


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes) -> object: ...


class Recorder:
    """One recording of one client; `run` once. `clock_s` is a monotonic clock."""

    def __init__(
        self, client: AsyncClient, sink: Sink, *, started_ms: int, clock_s: Callable[[], float],
        scrubber: Scrubber | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._sink = sink
        self._clock_s = clock_s
        self._begun_s = clock_s()
        self._scrubber = scrubber
        self._packer = Packer(Header(1, API_VERSION, __version__, started_ms, scrubber is not None))
        self._latest: dict[tuple[str, bytes], bytes] = {}
        self._full = asyncio.Event()
        self.left_out = 0

    @property
    def entries(self) -> int:
        return self._packer.entries

    @property
    def file_bytes(self) -> int:
        return self._packer.file_bytes

    async def run(self, for_s: float | None, tell: Callable[[], None] = lambda: None) -> None:
        """Record for `for_s` (None: until cancelled, a day at most, or full); the file is whole however this ends.

        `tell` is called every other second.
        """
        hello = self._client.last_hello
        if hello is not None:
            self._note("hello", msgspec.json.encode(hello))
        try:
            async with asyncio.timeout(min(for_s or RECORDING_S_MAX, RECORDING_S_MAX)):
                await self._all(tell)
        except TimeoutError:
            pass
        finally:
            self._sink.write(self._packer.end(self._t()))

    async def _all(self, tell: Callable[[], None]) -> None:
        works = [self._follow(), self._flush(tell), self._subnets(), self._account()]
        works += [self._poll(name, each) for name, each in INTERVALS_S.items() if name in READS and name in METHODS]
        tasks = [asyncio.ensure_future(each) for each in works]
        full = asyncio.ensure_future(self._full.wait())
        try:
            await asyncio.wait([full, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for each in tasks:
                if each.done():
                    each.result()  # a defect: it goes up
        finally:
            full.cancel()
            for each in tasks:
                each.cancel()
            await asyncio.gather(full, *tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            try:
                async for event in self._client.subscribe(_TOPICS, "debug"):
                    self._note("event", msgspec.json.encode(event))
            except (RemoteError, *_GONE):
                await asyncio.sleep(_PAUSE_S)

    async def _flush(self, tell: Callable[[], None]) -> None:
        linked = True
        while True:
            await asyncio.sleep(RECORDING_FLUSH_S)
            if self._client.connected != linked:
                linked = self._client.connected
                self._note("link", b"true" if linked else b"false")
            self._sink.write(self._packer.take())
            tell()

    async def _poll(self, name: str, interval_s: float) -> None:
        while True:
            await self._ask(name, {})
            await asyncio.sleep(interval_s)

    async def _subnets(self) -> None:
        while True:
            found = await self._ask("subnets", {})
            rows = found if isinstance(found, tuple) else ()
            for each in rows[:RECORDED_SUBNETS_MAX]:
                await self._ask("metagraph", {"netuid": each.netuid})
                if "prices" in METHODS:
                    await self._ask("prices", {"netuid": each.netuid})
            await asyncio.sleep(SUBNET_INTERVAL_S)

    async def _account(self) -> None:
        while True:
            status = await self._ask("status", {})
            coldkey = getattr(status, "coldkey", None)
            if coldkey is not None:
                await self._ask("account", {"address": coldkey})
            await asyncio.sleep(SUBNET_INTERVAL_S)

    async def _ask(self, name: str, arguments: dict[str, object]) -> object:
        try:
            request = request_of(name, arguments)
        except BadArgument:
            return None  # a read of another build that wants more
        params = canonical(request)
        call: Awaitable[object] = self._client.call(request)
        try:
            answer = await call
        except RemoteError as error:
            self._note("refused", msgspec.json.encode(error.view), name, params)
            return None
        except _GONE:
            return None
        self._note("answer", msgspec.json.encode(answer), name, params)
        return answer

    def _note(self, kind: EntryKind, data: bytes, method: str = "", params: bytes = b"{}") -> None:
        if method and self._latest.get((method, params)) == data:
            return
        entry = Entry(self._t(), kind, method, msgspec.Raw(params), msgspec.Raw(data))
        if not self._packer.add(entry if self._scrubber is None else self._scrubber.entry(entry)):
            self.left_out += 1
        if method:
            self._latest[method, params] = data
        if self._packer.is_full:
            self._full.set()

    def _t(self) -> int:
        return min(max(0, int((self._clock_s() - self._begun_s) * 1000)), RECORDING_S_MAX * 1000)
