"""Taking over a snapshot of the state in place of executing every block: a new node's, or one's that was away too long.

The light steps lead from this node's last final block, genesis at first, to the authorities that certified the
snapshot's block; its manifest then vouches for every part, and parts come from many peers. Nothing is trusted but
certificates. What has come survives a restart.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate
from node.consensus.errors import WrongSet
from node.consensus.slots import SlotClock
from node.consensus.votes import BlockRef
from node.control.options import SyncChoice
from node.ledger.genesis import GenesisSpec
from node.ledger.header import Header, header_hash
from node.light.chain import Checkpoint, LightChain, Trusted
from node.light.errors import BadCheckpoint, BadStep, BrokenFinality
from node.light.steps import LightStep, decode_set
from node.primitives.crypto import verify
from node.primitives.errors import DecodeError, NodeError
from node.primitives.types import Hash, Height
from node.service.anchor import begin_with_genesis, trusted_tip
from node.service.chain import now_ms
from node.service.errors import NoAnswer, NothingOffered
from node.service.fetching import fetch_all
from node.service.full_nodes import FullNodes
from node.service.light_book import step_row
from node.service.logbook import logger
from node.service.snapshots import SnapshotImport
from node.sync.errors import BadSnapshot
from node.sync.limits import SPAN_BLOCKS_MAX
from node.sync.messages import (
    Blocks,
    GetBlocks,
    GetChunk,
    GetHeaders,
    GetManifest,
    GetStatus,
    Headers,
    Offer,
    Piece,
    Status,
    blocks_in,
    headers_in,
)
from node.sync.snapshot import Manifest, check_manifest, decode_manifest
from node.sync.spans import Part, header_requests
from p2p import Network
from storage.chain import ChainStore

BEHIND_BLOCKS_MIN: Final = 5_000  # executing fewer is quicker than it is worth: half a day of 12 s slots
PEERS_WAIT_S: Final = 10.0  # for somebody to ask
OFFERS_ASKED_MAX: Final = 8
_REPORT_S: Final = 0.5

log = logger("snapshot")
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fetching:
    """How far a snapshot of block `height` is; `eta_s` is None while the rate of this run is not known."""

    height: Height
    rows: int
    rows_total: int
    rows_per_s: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class _Offered:
    manifest: Manifest
    peer: str


class SnapshotSync:
    """Brings a store to a certified snapshot, if that is worth it or asked for."""

    def __init__(
        self,
        network: Network,
        store: ChainStore,
        spec: GenesisSpec,
        report: Report,
        checkpoint: Checkpoint | None = None,
        confirm: Callable[[Header], None] = lambda _: None,
    ) -> None:
        """No snapshot is taken whose chain does not contain `checkpoint`; `confirm` is told its header when one is."""
        self._checkpoint = checkpoint
        self._confirm = confirm
        self.fetching: Fetching | None = None
        self._nodes = FullNodes(network)
        self._store = store
        self._spec = spec
        self._report = report

    async def run(self, choice: SyncChoice, *, is_stranded: bool = False) -> bool:
        """Adopt a snapshot where `choice` wants one; tell whether that was done.

        "auto" does it for a store with nothing but genesis that is BEHIND_BLOCKS_MIN behind, for one whose next block
        no peer has any more, or that had begun. With `is_stranded` that has been found out already.

        Raises:
            NothingOffered: "snapshot" was asked for, and nobody offers one that the authorities vouch for.
            StorageError, StateMismatch: the store fails.
        """
        if choice == "full":
            await trio.to_thread.run_sync(self._store.staging.drop)
            return False
        genesis_hash = await trio.to_thread.run_sync(begin_with_genesis, self._store, self._spec)
        start = await trio.to_thread.run_sync(trusted_tip, self._store)
        begun = self._store.staging.manifest()
        if choice == "auto" and begun is None and not is_stranded:
            slots = SlotClock(self._spec.start_ms, self._spec.slot_ms).slot_at(now_ms())
            if slots - start.header.slot < BEHIND_BLOCKS_MIN:
                return False  # no chain has more blocks than slots
            await self._wait_for_peers()
            if not await self._is_worth_it(start):
                return False
        else:
            await self._wait_for_peers()
        for offered in await self._offers(genesis_hash, begun):
            steps = await self._way_to(offered, start, genesis_hash)
            if steps is not None and await self._has_checkpoint(offered.manifest, steps, start):
                try:
                    await self._fetch(offered.manifest, steps)
                    return True
                except NoAnswer as error:
                    log.warning("block %d: %s", offered.manifest.header.height, error.message)
        if choice == "snapshot":
            raise NothingOffered("No peer offers a snapshot that the authorities of this network vouch for.")
        return False

    async def _wait_for_peers(self) -> None:
        self._report("looking for peers with a snapshot")
        with trio.move_on_after(PEERS_WAIT_S):
            while not self._nodes.names():
                await trio.sleep(0.1)

    async def can_begin(self) -> bool:
        """Tell whether a snapshot above the last final block is offered that its authorities certified.

        Fetches and changes nothing, so the chain may run meanwhile. Raises BrokenFinality, StorageError.
        """
        start = await trio.to_thread.run_sync(trusted_tip, self._store)
        genesis_hash = Hash(self._store.hash_at(0) or b"")
        for offered in await self._offers(genesis_hash, None):
            steps = await self._way_to(offered, start, genesis_hash)
            if steps is not None and await self._has_checkpoint(offered.manifest, steps, start):
                return True
        return False

    async def _is_worth_it(self, start: Trusted) -> bool:
        """A new node saves work; one that has a chain needs a snapshot only where nobody has its next block."""
        height, best = start.header.height, await self._best_height()
        if height == 0:
            return best >= BEHIND_BLOCKS_MIN
        return best > height and not await self._has_next_block(start)

    async def _has_next_block(self, start: Trusted) -> bool:
        """Tell whether somebody gives a block that follows the last final one; whether it holds, sync finds out."""
        self._report(f"looking for block {start.header.height + 1}")
        for peer in self._nodes.names()[:OFFERS_ASKED_MAX]:
            try:
                blocks = blocks_in(await self._nodes.ask(peer, GetBlocks(Height(start.header.height + 1), 1), Blocks))
            except NoAnswer as error:
                log.debug("%s", error.message)
            except DecodeError as error:
                self._nodes.blame(peer, f"a malformed block: {error.message}")
            else:
                if blocks and blocks[0].header.parent == start.hash:
                    return True
        log.warning("no peer has block %d any more; a snapshot is looked for", start.header.height + 1)
        return False

    async def _best_height(self) -> Height:
        """Return how far peers say they are: enough to decide whether to look, nothing is built on it."""
        best = Height(0)
        for peer in self._nodes.names()[:OFFERS_ASKED_MAX]:
            try:
                best = max(best, (await self._nodes.ask(peer, GetStatus(), Status)).finalised_height)
            except NoAnswer as error:
                log.debug("%s", error.message)
        return best

    async def _offers(self, genesis_hash: Hash, begun: bytes | None) -> list[_Offered]:
        """Return what peers offer: what was begun first, then the newest.

        One block may come with several certificates: a forged one must not stand in the way of the right one.
        """
        found: dict[tuple[Hash, Certificate], _Offered] = {}
        for peer in self._nodes.names()[:OFFERS_ASKED_MAX]:
            try:
                for manifest in (await self._nodes.ask(peer, GetManifest(), Offer)).manifest:
                    check_manifest(manifest, genesis_hash)
                    found.setdefault((manifest.block_hash, manifest.certificate), _Offered(manifest, peer))
            except NoAnswer as error:
                log.debug("%s", error.message)
            except BadSnapshot as error:
                self._nodes.blame(peer, error.message)
        first = None if begun is None else decode_manifest(begun)
        if first is not None:
            found.setdefault((first.block_hash, first.certificate), _Offered(first, ""))
        return sorted(
            found.values(),
            key=lambda each: (first is not None and each.manifest == first, each.manifest.header.height),
            reverse=True,
        )

    async def _way_to(self, offered: _Offered, start: Trusted, genesis_hash: Hash) -> list[LightStep] | None:
        """Return the verified light steps from `start` up to a snapshot above it that its authorities certified.

        None for any other snapshot.
        """
        target = offered.manifest.header.height
        if target <= start.header.height:
            return None
        self._report(f"verifying the authorities up to block {target}")
        for peer in [offered.peer, *self._nodes.names()]:
            if peer not in self._nodes.names():
                continue
            chain, steps = LightChain(genesis_hash, start, verify), list[LightStep]()
            try:
                rest = await self._nodes.follow(peer, chain, steps, below=target)
                steps += await trio.to_thread.run_sync(_certified, chain, offered.manifest, rest[:1])
            except BrokenFinality:
                raise
            except (NoAnswer, WrongSet) as error:  # its steps end too early, which is no lie
                log.debug("%s", error.message)
            except NodeError as error:
                if offered.peer:
                    self._nodes.blame(offered.peer, f"a snapshot that nobody certified: {error.message}")
                return None
            else:
                return steps
        return None

    async def _has_checkpoint(self, manifest: Manifest, steps: list[LightStep], start: Trusted) -> bool:
        """Tell whether the chain up to a snapshot contains the checkpoint, if that is above this node's chain."""
        checkpoint = self._checkpoint
        if checkpoint is None or checkpoint.height <= start.header.height:
            return True
        certified = [*(step.header for step in steps), manifest.header]
        end = next((header for header in certified if header.height >= checkpoint.height), None)
        if end is None:
            log.warning("the snapshot of block %d lies before the checkpoint", manifest.header.height)
            return False
        for peer in self._nodes.names():
            try:
                checkpoint.check_set(checkpoint.height, _set_after(checkpoint.height, steps, start.authorities))
                header = await self._linked(peer, checkpoint, end)
            except BadCheckpoint as error:
                log.error("no snapshot is taken: %s", error)
                return False
            except NoAnswer as error:
                log.debug("%s", error.message)
            else:
                self._confirm(header)
                return True
        log.warning("no peer shows that block %d follows the checkpoint", manifest.header.height)
        return False

    async def _linked(self, peer: str, checkpoint: Checkpoint, end: Header) -> Header:
        """Return the checkpoint's header, linked to a certified one. Raises NoAnswer, BadCheckpoint."""
        last = BlockRef(header_hash(end), end.height)
        if end.height == checkpoint.height:
            return checkpoint.check_way([end], last)
        count = end.height - checkpoint.height + 1
        if count > SPAN_BLOCKS_MAX:
            raise BadCheckpoint(f"Block {end.height} is too far above the checkpoint to be linked to it.")
        headers = list[Header]()
        for height, limit in header_requests(Part(checkpoint.height, count, headers=True)):
            answer = await self._nodes.ask(peer, GetHeaders(height, limit), Headers)
            if len(answer.headers) < limit:
                raise NoAnswer(f"{peer} does not have the headers from {height} on.")
            try:
                headers += await trio.to_thread.run_sync(headers_in, answer)
            except DecodeError as error:
                self._nodes.blame(peer, f"a malformed header: {error.message}")
                raise NoAnswer(f"{peer} answered with something malformed.") from error
        try:
            return checkpoint.check_way(headers, last)
        except BadStep as error:
            self._nodes.blame(peer, error.message)
            raise NoAnswer(f"{peer} lied about the chain.") from error

    async def _fetch(self, manifest: Manifest, steps: list[LightStep]) -> None:
        importer = await trio.to_thread.run_sync(SnapshotImport, self._store, manifest)
        log.info("fetching the state of block %d, %d rows", manifest.header.height, importer.rows_missing)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell, importer, manifest.header.height)
            await fetch_all(self._nodes, _Chunks(self._nodes, importer, manifest.block_hash))
            nursery.cancel_scope.cancel()
        self._report(f"taking over the state of block {manifest.header.height}")
        rows = tuple(step_row(step) for step in steps)
        await trio.to_thread.run_sync(importer.finish, rows)
        log.info("this node begins at block %d", manifest.header.height)

    async def _tell(self, importer: SnapshotImport, height: Height) -> None:
        """Say how far it is and how long it takes, measured from the parts that came in this run."""
        began_s, missing = time.monotonic(), importer.rows_missing
        while True:
            total, left = importer.rows_total, importer.rows_missing
            rate = max(0, missing - left) / max(time.monotonic() - began_s, 0.001)
            eta_s = left / rate if rate > 0 else None
            self.fetching = Fetching(height, total - left, total, rate, eta_s)
            eta = f", {eta_s:.0f} s left" if eta_s is not None and left else ""
            share = 100 * (total - left) // total if total else 100
            self._report(f"fetching the state of block {height}: {share} % of {total} rows{eta}")
            await trio.sleep(_REPORT_S)


