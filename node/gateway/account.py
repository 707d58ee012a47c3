"""What the gateway tells about itself: keys, use, balance and receipts.

A key sees its own use; one with the scope admin sees everything and makes and revokes keys.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
import trio

from node.gateway.keys import Caller, new_key
from node.gateway.limits import LIMIT_MAX, PER_DAY_DEFAULT, PER_MINUTE_DEFAULT, USAGE_DAYS_SHOWN_MAX
from node.gateway.openai import Meta
from node.gateway.problems import utc
from node.market.errors import BadRequest, NotFound
from node.market.limits import REPORTABLE_MAX
from node.market.routes import SubnetDoor
from node.primitives.address import to_ss58
from node.primitives.types import Hash
from node.subnets.doors import Empty, Scope
from storage.keys import KeyRow, KeyStore, UseRow

_EPOCH = datetime.date(1970, 1, 1)
_FIRST_DAY = (datetime.date.min - _EPOCH).days
Limit = Annotated[int, Meta(ge=0, le=LIMIT_MAX)]
DayText = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Ledger(Protocol):
    """What the node knows of money and receipts."""

    async def balance(self) -> Mapping[str, Any]:
        """What this node can pay with, in rao."""
        ...

    async def receipt(self, digest: bytes) -> Mapping[str, Any] | None:
        """A receipt by its digest; None when this node has none."""
        ...


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`POST /v1/keys`; a limit of 0 is none, save `rao_per_day`, where 0 forbids spending."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=3)] = ("read", "invoke")
    requests_per_minute: Limit = PER_MINUTE_DEFAULT
    requests_per_day: Limit = PER_DAY_DEFAULT
    rao_per_day: Limit = 0


class KeyId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, Meta(max_length=64)]


class ReceiptDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class UsageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """`GET /v1/usage`: days of UTC, both included; by default the last thirty."""

    first: DayText | None = None
    last: DayText | None = None
    group: Literal["day", "model", "key"] = "day"


class Desk:
    """Answers the gateway's own routes; `store` is None where the gateway keeps no database."""

    def __init__(
        self,
        store: KeyStore | None,
        ledger: Ledger | None,
        now_ms: Callable[[], int],
        doors: Callable[[], Sequence[SubnetDoor]] = tuple,
    ) -> None:
        self._store = store
        self._doors = doors
        self._ledger = ledger
        self._now_ms = now_ms

    async def make_key(self, caller: Caller, request: NewKey) -> Any:
        """A new key with its secret, which is shown this once."""
        row, secret = new_key(
            request.name, request.scopes, request.requests_per_minute, request.requests_per_day, request.rao_per_day,
            self._now_ms(),
        )  # fmt: skip
        await trio.to_thread.run_sync(self._need_store().add, row)
        return {**key_view(row), "key": secret}

    async def keys(self, caller: Caller, request: Empty) -> Any:
        """Every key, revoked ones included."""
        return {"object": "list", "data": [key_view(row) for row in self._need_store().all_keys()]}

    async def key(self, caller: Caller, request: KeyId) -> Any:
        """One key."""
        row = self._need_store().get(request.id)
        if row is None:
            raise NotFound(f"There is no key {request.id!r}.", param="id")
        return key_view(row)

    async def revoke(self, caller: Caller, request: KeyId) -> Any:
        """Make a key invalid for ever."""
        done = await trio.to_thread.run_sync(self._need_store().revoke, request.id, self._now_ms())
        if not done:
            raise NotFound(f"There is no valid key {request.id!r}.", param="id")
        return {"id": request.id, "object": "neurond.key", "deleted": True}

    async def usage(self, caller: Caller, request: UsageQuery) -> Any:
        """What was used, in groups."""
        today = self._now_ms() // 86_400_000
        last = today if request.last is None else _day_number("to", request.last)
        first = max(last - 29, _FIRST_DAY) if request.first is None else _day_number("from", request.first)
        if not 0 <= last - first < USAGE_DAYS_SHOWN_MAX:
            raise BadRequest(f"`from` lies 0 to {USAGE_DAYS_SHOWN_MAX - 1} days before `to`.", param="from")
        only = None if "admin" in caller.scopes else caller.id
        store = self._need_store()
        rows = await trio.to_thread.run_sync(lambda: store.usage(first, last, key_id=only))
        return {"object": "list", "group": request.group, "from": day_text(first), "to": day_text(last),
                "data": grouped(rows, request.group)}  # fmt: skip

    async def balance(self, caller: Caller, request: Empty) -> Any:
        """What this node can pay with."""
        return await self._need_ledger().balance()

    async def receipt(self, caller: Caller, request: ReceiptDigest) -> Any:
        """A receipt by its digest."""
        found = await self._need_ledger().receipt(bytes.fromhex(request.digest))
        if found is None:
            raise NotFound("This node has no receipt of that digest.", param="digest")
        return found

    async def report(self, caller: Caller, request: ReceiptDigest) -> Any:
        """Have an answer judged again, by the digest of its receipt."""
        for door in self._doors():
            found = await door.report(Hash(bytes.fromhex(request.digest)))
            if found is not None:
                return {
                    "object": "neurond.report", "digest": found.digest.hex(), "miner": to_ss58(found.miner),
                    "outcome": found.outcome, "code": found.code, "evidence": found.evidence, "score": found.score,
                    "credited_rao": found.credited_rao,
                }  # fmt: skip
        raise NotFound(
            "This node does not remember the answer of that receipt.", param="digest",
            remedy=f"Report an answer soon: each subnet's last {REPORTABLE_MAX} are remembered, until the node stops.",
        )  # fmt: skip

    def _need_store(self) -> KeyStore:
        if self._store is None:
            raise NotFound("This gateway keeps no keys.")
        return self._store

    def _need_ledger(self) -> Ledger:
        if self._ledger is None:
            raise NotFound("This gateway has no node behind it that keeps accounts.")
        return self._ledger


def key_view(row: KeyRow) -> dict[str, Any]:
    """A key as programs see it, never its secret."""
    return {
        "id": row.id,
        "object": "neurond.key",
        "name": row.name,
        "scopes": row.scopes.split(),
        "requests_per_minute": row.per_minute,
        "requests_per_day": row.per_day,
        "rao_per_day": row.rao_per_day,
        "created_at": utc(row.created_at_ms),
        "last_used_at": None if row.last_used_at_ms is None else utc(row.last_used_at_ms),
        "revoked_at": None if row.revoked_at_ms is None else utc(row.revoked_at_ms),
    }


def grouped(rows: list[UseRow], group: Literal["day", "model", "key"]) -> list[dict[str, Any]]:
    """Sums by day, model or key, in the order in which the rows come."""
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = {"day": day_text(row.day), "model": row.model, "key": row.key}[group]
        into = sums.setdefault(
            name, {group: name, "requests": 0, "prompt_tokens": 0, "completion_tokens": 0, "units": 0, "paid_rao": 0}
        )
        into["requests"] += row.requests
        into["prompt_tokens"] += row.prompt_tokens
        into["completion_tokens"] += row.completion_tokens
        into["units"] += row.units
        into["paid_rao"] += row.rao
    return list(sums.values())


def day_text(day: int) -> str:
    """A day counted from 1970 as 2026-01-31."""
    return (_EPOCH + datetime.timedelta(days=day)).isoformat()


def _day_number(name: str, text: str) -> int:
    try:
        return (datetime.date.fromisoformat(text) - _EPOCH).days
    except ValueError as error:
        raise BadRequest(f"`{name}` is no day: {text}.", param=name) from error


__all__ = ["Desk", "Ledger", "day_text", "grouped", "key_view"]
