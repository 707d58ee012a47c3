"""Answers to light clients and to nodes that start from a snapshot: pure functions of the request and of a reader.

Must never hand out a proof of another state than the header beside it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from node.consensus.certificate import Certificate
from node.ledger import merkle
from node.ledger.header import Header
from node.ledger.state import StateView
from node.light.errors import BadProof
from node.light.proofs import ProvenRow, RecordingView, prove_rows
from node.light.readings import touch
from node.light.steps import LightStep
from node.primitives.codec import encode
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Hash, Height
from node.sync.messages import (
    GetChunk,
    GetHeaders,
    GetManifest,
    GetProof,
    GetReading,
    GetSteps,
    Headers,
    Offer,
    Piece,
    Proofs,
    Steps,
)
from node.sync.snapshot import Chunk, Manifest

_ROOM_BYTES = SYNC_RESPONSE_BYTES_MAX - 1024
_FRAME_BYTES = 8  # what MessagePack adds to a byte string, rounded up

ProofRequest = GetSteps | GetHeaders | GetProof | GetReading | GetManifest | GetChunk
ProofAnswer = Steps | Headers | Proofs | Offer | Piece


@dataclass(frozen=True, slots=True)
class CertifiedState:
    """The newest certified block and the state after it; `certificate` is None at genesis."""

    header: Header
    certificate: Certificate | None
    view: StateView
    tree: merkle.Node


class ProofReader(Protocol):
    """What serving light clients and snapshots needs of a node."""

    def steps_above(self, height: Height, limit: int) -> Sequence[LightStep]:
        """Return the light steps above `height`, oldest first, at most `limit`."""
        ...

    def header(self, height: Height) -> bytes | None:
        """Return the canonical header of the finalised block at `height`, None where this node has none."""
        ...

    def state(self) -> AbstractContextManager[CertifiedState]:
        """Hold the newest certified block and its state still."""
        ...

    def manifest(self) -> Manifest | None:
        """Return the manifest of the newest snapshot this node can give."""
        ...

    def chunk(self, block_hash: Hash, prefix: bytes) -> Chunk | None:
        """Return a chunk of the snapshot of that block, None where this node does not have it."""
        ...


def answer_proofs(request: ProofRequest, reader: ProofReader) -> ProofAnswer:
    """Return the answer to `request`; it fits SYNC_RESPONSE_BYTES_MAX."""
    match request:
        case GetSteps():
            return _steps(request, reader)
        case GetHeaders():
            return _headers(request, reader)
        case GetProof() | GetReading():
            return _proofs(request, reader)
        case GetManifest():
            manifest = reader.manifest()
            return Offer(() if manifest is None else (manifest,))
        case GetChunk():
            chunk = reader.chunk(request.block_hash, request.prefix)
            return Piece(() if chunk is None else (chunk,))


def _steps(request: GetSteps, reader: ProofReader) -> Steps:
    steps: list[LightStep] = []
    room = _ROOM_BYTES
    for step in reader.steps_above(request.above_height, request.limit):
        room -= len(encode(step))
        if room < 0:
            break
        steps.append(step)
    return Steps(tuple(steps))


def _headers(request: GetHeaders, reader: ProofReader) -> Headers:
    headers: list[bytes] = []
    room = _ROOM_BYTES
    for height in range(request.from_height, request.from_height + request.limit):
        header = reader.header(Height(height))
        room -= 0 if header is None else len(header) + _FRAME_BYTES
        if header is None or room < 0:
            break
        headers.append(header)
    return Headers(tuple(headers))


def _proofs(request: GetProof | GetReading, reader: ProofReader) -> Proofs:
    with reader.state() as state:
        rows = _rows(request, state)
    certificate = () if state.certificate is None else (state.certificate,)
    proofs = Proofs(state.header, certificate, rows)
    return proofs if len(encode(proofs)) <= SYNC_RESPONSE_BYTES_MAX else Proofs(state.header, certificate, ())


def _rows(request: GetProof | GetReading, state: CertifiedState) -> tuple[ProvenRow, ...]:
    if isinstance(request, GetProof):
        return prove_rows(state.view, state.tree, dict.fromkeys(request.paths))
    view = RecordingView(state.view)
    try:
        touch(request.reading, view)
    except BadProof:
        return ()
    return view.proven(state.tree)
