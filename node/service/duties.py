"""What a node's hotkey owes the chain without being asked: evidence it found, and shadow votes of a validator.

Both are fee-free calls. They are sent again while the chain does not know them, a bounded number of times; that another
node was faster is no error. Never signs anything of consensus: that is the pen's.
"""

from dataclasses import dataclass
from typing import Final

from node.consensus.evidence import ConflictingCertificates, Evidence, encode_evidence, offender
from node.ledger import network_queries
from node.ledger.calls import ReportEvidence, ShadowVote
from node.primitives.crypto import Signer
from node.primitives.errors import NodeError
from node.primitives.limits import EVIDENCE_CALL_BYTES_MAX
from node.primitives.types import AccountId, Height, SetId
from node.service.chain import Chain
from node.service.logbook import logger
from node.service.reader import Reader

RETRY_BLOCKS: Final = 5  # a call that is not in after five blocks is sent again
TRIES_MAX: Final = 6  # then somebody else has reported it, or it is too old
WAITING_MAX: Final = 64  # offences waiting to be reported; each authority has one at most

log = logger("duties")


@dataclass(slots=True)
class _Report:
    data: bytes
    offender: AccountId
    set_id: SetId
    sent_at: Height | None = None
    tries: int = 0


class Duties:
    """Of one hotkey; feed it with `found`, run it beside the chain."""

    def __init__(self, chain: Chain, reader: Reader, hotkey: Signer) -> None:
        self._chain = chain
        self._reader = reader
        self._hotkey = hotkey
        self._reports: dict[AccountId, _Report] = {}
        self._voted_at: Height | None = None

    def found(self, evidence: Evidence) -> None:
        """Take up an offence; two certificates that conflict convict nobody by themselves."""
        who = offender(evidence)
        if isinstance(evidence, ConflictingCertificates) or who is None or len(self._reports) >= WAITING_MAX:
            return
        data = encode_evidence(evidence)
        if len(data) > EVIDENCE_CALL_BYTES_MAX:
            log.warning("evidence of %d bytes is too large to be reported", len(data))
            return
        self._reports.setdefault(who, _Report(data, who, min(evidence.first.set_id, evidence.second.set_id)))

    async def run(self) -> None:
        """Look after every new best block until cancelled."""
        self._chain.on_evidence(self.found)
        with self._reader.heads() as heads:
            async for head in heads:
                try:
                    await self._report_all(head.height)
                    await self._show(head.height)
                except NodeError as error:
                    log.debug("a duty waits: %s", error)

    async def _report_all(self, height: Height) -> None:
        for report in list(self._reports.values()):
            convicted = network_queries.convicted_in(self._chain.head.executed.state.view, report.offender)
            if (convicted is not None and convicted >= report.set_id) or report.tries >= TRIES_MAX:
                del self._reports[report.offender]
            elif report.sent_at is None or height >= report.sent_at + RETRY_BLOCKS:
                report.sent_at, report.tries = height, report.tries + 1
                await self._reader.submit(ReportEvidence(report.data), self._hotkey)
                log.warning("reported an authority that signed two things for one place")

    async def _show(self, height: Height) -> None:
        """Cast the shadow vote of this epoch, for the newest final block."""
        chain = self._chain
        if self._voted_at is not None and height < self._voted_at + RETRY_BLOCKS:
            return
        if not network_queries.owes_shadow_vote(chain.head.executed.state.view, self._hotkey.public):
            return
        self._voted_at = height
        final = chain.final
        await self._reader.submit(ShadowVote(final.header.height, final.hash), self._hotkey)
