"""One peer, one seat, one task, the network around and old log lines, as the control API shows them from close up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from node.control.schema import LogLevel
from node.control.views.inspect import (
    LogFilePage,
    NetworkBoard,
    OpenStreams,
    PeerDetail,
    PeerDropped,
    ScoreMark,
    SeatDetail,
    TaskDetail,
    TaskVerdict,
)
from node.primitives.address import to_ss58
from node.primitives.types import AccountId, NetUid, Uid
from node.service.errors import Unknown
from node.service.log_files import older_lines
from node.service.neighbours import ban_view, reachability_view
from node.service.record_api import receipts_of
from node.service.seat_view import seat_view
from p2p import PeerView

if TYPE_CHECKING:
    from node.service.app import Node, Running

STREAM_KINDS_MAX: Final = 40  # protocols listed of one peer; it names them itself
RECEIPTS_SEARCHED: Final = 1000  # the newest, for those of one task: 20 ms
_PROTOCOL_CHARS: Final = 120


class InspectionOfNode:
    """The methods of `node.control.inspect_api.InspectApi` of `node.service.api.NodeApi`."""

    _node: Node

    def _running(self) -> Running:
        raise NotImplementedError

    async def network(self) -> NetworkBoard:
        """Tell what is known of the network around."""
        running, now_s = self._running(), trio.current_time()
        network, lan = running.network, running.lan
        table = network.discovery()
        return NetworkBoard(
            reachability=reachability_view(running),
            lan_interfaces=lan.interfaces,
            lan_found=lan.found,
            lan_problem=lan.problem,
            table_peers=table.table_peers,
            looked_up_s_ago=None if table.looked_up_at_s is None else max(0.0, now_s - table.looked_up_at_s),
            find_problem=table.problem,
            bans=tuple(map(ban_view, network.bans())),
            counters=dict(network.counters()),
        )

    async def peer_detail(self, peer_id: str) -> PeerDetail:
        """Tell what goes on with a peer. Raises Unknown."""
        peer, now_s = self._connected(peer_id), trio.current_time()
        streams = sorted(peer.streams.items(), key=lambda item: (-item[1], item[0]))[:STREAM_KINDS_MAX]
        return PeerDetail(
            peer_id=peer.peer_id,
            remote=peer.remote,
            streams=tuple(OpenStreams(name[:_PROTOCOL_CHARS], count) for name, count in streams),
            marks=tuple(ScoreMark(max(0.0, now_s - mark.at_s), mark.points, mark.reason) for mark in peer.marks),
        )

    async def peer_drop(self, peer_id: str) -> PeerDropped:
        """Hang up. Raises Unknown."""
        await self._running().network.drop(self._connected(peer_id).peer_id)
        return PeerDropped(peer_id)

    async def seat(self, netuid: int, uid: int) -> SeatDetail:
        """Show one seat. Raises Unknown."""
        return await trio.to_thread.run_sync(seat_view, self._running(), NetUid(netuid), Uid(uid))

    async def task_detail(self, id: str) -> TaskDetail:
        """Show what is on record of a task."""
        return await trio.to_thread.run_sync(_task_detail, self._running(), id)

    async def log_file(
        self, cursor: str = "", before_ms: int = 0, level: LogLevel = "info", limit: int = 500
    ) -> LogFilePage:
        """Read the log's files backwards; also while starting. Raises Unknown."""
        work = partial(older_lines, self._node.home.log, cursor, before_ms, level, limit)
        return await trio.to_thread.run_sync(work)

    def _connected(self, peer_id: str) -> PeerView:
        for peer in self._running().network.peers():
            if peer.peer_id == peer_id:
                return peer
        raise Unknown(f"{peer_id} is not connected.", remedy="`neurond peers list` shows who is.")


def _task_detail(running: Running, id: str) -> TaskDetail:
    try:
        raw = bytes.fromhex(id)
    except ValueError:
        raise Unknown("This is no task's name.", remedy="A task is named by hexadecimal digits.") from None
    rows = running.market.receipts.newest(RECEIPTS_SEARCHED)
    verdicts = running.market.verdicts_of(raw)
    return TaskDetail(
        id,
        tuple(view for view in receipts_of(rows) if view.request == id),
        tuple(
            TaskVerdict(
                to_ss58(AccountId(row.miner)), to_ss58(AccountId(row.validator)), row.score, row.reason,
                row.judged_at_ms,
            )
            for row in verdicts
        ),
    )  # fmt: skip
