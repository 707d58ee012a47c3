"""What every request of the API is made of: the two bases, and texts and numbers with their bounds."""

from typing import Annotated, Generic, TypeVar

import msgspec

from node.control.limits import NAME_CHARS_MAX, ROLE_NETUIDS_MAX, TARGET_CHARS_MAX
from node.primitives.limits import TRANSACTION_BYTES_MAX

R = TypeVar("R")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Target = Annotated[str, msgspec.Meta(min_length=1, max_length=TARGET_CHARS_MAX)]
HexHash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
NetUidNumber = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
RoleNetUids = Annotated[tuple[NetUidNumber, ...], msgspec.Meta(max_length=ROLE_NETUIDS_MAX)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
RawTransaction = Annotated[bytes, msgspec.Meta(max_length=TRANSACTION_BYTES_MAX)]


class Request(msgspec.Struct, Generic[R], frozen=True, forbid_unknown_fields=True):
    """Base of requests that have one answer of type R."""


class StreamRequest(msgspec.Struct, Generic[R], frozen=True, forbid_unknown_fields=True):
    """Base of requests that are answered by a stream of R."""
