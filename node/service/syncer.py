"""Serving the chain to peers and catching up with them: the loop around the pure machines of `node.sync`."""

import logging
from typing import Final

import trio

from node.consensus.certificate import Certificate, decode_certificate
from node.consensus.events import BlockReceived, CatchUp, CertifiedBlocks, NeedBlocks
from node.ledger.header import Block
from node.primitives.codec import encode
from node.primitives.errors import ConsensusError, DecodeError
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Hash, Height
from node.service.anchor import read_block
from node.service.chain import Chain, now_ms
from node.service.logbook import logger
from node.sync.catchup import Ask, Blame, CatchUpMachine, Feed, Progress, SyncEffect
from node.sync.limits import BRANCH_BLOCKS_MAX, POINTS_BAD_ANSWER, REQUEST_BYTES_MAX
from node.sync.messages import (
    PROTOCOL,
    Answer,
    Blocks,
    GetBranch,
    Request,
    Status,
    blocks_in,
    decode_answer,
    encode_request,
)
from node.sync.serve import answer
from p2p import Network, P2PError, Stream

POLL_S: Final = 2.0  # how often every peer is asked where it stands; costs one small frame
REQUEST_TIMEOUT_S: Final = 15.0
TICK_S: Final = 0.25
_ROUTINE_BLOCKS: Final = 3  # a status often comes just before the votes do; that is no news
_ENDS_WANTED_MAX: Final = 64  # branches fetched at once; more than that is what CatchUp is for

log = logger("sync")


class StoreReader:
    """What serving needs, read from the store; block bytes are encoded as they travel."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def status(self) -> Status:
        """Return where this node stands."""
        chain = self._chain
        certificate = chain.final.certificate
        return Status(
            chain.genesis_hash,
            Height(chain.final.header.height),
            chain.final.hash,
            chain.head.height,
            chain.head.hash,
            () if certificate is None else (certificate,),
        )

    def finalised_block(self, height: Height) -> bytes | None:
        """Return a finalised block's bytes."""
        rows = self._chain.store.blocks_from(height, 1)
        return encode(read_block(rows[0])) if rows and rows[0].height == height else None

    def certificate(self, height: Height) -> Certificate | None:
        """Return the certificate of a finalised block."""
        row = self._chain.store.certificate(height)
        return None if row is None else decode_certificate(row.certificate)

    def unfinalised_block(self, block_hash: Hash) -> tuple[Hash, bytes] | None:
        """Return parent and bytes of a block that is not final."""
        row = self._chain.store.block(block_hash)
        if row is None or row.height <= self._chain.final.header.height:
            return None
        return Hash(row.parent), encode(read_block(row))


