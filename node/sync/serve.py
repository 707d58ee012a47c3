"""Answers to sync requests: a pure function of the request and of what the node has stored.

Every answer fits `SYNC_RESPONSE_BYTES_MAX`; what does not fit is left out, and the asker asks again from there.
"""

from typing import Protocol

from node.consensus.certificate import Certificate
from node.primitives.limits import CERTIFICATE_BYTES_MAX, SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Hash, Height
from node.sync.messages import (
    Answer,
    Blocks,
    GetBlocks,
    GetBranch,
    GetChunk,
    GetHeaders,
    GetManifest,
    GetProof,
    GetReading,
    GetStatus,
    GetSteps,
    Headers,
    Offer,
    Piece,
    Request,
    Status,
    Steps,
    decode_request,
    encode_answer,
)
from node.sync.serve_proofs import ProofReader, answer_proofs

_FRAME_BYTES = 8  # what MessagePack adds to a block: a length of at most 5 bytes, rounded up
_BLOCKS_BYTES_MAX = SYNC_RESPONSE_BYTES_MAX - CERTIFICATE_BYTES_MAX - 1024  # room for blocks in one answer


class ChainReader(Protocol):
    """What serving needs of the store; blocks are their canonical bytes."""

    def status(self) -> Status:
        """Return where this node stands."""
        ...

    def finalised_block(self, height: Height) -> bytes | None:
        """Return the finalised block at `height`, None above the last one or where it was pruned."""
        ...

    def certificate(self, height: Height) -> Certificate | None:
        """Return the certificate of the finalised block at `height`; most blocks are certified by a later one."""
        ...

    def unfinalised_block(self, block_hash: Hash) -> tuple[Hash, bytes] | None:
        """Return the parent and the bytes of an unfinalised block, None when this node has none of that hash."""
        ...


def answer(data: bytes, reader: ChainReader, proofs: ProofReader | None = None) -> bytes:
    """Return the encoded answer to an encoded request; DecodeError when it is none."""
    return encode_answer(answer_to(decode_request(data), reader, proofs))


def answer_to(request: Request, reader: ChainReader, proofs: ProofReader | None = None) -> Answer:
    """Return the answer to `request`; without `proofs` this node has nothing for light clients."""
    match request:
        case GetStatus():
            return reader.status()
        case GetBlocks():
            return _finalised(request, reader)
        case GetBranch():
            return _branch(request, reader)
        case _ if proofs is not None:
            return answer_proofs(request, proofs)
        case GetSteps():
            return Steps(())
        case GetHeaders() | GetProof() | GetReading():
            return Headers(())
        case GetManifest():
            return Offer(())
        case GetChunk():
            return Piece(())


def _finalised(request: GetBlocks, reader: ChainReader) -> Blocks:
    """Cut at the last certificate of the first one's set, the only set that the asker knows.

    A stretch without any goes out uncertified, its certificate lies further on.
    """
    blocks: list[bytes] = []
    room = _BLOCKS_BYTES_MAX
    for height in range(request.from_height, request.from_height + request.limit):
        block = reader.finalised_block(Height(height))
        if block is None or len(block) + _FRAME_BYTES > room:
            break
        room -= len(block) + _FRAME_BYTES
        blocks.append(block)
    heights = range(request.from_height, request.from_height + len(blocks))
    first = next(filter(None, (reader.certificate(Height(height)) for height in heights)), None)
    for height in reversed(heights) if first is not None else ():
        certificate = reader.certificate(Height(height))
        if first is not None and certificate is not None and certificate.set_id == first.set_id:
            return Blocks(tuple(blocks[: height - request.from_height + 1]), (certificate,))
    return Blocks(tuple(blocks), ())


def _branch(request: GetBranch, reader: ChainReader) -> Blocks:
    blocks: list[bytes] = []
    room = _BLOCKS_BYTES_MAX
    wanted = request.tip
    while len(blocks) < request.limit:
        found = reader.unfinalised_block(wanted)
        if found is None or len(found[1]) + _FRAME_BYTES > room:
            break
        wanted, block = found
        room -= len(block) + _FRAME_BYTES
        blocks.append(block)
    return Blocks(tuple(reversed(blocks)), ())
