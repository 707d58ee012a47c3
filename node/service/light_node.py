"""A light node: follows finality with the help of any full nodes and reads proven state from them.

It executes nothing and keeps one small file. Whatever it returns was proven under a header that a quorum certified;
what a full node can still do is to stay silent, or to be behind, which is why several are asked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from node.consensus.errors import WrongSet
from node.consensus.slots import SlotClock
from node.ledger import queries
from node.ledger.header import Header, header_hash
from node.ledger.pallets import authority
from node.ledger.state import StateView
from node.light import age
from node.light.chain import Checkpoint, LightChain, start_at, start_at_genesis
from node.light.errors import BadCheckpoint, BadProof, BrokenFinality
from node.light.limits import LIGHT_STATE_BYTES_MAX
from node.light.proofs import check_rows
from node.light.readings import AuthoritiesOf, Reading, touch
from node.primitives.codec import build_decoders
from node.primitives.crypto import verify
from node.primitives.errors import DecodeError, NodeError
from node.primitives.types import Hash, Height, SetId
from node.service.chain import now_ms
from node.service.errors import NoAnswer, NoFullNode
from node.service.full_nodes import FullNodes
from node.service.home import write_atomically
from node.service.logbook import logger
from node.sync.messages import GetHeaders, GetProof, GetReading, GetStatus, Headers, Proofs, Status, headers_in
from p2p import Network, P2PError

STATE_FILE: Final = "light.state"
PEERS_ASKED_MAX: Final = 8  # for the newest block; more tell nothing new
STALE_MS: Final = 10 * 60 * 1000  # fifty slots of the public network: such a pause is worth a word
LAG_BLOCKS_MAX: Final = 5  # a full node further behind the newest block seen is not believed to be up to date

log = logger("light")


@dataclass(frozen=True, slots=True)
class Proven:
    """Rows of the state after a certified block, and how old that block is."""

    view: StateView
    header: Header
    hash: Hash
    peer: str
    age_ms: int


class LightNode:
    """Follows one network; not for several tasks at a time."""

    def __init__(
        self,
        network: Network,
        home: Path,
        *,
        addresses: tuple[str, ...],
        genesis_hash: Hash | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._network = network
        self._path = home / STATE_FILE
        self._addresses = addresses
        self._genesis_hash = genesis_hash
        self._checkpoint = checkpoint
        self._nodes = FullNodes(network)
        self._chain: LightChain | None = None
        self.warnings: list[str] = []

    @property
    def chain(self) -> LightChain:
        """What is trusted. Raises NoFullNode before `start`."""
        if self._chain is None:
            raise NoFullNode("This light node has not started.")
        return self._chain

    @property
    def peers(self) -> int:
        """How many full nodes can be asked."""
        return len(self._nodes.names())

    async def start(self) -> None:
        """Connect, go on where the last run stopped (or begin), and follow to the newest epoch.

        Raises:
            NoFullNode: nobody answers. BadLightState, BadCheckpoint: what there is cannot be trusted.
            BrokenFinality: authorities signed two chains.
        """
        build_decoders()
        reasons = await self._connect()
        saved = self._read()
        if saved is not None:
            self._chain = LightChain.restore(saved, self._genesis_hash, verify)
            self._compare_checkpoint(self._chain)
        else:
            self._chain = await self._begin(reasons)
        began = self._chain.trusted.header
        await self.follow()
        proven = await self.read_clock()
        clock = _clock_of(proven.view)
        if proven.age_ms > STALE_MS:
            self.warnings.append(
                f"The newest block to be found is {proven.age_ms // 60_000} minutes old: the chain stands still, or "
                "every node that was asked holds back. Name more of them (--peer)."
            )
        if age.is_too_old(began, clock, now_ms()):
            days = age.age_ms(began, clock, now_ms()) // (24 * 3600 * 1000)
            self.warnings.append(
                f"The block this began with is {days} days old: keys of that time may sign what they like by now. "
                "Compare with a checkpoint of somebody you trust (--checkpoint)."
            )

    async def follow(self) -> None:
        """Take the light steps that the connected full nodes have, and keep the state. Raises as `start`."""
        reasons = []
        answered = False
        for peer in self._nodes.names()[:PEERS_ASKED_MAX]:
            try:
                await self._nodes.follow(peer, self.chain)
                answered = True
            except NoAnswer as error:
                reasons.append(error.message)
        self._write()
        if not answered:
            raise NoFullNode(f"No full node leads on from block {self.chain.trusted.header.height}. {_joined(reasons)}")

    async def read(self, reading: Reading) -> Proven:
        """Return the proven rows that settle `reading`, from the first full node that is up to date and honest.

        Raises NoFullNode, BrokenFinality.
        """
        reasons = []
        for peer in self._nodes.names():
            try:
                proven = await self._read_from(peer, reading)
            except NoAnswer as error:
                reasons.append(error.message)
                continue
            if proven.header.height >= self.chain.tip.header.height - LAG_BLOCKS_MAX:
                return proven
            reasons.append(f"{peer} is behind, at block {proven.header.height}.")
        raise NoFullNode(f"No full node proves an answer. {_joined(reasons)}")

    async def read_clock(self) -> Proven:
        """Return the newest proven block with the network's clock; asks several nodes, so that one cannot hold back."""
        for peer in self._nodes.names()[:PEERS_ASKED_MAX]:
            try:
                await self._read_from(peer, AuthoritiesOf())
            except NoAnswer as error:
                log.debug("%s", error.message)
        return await self.read(AuthoritiesOf())

    # --- one full node ------------------------------------------------------------------------------------------------

    async def _read_from(self, peer: str, reading: Reading) -> Proven:
        proofs = await self._nodes.ask(peer, GetReading(reading), Proofs)
        if not proofs.rows:
            raise NoAnswer(f"{peer} cannot answer this in one piece.")
        try:
            await self._accept(peer, proofs)
            view = await trio.to_thread.run_sync(_checked, reading, proofs)
            clock = _clock_of(view)
        except (BrokenFinality, NoAnswer):
            raise
        except NodeError as error:
            self._nodes.blame(peer, error.message)
            raise NoAnswer(f"{peer} lied about the state.") from error
        header = proofs.header
        return Proven(view, header, header_hash(header), peer, age.age_ms(header, clock, now_ms()))

    async def _accept(self, peer: str, proofs: Proofs) -> None:
        """Make sure that the header is certified; a set that is not known yet is asked for first."""
        chain = self.chain
        if chain.is_known(proofs.header):
            return
        if not proofs.certificate:
            raise BadCheckpoint("A block without a certificate that is not the first one.")
        try:
            await trio.to_thread.run_sync(chain.accept_tip, proofs.header, proofs.certificate[0])
        except WrongSet:
            if proofs.certificate[0].set_id < chain.trusted.authorities.set_id:
                raise NoAnswer(f"{peer} is behind, at block {proofs.header.height}.") from None
            await self._nodes.follow(peer, chain)
            self._write()
            try:
                await trio.to_thread.run_sync(chain.accept_tip, proofs.header, proofs.certificate[0])
            except WrongSet as error:
                self._nodes.leave(peer)
                raise NoAnswer(f"{peer} does not show the authorities of its newest block.") from error

    # --- the beginning ------------------------------------------------------------------------------------------------

    async def _connect(self) -> list[str]:
        reasons: list[str] = []

        async def dial(address: str) -> None:
            try:
                await self._network.dial(address)
            except P2PError as error:
                reasons.append(f"{address}: {error}")

        async with trio.open_nursery() as nursery:
            for address in self._addresses:
                nursery.start_soon(dial, address)
        if not self._nodes.names():
            raise NoFullNode(f"No full node can be reached. {_joined(reasons)}".rstrip())
        return reasons

    async def _begin(self, reasons: list[str]) -> LightChain:
        """Begin at the checkpoint or at genesis, with a header and a set from whoever has the right ones."""
        for peer in self._nodes.names():
            try:
                genesis_hash = self._genesis_hash or (await self._nodes.ask(peer, GetStatus(), Status)).genesis_hash
                chain = await self._begin_with(peer, genesis_hash)
            except NoAnswer as error:
                reasons.append(error.message)
                continue
            if self._genesis_hash is None:
                self.warnings.append(
                    f"No genesis hash was given: {peer} was believed that it is {genesis_hash.hex()}. Compare it."
                )
            return chain
        raise NoFullNode(f"Nobody could tell where to begin. {_joined(reasons)}")

    async def _begin_with(self, peer: str, genesis_hash: Hash) -> LightChain:
        height = Height(0) if self._checkpoint is None else self._checkpoint.height
        headers = await self._nodes.ask(peer, GetHeaders(height, 1), Headers)
        try:
            first = headers_in(headers)
            if not first:
                raise NoAnswer(f"{peer} does not have block {height}.")
            paths = tuple(authority.SETS.path(SetId(first[0].set_id + after)) for after in (0, 1))
            proofs = await self._nodes.ask(peer, GetProof(paths), Proofs)
            view = check_rows(proofs.header.state_root, proofs.rows)
            candidates = [value for value in map(view.get, paths) if value is not None]
        except (DecodeError, BadProof) as error:
            self._nodes.blame(peer, error.message)
            raise NoAnswer(f"{peer} lied about the first block.") from error
        try:
            if self._checkpoint is not None:
                return start_at(self._checkpoint, genesis_hash, first[0], candidates, verify)
            return start_at_genesis(genesis_hash, first[0], candidates[0] if candidates else b"", verify)
        except BadCheckpoint as error:
            raise NoAnswer(f"{peer}: {error.message}") from error

    def _compare_checkpoint(self, chain: LightChain) -> None:
        """A checkpoint given to a node that has already begun can only be compared where both name one height."""
        checkpoint, trusted = self._checkpoint, chain.trusted
        if checkpoint is None:
            return
        if checkpoint.height > trusted.header.height:
            self._path.rename(self._path.with_suffix(".before"))
            raise BadCheckpoint(
                f"This home trusts block {trusted.header.height}, older than the checkpoint; its state was put aside.",
                remedy="Run the command again: it begins at the checkpoint.",
            )
        if checkpoint.height == trusted.header.height and checkpoint.block_hash != trusted.hash:
            raise BadCheckpoint(f"This home trusts another block {checkpoint.height} than the checkpoint names.")

    # --- the file -----------------------------------------------------------------------------------------------------

    def _read(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                return file.read(LIGHT_STATE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None

    def _write(self) -> None:
        write_atomically(self._path, self.chain.save())


def _checked(reading: Reading, proofs: Proofs) -> StateView:
    """Return the proven rows, which must be all that the reading needs. Raises BadProof."""
    view = check_rows(proofs.header.state_root, proofs.rows)
    touch(reading, view)
    return view


def _clock_of(view: StateView) -> SlotClock:
    info = queries.chain_info(view)
    return SlotClock(info.start_ms, info.slot_ms)


def _joined(reasons: list[str]) -> str:
    return " ".join(reasons)
