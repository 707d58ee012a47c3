"""What serving `/neurond/sync/1` reads of a running node: blocks and certificates, light steps, proven state.

Called from worker threads. Must never mix two states in one answer: proofs are read inside one snapshot of the store.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from node.consensus.certificate import Certificate, decode_certificate
from node.ledger.header import decode_header
from node.light.steps import LightStep
from node.primitives.codec import encode
from node.primitives.types import Hash, Height
from node.service.anchor import read_block
from node.service.chain import Chain
from node.service.errors import NotReady
from node.sync.messages import Status
from node.sync.serve_proofs import CertifiedState
from node.sync.snapshot import Chunk, Manifest

_PIN_TRIES_MAX = 3  # a block may become final between the look at the store and the look for its tree


class StoreReader:
    """Blocks and certificates, read from the store; block bytes are encoded as they travel."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def status(self) -> Status:
        """Return where this node stands; each part is looked at once, as the chain moves on meanwhile."""
        chain = self._chain
        final, head = chain.final, chain.head
        at, tip = final.header.height, head.hash
        if head.height < at:  # the head of blocks that came certified is moved after they are final
            tip = final.hash
        return Status(
            chain.genesis_hash,
            Height(at),
            final.hash,
            Height(max(head.height, at)),
            tip,
            () if final.certificate is None else (final.certificate,),
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


class ProofStore:
    """Light steps, headers, proven state and snapshots."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def steps_above(self, height: Height, limit: int) -> Sequence[LightStep]:
        """Return recorded light steps."""
        return self._chain.light_steps.steps_above(height, limit)

    def header(self, height: Height) -> bytes | None:
        """Return a finalised block's header."""
        rows = self._chain.store.headers_from(height, 1)
        return rows[0].header if rows and rows[0].height == height else None

    @contextmanager
    def state(self) -> Iterator[CertifiedState]:
        """Hold the newest final block and its state still. Raises NotReady, StorageError."""
        for _ in range(_PIN_TRIES_MAX):
            with self._chain.store.pinned() as tip:
                executed = None if tip is None else self._chain.executed(Hash(tip.hash))
                if tip is None or executed is None:
                    continue
                certificate = None if tip.certificate is None else decode_certificate(tip.certificate)
                yield CertifiedState(decode_header(tip.header), certificate, tip, executed.state.tree)
                return
        raise NotReady("The state of this node moves too fast to prove anything of it.")

    def manifest(self) -> Manifest | None:
        """Return the newest snapshot that can be given."""
        shelf = self._chain.shelf
        return None if shelf is None else shelf.manifest()

    def chunk(self, block_hash: Hash, prefix: bytes) -> Chunk | None:
        """Return a chunk of a snapshot."""
        shelf = self._chain.shelf
        return None if shelf is None else shelf.chunk(block_hash, prefix)
