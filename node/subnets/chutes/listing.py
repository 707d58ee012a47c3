"""What this node tells of chutes: plain structs that a command can read without loading anything that computes."""

import msgspec


class BlobReply(msgspec.Struct, frozen=True):
    """How the content is named from now on."""

    sha256: str
    size: int


class ChuteInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue. `calls` and `p50_ms` are what this node saw since it started."""

    id: str
    name: str
    kind: str
    owner: str
    version: int
    about: str
    licence: str
    price_rao: int
    creator_share_percent: int
    ram_mb: int
    instances: int
    demand: float
    calls: int
    p50_ms: int
    is_house: bool


class ChuteStats(msgspec.Struct, frozen=True, kw_only=True):
    """What this node saw of a chute since it started: answers it judged, work it did, the creator's part of the pay."""

    id: str
    name: str
    instances: int
    judged: int
    pass_rate: float | None
    p50_ms: int
    p95_ms: int
    served: int
    served_units: int
    asked: int
    creator_rao: int


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """The check's findings, and whether the chute is in the journal now."""

    id: str
    name: str
    is_deployed: bool
    macs: str
    memory_mb: int
    chutes_left: int