def _set_after(height: Height, steps: list[LightStep], authorities: AuthoritySet) -> AuthoritySet:
    """Return the set that decides above `height`, of verified steps that begin with `authorities`."""
    changes = [step.next_set[0] for step in steps if step.next_set and step.header.height <= height]
    return decode_set(changes[-1].value) if changes else authorities


def _certified(chain: LightChain, manifest: Manifest, steps: tuple[LightStep, ...]) -> tuple[LightStep, ...]:
    """Hold the manifest's own certificate to the set of its time; return the light step of its block, if it is one.

    Raises:
        WrongSet, BadCertificate, BadStep: the authorities that `chain` has followed to did not certify it.
    """
    if not chain.accept_tip(manifest.header, manifest.certificate):
        raise BadSnapshot("The block of this snapshot is not above the last one that its authorities lead to.")
    own = tuple(step for step in steps if step.header == manifest.header)
    for step in own:
        chain.advance(step)
    return own


class _Chunks:
    """The parts of one snapshot as work for several peers."""

    def __init__(self, nodes: FullNodes, importer: SnapshotImport, block_hash: Hash) -> None:
        self._nodes = nodes
        self._importer = importer
        self._block_hash = block_hash
        self._taking = trio.Lock()

    def wanted(self, busy: frozenset[bytes]) -> bytes | None:
        """Return a missing prefix."""
        return next((prefix for prefix in self._importer.missing if prefix not in busy), None)

    def is_missing(self, part: bytes) -> bool:
        """Tell whether a prefix is missing."""
        return part in self._importer.missing

    def is_done(self) -> bool:
        """Tell whether the snapshot is whole."""
        return not self._importer.missing

    async def fetch(self, peer: str, part: bytes) -> None:
        """Fetch one prefix. Raises NoAnswer, StorageError."""
        piece = await self._nodes.ask(peer, GetChunk(self._block_hash, part), Piece)
        if not piece.chunk:
            raise NoAnswer(f"{peer} does not have this snapshot.")
        async with self._taking:
            if not self.is_missing(part):
                return  # a second peer was quicker
            try:
                if piece.chunk[0].prefix != part:
                    raise BadSnapshot("A chunk of another prefix than the one asked for.")
                await trio.to_thread.run_sync(self._importer.take, piece.chunk[0])
            except BadSnapshot as error:
                self._nodes.blame(peer, error.message)
                raise NoAnswer(f"{peer} gave a wrong part of the snapshot.") from error
