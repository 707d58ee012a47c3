"""Serving the chain to peers and catching up with them: the loop around the pure machines of `node.sync`."""

import logging
from typing import Final

import trio

from node.consensus.certificate import check_certificate
from node.consensus.errors import WrongSet
from node.consensus.events import BlockReceived, CatchUp, CertifiedBlocks, NeedBlocks
from node.ledger.header import Block
from node.light.errors import BrokenFinality
from node.primitives.errors import ConsensusError, DecodeError
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Hash, Height
from node.service.chain import Chain, now_ms
from node.service.errors import NotReady
from node.service.gossip import is_body_of
from node.service.logbook import logger
from node.service.span_sync import SpanSync
from node.service.store_readers import ProofStore, StoreReader
from node.sync.catchup import Ask, Blame, CatchUpMachine, Feed, Progress, SyncEffect
from node.sync.limits import (
    BRANCH_BLOCKS_MAX,
    POINTS_BAD_ANSWER,
    POINTS_BAD_STATUS,
    REQUEST_BYTES_MAX,
    SPANS_BEHIND_BLOCKS_MIN,
)
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
from storage.errors import StorageError

POLL_S: Final = 2.0  # how often every peer is asked where it stands; costs one small frame
REQUEST_TIMEOUT_S: Final = 15.0
SERVE_TIMEOUT_S: Final = 15.0  # for a whole request: who is slower holds a place that others want
SERVING_THREADS: Final = 2  # of their own, so that askers never take the threads that blocks are executed in
TICK_S: Final = 0.25
SPANS_PAUSE_S: Final = 30.0  # after a go from several peers that did not arrive; one peer's stretches come meanwhile
_ROUTINE_BLOCKS: Final = 3  # a status often comes just before the votes do; that is no news
_ENDS_WANTED_MAX: Final = 64  # branches fetched at once; more than that is what CatchUp is for

log = logger("sync")


class Syncer:
    """Keeps this node up with its peers."""

    def __init__(self, chain: Chain, network: Network) -> None:
        self._chain = chain
        self._network = network
        self._machine = CatchUpMachine(chain.genesis_hash, Height(chain.final.header.height), chain.final.hash)
        self._known: frozenset[str] = frozenset()
        self._fetching: set[Hash] = set()
        self._nursery: trio.Nursery | None = None
        self._blocks, self._proofs = StoreReader(chain), ProofStore(chain)
        self._serving = trio.CapacityLimiter(SERVING_THREADS)
        self._turn = 0
        self._statuses: dict[str, Status] = {}

    def progress(self) -> Progress | None:
        """Return how far this node is behind, None when it is not."""
        return self._machine.progress()

    def missing(self) -> Height | None:
        """Return the height of the next block where every peer that is further on has none of it (any more)."""
        return self._machine.missing()

    def is_waiting_for_news(self) -> bool:
        """Tell whether there are peers of which none has told yet where it stands."""
        return bool(self._known) and not self._statuses

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
            nursery.start_soon(self._follow_spans)
            nursery.start_soon(self._take_wishes)
            task_status.started()

    async def _serve(self, stream: Stream) -> None:
        with trio.move_on_after(SERVE_TIMEOUT_S):
            data = await stream.receive(REQUEST_BYTES_MAX)
            try:
                reply = await trio.to_thread.run_sync(
                    answer, data, self._blocks, self._proofs, limiter=self._serving, abandon_on_cancel=True
                )
            except DecodeError:
                self._network.report(stream.peer_id, POINTS_BAD_ANSWER, "a malformed sync request")
                return await stream.reset()
            except (StorageError, NotReady) as error:  # it is stopping; a store that fails ends the node elsewhere
                log.debug("a sync request could not be answered: %s", error)
                return await stream.reset()
            await stream.send(reply)
            return await stream.close_write()
        await stream.reset()

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

    async def _follow_spans(self) -> None:
        """While this node is far behind, fetch from several peers at once; the machine takes over near the end."""
        while True:
            await trio.sleep(TICK_S)
            if self._machine.target() - self._chain.final.header.height < SPANS_BEHIND_BLOCKS_MIN:
                continue
            sync = SpanSync(self._chain, self._network)
            arrived = False
            try:
                if await sync.prepare():  # until there is a way, one peer's stretches go on
                    self._machine.is_held = True
                    arrived = await sync.run()
            except BrokenFinality as error:
                log.critical("%s", error)
                return
            finally:
                self._machine.is_held = False
                self._do(self._machine.on_tick(now_ms()))
            if not arrived:
                await trio.sleep(SPANS_PAUSE_S)

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
            if not self._is_proven(reply):
                self._network.report(ask.peer, POINTS_BAD_STATUS, "a status whose certificate does not hold")
                self._do(self._machine.on_failure(ask.peer, ask.request_id, now_ms()))
                return
            self._statuses[ask.peer] = reply
        self._do(self._machine.on_answer(ask.peer, ask.request_id, reply, now_ms()))

    def _is_proven(self, status: Status) -> bool:
        """Tell whether what a peer says it has finalised is true, as far as the authorities known here can tell."""
        chain = self._chain
        if status.genesis_hash != chain.genesis_hash:
            return True  # of another network, for which it is blamed by that name
        try:
            for certificate in status.certificate:
                check_certificate(certificate, chain.engine.authorities, chain.genesis_hash, chain.verify, header=None)
        except WrongSet:
            return True  # of another epoch: whether it holds, its blocks will show
        except ConsensusError:
            return False
        return True

    async def _feed(self, feed: Feed) -> None:
        level = logging.INFO if len(feed.blocks) > _ROUTINE_BLOCKS else logging.DEBUG
        log.log(level, "catching up: %d blocks to %d", len(feed.blocks), feed.certificate.height)
        await self._chain.apply(CertifiedBlocks(feed.blocks, feed.certificate, feed.peer))
        final = self._chain.final
        if final.header.height < feed.certificate.height:
            self._do(self._machine.on_refused(feed.peer, now_ms()))
        else:
            self._do(self._machine.on_finalised(Height(final.header.height), final.hash, now_ms()))

    # --- branches ---------------------------------------------------------------------------------------------------

    def _spawn_branch(self, missing: Hash, peer: str | None) -> None:
        if missing in self._fetching or len(self._fetching) >= _ENDS_WANTED_MAX:
            return
        asked = peer or self._next_peer()
        if asked is not None:
            self._fetching.add(missing)
            self._start(self._fetch_branch, missing, asked)

    def _next_peer(self) -> str | None:
        """Return a connected peer, another one each time: a block that one does not give, the next may have."""
        peers = [peer.peer_id for peer in self._network.peers()]
        self._turn += 1
        return peers[self._turn % len(peers)] if peers else None

    async def _fetch_branch(self, missing: Hash, peer: str) -> None:
        try:
            reply = await self._request(peer, GetBranch(missing, BRANCH_BLOCKS_MAX))
            if isinstance(reply, Blocks):
                for block in self._blocks_of(reply, peer):
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

    def _blocks_of(self, reply: Blocks, peer: str) -> tuple[Block, ...]:
        """Return the blocks of a branch; a body under another block's header would keep the right one out."""
        try:
            blocks = blocks_in(reply)
        except DecodeError as error:
            self._network.report(peer, POINTS_BAD_ANSWER, f"a malformed block: {error}")
            return ()
        if all(is_body_of(block.header, block.transactions) for block in blocks):
            return blocks
        self._network.report(peer, POINTS_BAD_ANSWER, "a block with another body than its header says")
        return ()