class Syncer:
    """Keeps this node up with its peers."""

    def __init__(self, chain: Chain, network: Network) -> None:
        self._chain = chain
        self._network = network
        self._machine = CatchUpMachine(chain.genesis_hash, Height(chain.final.header.height), chain.final.hash)
        self._known: frozenset[str] = frozenset()
        self._fetching: set[Hash] = set()
        self._nursery: trio.Nursery | None = None
        self._statuses: dict[str, Status] = {}

    def progress(self) -> Progress | None:
        """Return how far this node is behind, None when it is not."""
        return self._machine.progress()

    def height_of(self, peer_id: str) -> int | None:
        """Return the head height a peer told last."""
        status = self._statuses.get(peer_id)
        return None if status is None else status.head_height

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve and follow until cancelled."""
        self._network.serve(PROTOCOL, self._serve)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._poll)
            nursery.start_soon(self._tick)
            nursery.start_soon(self._take_wishes)
            task_status.started()

    async def _serve(self, stream: Stream) -> None:
        data = await stream.receive(REQUEST_BYTES_MAX)
        try:
            reply = await trio.to_thread.run_sync(answer, data, StoreReader(self._chain))
        except DecodeError:
            self._network.report(stream.peer_id, POINTS_BAD_ANSWER, "a malformed sync request")
            return await stream.reset()
        await stream.send(reply)
        await stream.close_write()

    # --- following --------------------------------------------------------------------------------------------------

    async def _poll(self) -> None:
        while True:
            now = frozenset(peer.peer_id for peer in self._network.peers())
            for gone in self._known - now:
                self._statuses.pop(gone, None)
                self._do(self._machine.on_gone(gone, now_ms()))
            for peer in sorted(now):
                self._do(self._machine.on_connected(peer, now_ms()))
            self._known = now
            await trio.sleep(POLL_S)

    async def _tick(self) -> None:
        height = -1
        while True:
            final = self._chain.final
            if final.header.height != height:
                height = final.header.height
                self._do(self._machine.on_finalised(Height(height), final.hash, now_ms()))
            due = self._machine.next_deadline_ms
            if due is not None and due <= now_ms():
                self._do(self._machine.on_tick(now_ms()))
            await trio.sleep(TICK_S)

    async def _take_wishes(self) -> None:
        async for wish in self._chain.wanted:
            match wish:
                case NeedBlocks(missing, peer):
                    self._spawn_branch(missing, peer)
                case CatchUp(peer, _):
                    self._do(self._machine.on_hint(peer, now_ms()))

    def _do(self, effects: list[SyncEffect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._start(self._ask, effect)
                case Feed():
                    self._start(self._feed, effect)
                case Blame(peer, points, reason):
                    self._network.report(peer, float(points), reason)

    def _start(self, work: object, *args: object) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(work, *args)  # type: ignore[arg-type]

    async def _ask(self, ask: Ask) -> None:
        reply = await self._request(ask.peer, ask.request)
        if reply is None:
            self._do(self._machine.on_failure(ask.peer, ask.request_id, now_ms()))
            return
        if isinstance(reply, Status):
            self._statuses[ask.peer] = reply
        self._do(self._machine.on_answer(ask.peer, ask.request_id, reply, now_ms()))

    async def _feed(self, feed: Feed) -> None:
        level = logging.INFO if len(feed.blocks) > _ROUTINE_BLOCKS else logging.DEBUG
        log.log(level, "catching up: %d blocks to %d", len(feed.blocks), feed.certificate.height)
        await self._chain.apply(CertifiedBlocks(feed.blocks, feed.certificate, feed.peer))
        if self._chain.final.header.height < feed.certificate.height:
            self._do(self._machine.on_refused(feed.peer, now_ms()))

    # --- branches ---------------------------------------------------------------------------------------------------

    def _spawn_branch(self, missing: Hash, peer: str | None) -> None:
        if missing in self._fetching or len(self._fetching) >= _ENDS_WANTED_MAX:
            return
        asked = peer or self._machine.best_peer()
        if asked is not None:
            self._fetching.add(missing)
            self._start(self._fetch_branch, missing, asked)

    async def _fetch_branch(self, missing: Hash, peer: str) -> None:
        try:
            reply = await self._request(peer, GetBranch(missing, BRANCH_BLOCKS_MAX))
            if isinstance(reply, Blocks):
                for block in _blocks_of(reply):
                    await self._chain.feed(BlockReceived(block, peer))
        finally:
            self._fetching.discard(missing)

    async def _request(self, peer: str, request: Request) -> Answer | None:
        try:
            data = await self._network.request(
                peer, PROTOCOL, encode_request(request), max_bytes=SYNC_RESPONSE_BYTES_MAX, timeout_s=REQUEST_TIMEOUT_S
            )
        except P2PError as error:
            log.debug("%s did not answer: %s", peer, error)
            return None
        try:
            return decode_answer(data)
        except (DecodeError, ConsensusError) as error:
            self._network.report(peer, POINTS_BAD_ANSWER, f"a malformed sync answer: {error}")
            return None


def _blocks_of(reply: Blocks) -> tuple[Block, ...]:
    try:
        return tuple(blocks_in(reply))
    except DecodeError:
        return ()
