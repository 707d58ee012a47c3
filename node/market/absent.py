"""Doors that lead nowhere: what a host has where there is no network, no journal and no room for large payloads.

They refuse with a reason; nothing is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Never

from node.market.errors import Unreachable
from node.primitives.types import AccountId
from node.subnets.base import BlobRef, Entry


class NoJournal:
    """The journal door of a host without one."""

    async def append(self, kind: str, body: bytes) -> Never:
        raise Unreachable("There is no journal here.")

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        return ()

    def state(self) -> Mapping[bytes, bytes]:
        return {}


class NoBlobs:
    """The blob door of a host without a store."""

    async def put(self, data: bytes, media_type: str) -> Never:
        raise Unreachable("Large payloads cannot be kept here.")

    async def get(self, ref: BlobRef, *, max_bytes: int, holders: Sequence[AccountId] = ()) -> Never:
        raise Unreachable("Large payloads cannot be fetched here.")
