"""The blocks between two certified ones, fetched in parts from many peers at once: what is missing, and what fits.

The headers of a span are linked to both of its ends first, so that certificates vouch for every hash in it; each block
is then checked alone when it comes, whoever sends it and in whatever order. Blocks go out in order, as soon as one of
them has a certificate of its own, so that an epoch of full blocks is never held whole. Must never hand out a block that
is not one of these. Says what to ask for; who is asked, and when, is the shell's to decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate
from node.ledger.header import Block, Header, header_hash
from node.ledger.merkle import list_root
from node.primitives.limits import SYNC_BLOCKS_PER_REQUEST_MAX, SYNC_RESPONSE_BYTES_MAX
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks in order, the last of them certified."""

    blocks: tuple[Block, ...]
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Checked:
    """A block that `Span.check_block` found to be of its span, and what it weighs."""

    block: Block
    size_bytes: int


@dataclass(slots=True)
class Span:
    """The blocks above `below` up to `certificate`'s; `hashes` are theirs by height once the headers are known.

    Those up to `given` were handed out; `certificates` are checked ones of blocks in between.
    """

    below: Height
    below_hash: Hash
    certificate: Certificate
    authorities: AuthoritySet
    hashes: tuple[Hash, ...] = ()
    blocks: dict[Height, Checked] = field(default_factory=dict[Height, Checked])
    certificates: dict[Height, Certificate] = field(default_factory=dict[Height, Certificate])
    size_bytes: int = 0  # of the blocks that wait here
    given: Height = field(init=False)

    def __post_init__(self) -> None:
        self.given = self.below

    @property
    def count(self) -> int:
        """How many blocks it has."""
        return self.certificate.height - self.below

    @property
    def is_given(self) -> bool:
        """Whether all blocks were handed out."""
        return self.given == self.certificate.height

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

    def check_block(self, block: Block, size_bytes: int) -> Checked:
        """Return a block that is one of the span's; changes nothing, from any thread.

        Raises:
            BadSpan: it is none of them, or has another body than its header says.
        """
        index = block.header.height - self.below - 1
        if not 0 <= index < len(self.hashes) or header_hash(block.header) != self.hashes[index]:
            raise BadSpan("A block that is not on the certified chain.")
        if list_root(block.transactions) != block.header.transactions_root:
            raise BadSpan("A block with another body than its header says.")
        return Checked(block, max(size_bytes, _HEADER_BYTES_MIN))

    def take(self, checked: Iterable[Checked]) -> None:
        """Keep blocks that were checked here and are still missing."""
        for each in checked:
            height = each.block.header.height
            if height > self.given and height not in self.blocks:
                self.blocks[height] = each
                self.size_bytes += each.size_bytes

    def take_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate that `authorities` were found to have signed. Raises BadSpan for another block."""
        index = certificate.height - self.below - 1
        if not 0 <= index < len(self.hashes) or certificate.block_hash != self.hashes[index]:
            raise BadSpan("A certificate of a block that is not on the certified chain.")
        if certificate.height > self.given:
            self.certificates.setdefault(certificate.height, certificate)

    def ready(self) -> Certificate | None:
        """Return the last certificate that the blocks which come next lead to without a gap."""
        height, certified = Height(self.given + 1), None
        while height in self.blocks:
            own = self.certificate if height == self.certificate.height else self.certificates.get(height)
            certified, height = own or certified, Height(height + 1)
        return certified

    def give(self) -> Stretch | None:
        """Hand out the blocks that come next, up to the last one that is certified; None while there is none."""
        certified = self.ready()
        if certified is None:
            return None
        out = [self.blocks.pop(Height(h)) for h in range(self.given + 1, certified.height + 1)]
        self.size_bytes -= sum(each.size_bytes for each in out)
        self.given = certified.height
        self.certificates = {height: each for height, each in self.certificates.items() if height > self.given}
        return Stretch(tuple(each.block for each in out), certified)

    def first_missing(self, from_height: int, to_height: int) -> Height | None:
        """Return the lowest height in the range (the last one included) whose block is still to come."""
        heights = range(max(from_height, self.given + 1), to_height + 1)
        return next((Height(height) for height in heights if height not in self.blocks), None)


class SpanPlan:
    """The spans from the last finalised block to the newest light step, the first few of them open at a time."""

    def __init__(self, height: Height, block_hash: Hash, ends: Sequence[tuple[Certificate, AuthoritySet]]) -> None:
        """`ends` by ascending height, all above `height`, each with the set that decides up to it.

        Those after a span that is too long are left out.
        """
        self._spans: list[Span] = []
        self._out_bytes = 0  # of the blocks handed out last, which are being executed
        for certificate, authorities in ends:
            if not 0 < certificate.height - height <= SPAN_BLOCKS_MAX:
                break
            self._spans.append(Span(height, block_hash, certificate, authorities))
            height, block_hash = certificate.height, certificate.block_hash

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def target(self) -> Height | None:
        """The height that the plan leads to."""
        return self._spans[-1].certificate.height if self._spans else None

    def wanted(self, busy: frozenset[Part]) -> Part | None:
        """Return what to ask for next: the lowest missing blocks.

        With the buffers full, also by what is on its way, only what has to come before anything can be executed.
        """
        is_full = self._held_bytes(busy) > BUFFERED_BYTES_MAX
        if is_full and self._spans and self._spans[0].ready() is not None:
            return None
        for span in self._spans[: 1 if is_full else SPANS_OPEN_MAX]:
            if not span.hashes:
                part = Part(Height(span.below + 1), span.count, headers=True)
                if part not in busy:
                    return part
                continue
            part_of_blocks = self._wanted_in(span, busy, only_next=is_full)
            if part_of_blocks is not None:
                return part_of_blocks
        return None

    def _held_bytes(self, busy: frozenset[Part]) -> int:
        """What waits, what is being executed, what is on its way, and one answer more."""
        answers = 1 + sum(not part.headers for part in busy)
        waiting = sum(span.size_bytes for span in self._spans[:SPANS_OPEN_MAX])
        return waiting + self._out_bytes + answers * SYNC_RESPONSE_BYTES_MAX

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

    def give(self) -> Stretch | None:
        """Return the blocks to be executed now, None while the next ones are not there; those before are final."""
        self._out_bytes = 0
        if not self._spans:
            return None
        before = self._spans[0].size_bytes
        stretch = self._spans[0].give()
        self._out_bytes = before - self._spans[0].size_bytes
        if self._spans[0].is_given:
            del self._spans[0]
        return stretch

    def _wanted_in(self, span: Span, busy: frozenset[Part], *, only_next: bool) -> Part | None:
        for first in range(span.below + 1, span.certificate.height + 1, SPAN_PART_BLOCKS):
            last = min(first + SPAN_PART_BLOCKS - 1, span.certificate.height)
            missing = span.first_missing(first, last)
            if missing is not None and any(not part.headers and first <= part.from_height <= last for part in busy):
                if only_next:
                    return None
                continue
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
