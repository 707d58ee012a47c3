"""The part of the control API that looks closer at one thing; `node.control.api` has the rest.

Everything here is asked for when a person opens a page, not polled; only `peer_drop` changes anything.
"""

from typing import Annotated, Final, Protocol

import msgspec

from node.control.limits import NAME_CHARS_MAX
from node.control.requests import Name, NetUidNumber, Request
from node.control.views.base import LogLevel
from node.control.views.inspect import LogFilePage, NetworkBoard, PeerDetail, PeerDropped, SeatDetail, TaskDetail

LOG_FILE_LINES_MAX: Final = 1000  # of one page; the page's characters are bounded besides
LOG_FILE_CHARS_MAX: Final = 200_000  # so that a page of long lines fits one answer

UidNumber = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class NetworkRequest(Request[NetworkBoard], frozen=True):
    pass


class PeerDetailRequest(Request[PeerDetail], frozen=True):
    peer_id: Name


class PeerDropRequest(Request[PeerDropped], frozen=True):
    peer_id: Name


class SeatRequest(Request[SeatDetail], frozen=True):
    netuid: NetUidNumber
    uid: UidNumber


class TaskDetailRequest(Request[TaskDetail], frozen=True):
    id: Name


class LogFileRequest(Request[LogFilePage], frozen=True):
    """`cursor` "" begins with the newest lines that are older than `before_ms` (0: any)."""

    cursor: Annotated[str, msgspec.Meta(max_length=NAME_CHARS_MAX)] = ""
    before_ms: TimeMs = 0
    level: LogLevel = "info"
    limit: Annotated[int, msgspec.Meta(ge=1, le=LOG_FILE_LINES_MAX)] = 500


class InspectApi(Protocol):
    """See `node.control.api.Api`."""

    async def network(self) -> NetworkBoard: ...

    async def peer_detail(self, peer_id: str) -> PeerDetail:
        """Tell what goes on with a connected peer; refused for one that is not."""
        ...

    async def peer_drop(self, peer_id: str) -> PeerDropped:
        """Close the connections to a peer; refused for one that is not connected."""
        ...

    async def seat(self, netuid: int, uid: int) -> SeatDetail: ...

    async def task_detail(self, id: str) -> TaskDetail: ...

    async def log_file(
        self, cursor: str = "", before_ms: int = 0, level: LogLevel = "info", limit: int = 500
    ) -> LogFilePage:
        """Read the log's files backwards, a page at a time."""
        ...
