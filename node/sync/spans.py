"""The blocks between two certified ones, fetched in parts from many peers at once: what is missing, and what fits.

The headers of a span are linked to both of its ends first, so that certificates vouch for every hash in it; each block
is then checked alone when it comes, whoever sends it and in whatever order. Must never hand out a block that is not one
of these. Says what to ask for; who is asked, and when, is the shell's to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.consensus.certificate import Certificate
from node.ledger.header import Block, Header, header_hash
from node.ledger.merkle import list_root
from node.primitives.limits import SYNC_BLOCKS_PER_REQUEST_MAX
from node.primitives.types import Hash, Height
from node.sync.errors import BadSpan
from node.sync.limits import (
    BUFFERED_BYTES_MAX,
    HEADERS_PER_REQUEST_MAX,
    SPAN_BLOCKS_MAX,
    SPAN_PART_BLOCKS,
    SPANS_OPEN_MAX,
)

_HEADER_BYTES_MIN = 200  # of any header; what a block weighs at least in the buffer


@dataclass(frozen=True, slots=True)
class Part:
    """What one request is for: headers of a whole span, or a few blocks of it."""

    from_height: Height
    count: int
    headers: bool


@dataclass(slots=True)
class Span:
    """The blocks above `below` up to `certificate`'s; `hashes` are theirs by height once the headers are known."""

    below: Height
    below_hash: Hash
    certificate: Certificate
    hashes: tuple[Hash, ...] = ()
    blocks: dict[Height, Block] = field(default_factory=dict[Height, Block])
    size_bytes: int = 0

    @property
    def count(self) -> int:
        """How many blocks it has."""
        return self.certificate.height - self.below

    @property
    def is_whole(self) -> bool:
        """Whether all blocks are there."""
        return len(self.blocks) == self.count

    def take_headers(self, headers: Sequence[Header]) -> None:
        """Keep the hashes of all headers of the span. Raises BadSpan unless they link its two ends."""
        at_height, at_hash = self.below, self.below_hash
        hashes: list[Hash] = []
        for header in headers:
            if (header.height, header.parent) != (at_height + 1, at_hash):
                raise BadSpan("Headers that do not link one certified block to the next.")
            at_height, at_hash = header.height, header_hash(header)
            hashes.append(at_hash)
        if (at_hash, at_height) != self.certificate.block:
            raise BadSpan("Headers that do not end at the certified block.")
        self.hashes = tuple(hashes)

    def take_block(self, block: Block, size_bytes: int) -> None:
        """Keep a block of the span. Raises BadSpan when it is none of it, or has another body than its header says."""
        index = block.header.height - self.below - 1
        if not 0 <= index < len(self.hashes) or header_hash(block.header) != self.hashes[index]:
            raise BadSpan("A block that is not on the certified chain.")
        if list_root(block.transactions) != block.header.transactions_root:
            raise BadSpan("A block with another body than its header says.")
        if block.header.height not in self.blocks:
            self.blocks[block.header.height] = block
            self.size_bytes += max(size_bytes, _HEADER_BYTES_MIN)

    def first_missing(self, from_height: int, to_height: int) -> Height | None:
        """Return the lowest height in the range (the last one included) whose block is missing."""
        return next((Height(h) for h in range(from_height, to_height + 1) if h not in self.blocks), None)


class SpanPlan:
    """The spans from the last finalised block to the newest light step, the first few of them open at a time."""

    def __init__(self, height: Height, block_hash: Hash, certificates: Sequence[Certificate]) -> None:
        """`certificates` by ascending height, all above `height`; those after a span that is too long are left out."""
        self._spans: list[Span] = []
        for certificate in certificates:
            if not 0 < certificate.height - height <= SPAN_BLOCKS_MAX:
                break
            self._spans.append(Span(height, block_hash, certificate))
            height, block_hash = certificate.height, certificate.block_hash

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def target(self) -> Height | None:
        """The height that the plan leads to."""
        return self._spans[-1].certificate.height if self._spans else None

    def wanted(self, busy: frozenset[Part]) -> Part | None:
        """Return what to ask for next: the lowest missing blocks, unless the buffers are full."""
        buffered = 0
        for number, span in enumerate(self._spans[:SPANS_OPEN_MAX]):
            buffered += span.size_bytes
            if number and buffered > BUFFERED_BYTES_MAX:
                return None
            if not span.hashes:
                part = Part(Height(span.below + 1), span.count, headers=True)
                if part not in busy:
                    return part
                continue
            part_of_blocks = self._wanted_in(span, busy)
            if part_of_blocks is not None:
                return part_of_blocks
        return None

    def is_missing(self, part: Part) -> bool:
        """Tell whether a part is still to come."""
        span = self.span_of(part)
        if span is None:
            return False
        return not span.hashes if part.headers else span.first_missing(part.from_height, _last(part)) is not None

    def span_of(self, part: Part) -> Span | None:
        """Return the span that a part belongs to, None when that span is done."""
        return next(
            (span for span in self._spans if span.below < part.from_height <= span.certificate.height), None
        )  # fmt: skip

    def first_whole(self) -> Span | None:
        """Return the first span if all of it is there: it is to be executed now."""
        return self._spans[0] if self._spans and self._spans[0].is_whole else None

    def drop_first(self) -> None:
        """Forget the first span: it is final."""
        del self._spans[0]

    def _wanted_in(self, span: Span, busy: frozenset[Part]) -> Part | None:
        for first in range(span.below + 1, span.certificate.height + 1, SPAN_PART_BLOCKS):
            last = min(first + SPAN_PART_BLOCKS - 1, span.certificate.height)
            if any(not part.headers and first <= part.from_height <= last for part in busy):
                continue
            missing = span.first_missing(first, last)
            if missing is not None:
                return Part(missing, min(last - missing + 1, SYNC_BLOCKS_PER_REQUEST_MAX), headers=False)
        return None


def header_requests(part: Part) -> list[tuple[Height, int]]:
    """Return (from height, limit) of the requests that the headers of a span take."""
    return [
        (Height(first), min(HEADERS_PER_REQUEST_MAX, _last(part) - first + 1))
        for first in range(part.from_height, _last(part) + 1, HEADERS_PER_REQUEST_MAX)
    ]


def _last(part: Part) -> int:
    return part.from_height + part.count - 1
