"""Who may ask: API keys by their hash, what each allows, and what it has used.

Without any key the gateway stands open to this machine for work that costs nothing; with the first key that ends, and
nothing is ever spent or changed without one (decision 0016). Windows of minutes and days are those of UTC. Time comes
in as a parameter; the store is asked for single rows only.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.gateway.errors import KeyForbidden, KeyMissing, LimitReached
from node.gateway.limits import CALL_SHARE, KEY_BYTES, WINDOWS_MAX
from node.market.errors import BadRequest
from node.subnets.doors import SCOPES, Scope
from storage.keys import KeyRow, KeyStore, UseRow

PREFIX: Final = "nrd-"
_OPEN: Final = frozenset(("read", "invoke"))  # what a gateway without keys allows
_PERSON: Final = b"neurond-apikey"
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_KEY_CHARS_MAX: Final = 128


def new_secret() -> str:
    """A new API key; shown once, never stored."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def hash_of(secret: str) -> bytes:
    """What is stored of a key. Keys are random, so that a plain hash keeps them safe."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=_PERSON).digest()


def new_key(
    name: str, scopes: tuple[Scope, ...], per_minute: int, per_day: int, rao_per_day: int, now_ms: int
) -> tuple[KeyRow, str]:
    """A key's row and its secret. Raises BadRequest for a name or scopes out of form."""
    if not name.strip() or not name.isprintable() or len(name) > 64:
        raise BadRequest("A key's name is one line of 1 to 64 characters.", param="name")
    if not scopes or any(scope not in SCOPES for scope in scopes):
        raise BadRequest(f"Scopes are some of {', '.join(SCOPES)}.", param="scopes")
    secret = new_secret()
    ordered = " ".join(scope for scope in SCOPES if scope in scopes)
    key_id = f"key_{secrets.token_hex(6)}"
    return KeyRow(key_id, name, hash_of(secret), ordered, per_minute, per_day, rao_per_day, now_ms), secret


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key's id ("" without one), what it allows, and the scopes it has."""

    id: str
    scopes: frozenset[str]
    row: KeyRow | None = None

    def need(self, scope: Scope) -> None:
        """Raise KeyForbidden unless the scope is allowed; admin allows everything, invoke also reading."""
        have = self.scopes
        if scope in have or "admin" in have or (scope == "read" and "invoke" in have):
            return
        if self.row is None:
            raise KeyMissing("Without an API key nothing can be changed here; this needs one with the scope admin.")
        raise KeyForbidden(f"The key {self.row.name!r} lacks the scope {scope}.")


@dataclass(slots=True)
class _Window:
    """What a key used in the running minute and day, and what running calls may still spend."""

    minute: int = 0
    in_minute: int = 0
    day: int = 0
    requests: int = 0
    rao: int = 0
    reserved_rao: int = 0


class KeyBook:
    """Admits callers and counts what they use; one a gateway. Without a store there are no keys and nothing is kept."""

    def __init__(self, store: KeyStore | None, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._pending: dict[tuple[str, int, str], UseRow] = {}

    def caller(self, authorization: str, api_key: str = "") -> Caller:
        """Who sends these headers. Raises KeyMissing for no, an unknown or a revoked key where keys are needed."""
        secret = _bearer(authorization) or api_key
        row = None
        if self._store is None:
            return Caller("", _OPEN)
        if secret.startswith(PREFIX) and len(secret) <= _KEY_CHARS_MAX:
            row = self._store.find(hash_of(secret))
        if row is not None and row.revoked_at_ms is None:
            return Caller(row.id, frozenset(row.scopes.split()), row)
        if self._store.any():
            if row is not None:
                raise KeyMissing(f"The key {row.name!r} was revoked.")
            raise KeyMissing("This gateway does not know that API key." if secret else "An API key is needed.")
        return Caller("", _OPEN)

    def begin(self, caller: Caller) -> None:
        """Count a request. Raises LimitReached."""
        window, now_ms = self._window(caller.id), self._now_ms()
        row = caller.row
        if row is not None:
            if row.per_minute and window.in_minute >= row.per_minute:
                raise LimitReached(
                    f"The key {row.name!r} may make {row.per_minute} requests a minute.", name="requests_per_minute",
                    limit=row.per_minute, used=window.in_minute, reset_at_ms=(now_ms // _MINUTE_MS + 1) * _MINUTE_MS,
                )  # fmt: skip
            if row.per_day and window.requests >= row.per_day:
                raise LimitReached(
                    f"The key {row.name!r} may make {row.per_day} requests a day.", name="requests_per_day",
                    limit=row.per_day, used=window.requests, reset_at_ms=(now_ms // _DAY_MS + 1) * _DAY_MS,
                )  # fmt: skip
        window.in_minute += 1
        window.requests += 1

    def reserve(self, caller: Caller) -> int:
        """Set aside what a call may spend and return it, in rao: 0 without a key, or with one that may not spend.

        Raises LimitReached when the key's budget of the day is used up.
        """
        row = caller.row
        if row is None or row.rao_per_day == 0:
            return 0
        window, now_ms = self._window(caller.id), self._now_ms()
        free = row.rao_per_day - window.rao - window.reserved_rao
        if free <= 0:
            raise LimitReached(
                f"The key {row.name!r} may spend {row.rao_per_day} rao a day.", name="rao_per_day",
                limit=row.rao_per_day, used=window.rao, reset_at_ms=(now_ms // _DAY_MS + 1) * _DAY_MS,
            )  # fmt: skip
        amount = max(free // CALL_SHARE, 1)
        window.reserved_rao += amount
        return amount

    def settle(self, caller: Caller, reserved_rao: int, use: UseRow) -> None:
        """Give back what was set aside and count what was used; written to the store later."""
        window = self._window(caller.id)
        window.reserved_rao = max(window.reserved_rao - reserved_rao, 0)
        window.rao += use.rao
        self.put_back([use])

    def take_pending(self) -> list[UseRow]:
        """What is to be written to the store now; the caller writes it, or puts it back."""
        rows, self._pending = list(self._pending.values()), {}
        return rows

    def put_back(self, rows: Sequence[UseRow]) -> None:
        """Add to what is to be written."""
        for row in rows:
            name = (row.key, row.day, row.model)
            before = self._pending.get(name, UseRow(*name))
            self._pending[name] = UseRow(
                *name,
                before.requests + row.requests,
                before.prompt_tokens + row.prompt_tokens,
                before.completion_tokens + row.completion_tokens,
                before.units + row.units,
                before.rao + row.rao,
            )

    def today(self) -> int:
        """The day of UTC, counted from 1970."""
        return self._now_ms() // _DAY_MS

    def _window(self, key_id: str) -> _Window:
        """The window of a key, begun anew with the minute and the day."""
        now_ms = self._now_ms()
        window = self._windows.get(key_id)
        day = now_ms // _DAY_MS
        if window is None:
            requests, rao = (0, 0) if self._store is None else self._store.used(key_id, day)
            window = self._windows[key_id] = _Window(day=day, requests=requests, rao=rao)
            if len(self._windows) > WINDOWS_MAX:
                self._windows.popitem(last=False)
        if window.day != day:
            window.day, window.requests, window.rao = day, 0, 0
        if window.minute != now_ms // _MINUTE_MS:
            window.minute, window.in_minute = now_ms // _MINUTE_MS, 0
        self._windows.move_to_end(key_id)
        return window


def _bearer(header: str) -> str:
    if header.startswith(PREFIX):  # a key alone, as programs of other servers of the form send it
        return header.strip()
    kind, _, value = header.partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
