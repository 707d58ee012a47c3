"""A client's calls that look closer, and those about data; a part of `node.control.client_async.AsyncClient`."""

from node.control.data_api import (
    DataDropRequest,
    DataExportRequest,
    DataRepairRequest,
    DataRequest,
    DataVerifyRequest,
)
from node.control.inspect_api import (
    LogFileRequest,
    NetworkRequest,
    PeerDetailRequest,
    PeerDropRequest,
    SeatRequest,
    TaskDetailRequest,
)
from node.control.limits import CALL_TIMEOUT_S
from node.control.requests import R, Request
from node.control.views.base import LogLevel
from node.control.views.data import DataBoard
from node.control.views.inspect import LogFilePage, NetworkBoard, PeerDetail, PeerDropped, SeatDetail, TaskDetail
from node.control.views.work import Job


class InspectCalls:
    """Implements `InspectApi` and `DataApi` by `call`, which is the client's."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make a call and wait for its answer."""
        raise NotImplementedError

    async def network(self) -> NetworkBoard:
        return await self.call(NetworkRequest())

    async def peer_detail(self, peer_id: str) -> PeerDetail:
        return await self.call(PeerDetailRequest(peer_id))

    async def peer_drop(self, peer_id: str) -> PeerDropped:
        return await self.call(PeerDropRequest(peer_id))

    async def seat(self, netuid: int, uid: int) -> SeatDetail:
        return await self.call(SeatRequest(netuid, uid))

    async def task_detail(self, id: str) -> TaskDetail:
        return await self.call(TaskDetailRequest(id))

    async def log_file(
        self, cursor: str = "", before_ms: int = 0, level: LogLevel = "info", limit: int = 500
    ) -> LogFilePage:
        return await self.call(LogFileRequest(cursor, before_ms, level, limit))

    async def data(self) -> DataBoard:
        return await self.call(DataRequest())

    async def data_verify(self, item: str) -> Job:
        return await self.call(DataVerifyRequest(item))

    async def data_repair(self, item: str) -> Job:
        return await self.call(DataRepairRequest(item))

    async def data_export(self, item: str, path: str) -> Job:
        return await self.call(DataExportRequest(item, path))

    async def data_drop(self, item: str) -> Job:
        return await self.call(DataDropRequest(item))
