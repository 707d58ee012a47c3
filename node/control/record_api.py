"""The part of the control API that is about receipts, usage and audits; `node.control.api` has the rest."""

from typing import Annotated, Final, Protocol

import msgspec

from node.control.requests import NetUidNumber, Request, Target
from node.control.views.records import AuditReport, ReceiptKind, ReceiptView, Usage, UsageGroup

RECEIPTS_PER_PAGE_MAX: Final = 200  # about 300 KB of JSON
AUDIT_JUDGED_MAX: Final = 32  # answers judged again in one audit; each takes a pass of the model
AUDIT_TIMEOUT_S: Final = 600.0  # of a client: fetching, recounting, and a pass of the model for each judged answer

DigestStart = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2}){2,32}$")]


class ReceiptsRequest(Request[tuple[ReceiptView, ...]], frozen=True):
    """Newest first; `kind` None: all."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=RECEIPTS_PER_PAGE_MAX)] = 50
    skip: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    kind: ReceiptKind | None = None


class ReceiptRequest(Request[ReceiptView], frozen=True):
    """`digest` may be cut short as long as it names one receipt; an even number of at least four hex digits."""

    digest: DigestStart


class UsageRequest(Request[Usage], frozen=True):
    group: UsageGroup = "day"
    served: bool = False


class AuditRequest(Request[AuditReport], frozen=True):
    """None: this node's first subnet, the newest epoch on record, the validator with most stake.

    `judge` is the number of kept answers, drawn at random, that are judged again here.
    """

    netuid: NetUidNumber | None = None
    epoch: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    validator: Target | None = None
    judge: Annotated[int, msgspec.Meta(ge=0, le=AUDIT_JUDGED_MAX)] = 0


class RecordApi(Protocol):
    """See `node.control.api.Api`."""

    async def receipts(
        self, limit: int = 50, skip: int = 0, kind: ReceiptKind | None = None
    ) -> tuple[ReceiptView, ...]: ...

    async def receipt(self, digest: str) -> ReceiptView:
        """One receipt, its signatures checked."""
        ...

    async def usage(self, group: UsageGroup = "day", served: bool = False) -> Usage: ...

    async def audit(
        self, netuid: int | None = None, epoch: int | None = None, validator: str | None = None, judge: int = 0
    ) -> AuditReport:
        """Fetch a validator's record of an epoch, recount it, and compare with the chain."""
        ...
