"""Asking full nodes on `/neurond/sync/1`: one question, one answer of the right kind, and a price for lies.

Must never trust an answer: whoever asks verifies it, and says here when it was a lie.
"""

from typing import Final, TypeVar

import trio

from node.consensus.errors import WrongSet
from node.light.chain import LightChain
from node.light.errors import BadStep, BrokenFinality
from node.light.steps import LightStep
from node.primitives.errors import ConsensusError, DecodeError, NodeError
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Height
from node.service.errors import NoAnswer
from node.service.logbook import logger
from node.sync.limits import POINTS_BAD_ANSWER, STEPS_PER_REQUEST_MAX
from node.sync.messages import PROTOCOL, Answer, GetSteps, Request, Steps, decode_answer, encode_request
from p2p import Network, P2PError

REQUEST_TIMEOUT_S: Final = 15.0  # 4 MiB over a home line of 2.3 Mbit/s

A = TypeVar("A", bound=Answer)
log = logger("sync")


class FullNodes:
    """The connected peers as far as they may be asked: who lied is left out from then on."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._left: set[str] = set()

    def names(self) -> list[str]:
        """Return the peers to ask, best score first."""
        peers = [peer for peer in self._network.peers() if peer.peer_id not in self._left]
        return [peer.peer_id for peer in sorted(peers, key=lambda peer: (-peer.score, peer.peer_id))]

    def leave(self, peer: str) -> None:
        """Ask this peer no more; it is not to blame."""
        self._left.add(peer)

    def blame(self, peer: str, reason: str) -> None:
        """Ask this peer no more: it answered what no honest node answers."""
        self._left.add(peer)
        self._network.report(peer, float(POINTS_BAD_ANSWER), reason)
        log.warning("%s is left: %s", peer, reason)

    async def ask(self, peer: str, request: Request, kind: type[A]) -> A:
        """Return the well-formed answer of `kind`. Raises NoAnswer; a malformed one costs its sender points."""
        try:
            data = await self._network.request(
                peer, PROTOCOL, encode_request(request), max_bytes=SYNC_RESPONSE_BYTES_MAX, timeout_s=REQUEST_TIMEOUT_S
            )
        except P2PError as error:
            raise NoAnswer(f"{peer} did not answer: {error}") from error
        try:
            answer = await trio.to_thread.run_sync(decode_answer, data)
        except (DecodeError, ConsensusError) as error:
            self.blame(peer, f"a malformed sync answer: {error}")
            raise NoAnswer(f"{peer} answered with something malformed.") from error
        if not isinstance(answer, kind):
            self.leave(peer)
            raise NoAnswer(f"{peer} does not answer such questions.")
        return answer

    async def follow(
        self, peer: str, chain: LightChain, taken: list[LightStep] | None = None, *, below: int | None = None
    ) -> tuple[LightStep, ...]:
        """Take the light steps that `peer` has, all or those below a height, and append them to `taken`.

        Returns what came of the others, unchecked.

        Raises:
            NoAnswer: it has none that lead on, or lied, which costs it points.
            BrokenFinality: it showed that authorities did.
        """
        above = chain.trusted.header.height  # the last step may not become trusted, and must not be asked for again
        while True:
            steps = (await self.ask(peer, GetSteps(above, STEPS_PER_REQUEST_MAX), Steps)).steps
            wanted = tuple(step for step in steps if below is None or step.header.height < below)
            if not wanted:
                return steps
            try:
                await trio.to_thread.run_sync(_advance, chain, above, wanted, taken)
            except BrokenFinality:
                raise
            except WrongSet as error:
                self.leave(peer)
                raise NoAnswer(f"{peer} does not know how the authorities followed one another.") from error
            except NodeError as error:
                self.blame(peer, error.message)
                raise NoAnswer(f"{peer} lied about a certified block.") from error
            if len(wanted) < len(steps):
                return steps[len(wanted) :]
            above = wanted[-1].header.height


def _advance(chain: LightChain, above: Height, steps: tuple[LightStep, ...], taken: list[LightStep] | None) -> None:
    for step in steps:
        if step.header.height <= above:
            raise BadStep(f"A light step to height {step.header.height} where those above {above} were asked for.")
        above = step.header.height
        chain.advance(step)
        if taken is not None:
            taken.append(step)
