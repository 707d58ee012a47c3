"""Full sync from several peers at once: light steps first, then the blocks between them, executed in order.

Every block is checked against headers that certificates vouch for before it is buffered, so a liar is known by its
first word and no peer can hold up the rest. What it cannot do (peers without light steps, a span that is too long) is
left to the catch-up machine. What is final is never fetched again.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import trio

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, check_certificate
from node.consensus.events import CertifiedBlocks
from node.ledger.header import Header, decode_block, header_hash
from node.light.chain import LightChain, Trusted
from node.light.steps import LightStep, decode_set
from node.primitives.errors import ConsensusError, DecodeError
from node.primitives.types import Height
from node.service.chain import Chain, authority_set_of
from node.service.errors import NoAnswer
from node.service.fetching import fetch_all
from node.service.full_nodes import FullNodes
from node.service.logbook import logger
from node.sync.errors import BadSpan
from node.sync.messages import Blocks, GetBlocks, GetHeaders, Headers, headers_in
from node.sync.spans import Checked, Part, Span, SpanPlan, header_requests
from p2p import Network

_WAYS_COMPARED: Final = 3  # peers whose light steps are looked at; the longest way is taken
_LOOK_S: Final = 0.05  # how soon a span that has become whole is executed

log = logger("sync")


class SpanSync:
    """One go at catching up; it ends at the newest light step, or where it cannot go on."""

    def __init__(self, chain: Chain, network: Network) -> None:
        self._chain = chain
        self._nodes = FullNodes(network)
        self._plan = SpanPlan(Height(chain.final.header.height), chain.final.hash, ())
        self._failed = False
        anchor = chain.engine.finalised
        instance = 0 if anchor.certificate is None else anchor.certificate.instance
        self._start = Trusted(anchor.header, anchor.hash, instance, authority_set_of(anchor.state))

    async def prepare(self) -> bool:
        """Find the way: verified light steps above the final block. Tell whether there is one.

        Raises:
            BrokenFinality: a peer showed that authorities signed two chains.
        """
        steps = await self._steps()
        final = self._chain.final
        ends = [end for end in _ends(steps, self._start.authorities) if end[0].height > final.header.height]
        self._plan = SpanPlan(Height(final.header.height), final.hash, ends)
        return self._plan.target is not None

    async def run(self) -> bool:
        """Fetch and execute what `prepare` found; tell whether its newest light step was reached."""
        log.info("catching up to block %d from %d peers", self._plan.target, len(self._nodes.names()))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._execute, nursery.cancel_scope)
            try:
                await fetch_all(self._nodes, self)
            except NoAnswer as error:
                log.warning("catching up from several peers ended early: %s", error.message)
                self._failed = True
                nursery.cancel_scope.cancel()
        return not self._failed

    async def _steps(self) -> list[LightStep]:
        """Return the verified light steps above this node's final block, from the peer that has most of them."""
        start, best = self._start, list[LightStep]()
        for peer in self._nodes.names()[:_WAYS_COMPARED]:
            taken: list[LightStep] = []
            try:
                await self._nodes.follow(peer, LightChain(self._chain.genesis_hash, start, self._chain.verify), taken)
            except NoAnswer as error:
                log.debug("%s", error.message)
            best = max(best, taken, key=len)
        return best

    async def _execute(self, scope: trio.CancelScope) -> None:
        """Feed what is certified to the engine, in order; stop everything where it refuses some."""
        while not self.is_done():
            stretch = self._plan.give()
            if stretch is None:
                await trio.sleep(_LOOK_S)
                continue
            height = stretch.certificate.height
            log.debug("executing %d blocks to %d", len(stretch.blocks), height)
            await self._chain.apply(CertifiedBlocks(stretch.blocks, stretch.certificate, None))
            if self._chain.final.header.height < height:
                log.error("the certified block %d was not accepted", height)
                self._failed = True
                scope.cancel()
                return

    # --- as work for several peers ------------------------------------------------------------------------------------

    def wanted(self, busy: frozenset[Part]) -> Part | None:
        """Return what to ask for next."""
        return self._plan.wanted(busy)

    def is_missing(self, part: Part) -> bool:
        """Tell whether a part is still to come."""
        return self._plan.is_missing(part)

    def is_done(self) -> bool:
        """Tell whether every span was executed."""
        return len(self._plan) == 0

    async def fetch(self, peer: str, part: Part) -> None:
        """Fetch headers or blocks. Raises NoAnswer; who sends what does not belong there is blamed."""
        span = self._plan.span_of(part)
        if span is None:
            return
        try:
            if part.headers:
                await self._fetch_headers(peer, part, span)
            else:
                await self._fetch_blocks(peer, part, span)
        except (BadSpan, DecodeError, ConsensusError) as error:
            self._nodes.blame(peer, error.message)
            raise NoAnswer(f"{peer} lied about the chain.") from error

    async def _fetch_headers(self, peer: str, part: Part, span: Span) -> None:
        headers = list[Header]()
        for height, limit in header_requests(part):
            answer = await self._nodes.ask(peer, GetHeaders(height, limit), Headers)
            if len(answer.headers) < limit:
                raise NoAnswer(f"{peer} does not have the headers from {height} on.")
            headers += await trio.to_thread.run_sync(headers_in, answer)
        if not span.hashes:
            await trio.to_thread.run_sync(span.take_headers, headers)

    async def _fetch_blocks(self, peer: str, part: Part, span: Span) -> None:
        answer = await self._nodes.ask(peer, GetBlocks(part.from_height, part.count), Blocks)
        if not answer.blocks:
            raise NoAnswer(f"{peer} does not have the blocks from {part.from_height} on.")
        span.take(await trio.to_thread.run_sync(self._checked, span, part.from_height, answer))
        for certificate in answer.certificate:
            span.take_certificate(certificate)

    def _checked(self, span: Span, from_height: Height, answer: Blocks) -> list[Checked]:
        """Check the blocks of an answer and the certificate of its last one, which lets them be executed at once."""
        found, header = list[Checked](), None
        for height, raw in enumerate(answer.blocks, from_height):
            block = decode_block(raw)
            if block.header.height != height:
                raise BadSpan(f"Block {header_hash(block.header).hex()} is not the one that was asked for.")
            found.append(span.check_block(block, len(raw)))
            header = block.header
        for certificate in answer.certificate:
            if header is None or certificate.block != (header_hash(header), header.height):
                raise BadSpan("A certificate of another block than the last one.")
            check_certificate(
                certificate, span.authorities, self._chain.genesis_hash, self._chain.verify, header=header
            )
        return found


def _ends(steps: Iterable[LightStep], authorities: AuthoritySet) -> Iterator[tuple[Certificate, AuthoritySet]]:
    """Give the certificates of verified steps, each with the set that decides up to it, `authorities` at first."""
    for step in steps:
        yield step.certificate, authorities
        if step.next_set:
            authorities = decode_set(step.next_set[0].value)
