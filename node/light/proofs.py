"""Rows of the state with their proofs: made by a full node for a reading, checked and read again by a light client.

A reading runs the same query on both sides: on the full node over a view that notes every row it looks at, on the light
client over the proven rows alone. So whatever the query answers there follows from the certified state root, and a row
that was left out is noticed and never taken for an absent one.
"""

from collections.abc import Iterable

from node.ledger import merkle
from node.ledger.merkle import Proof
from node.ledger.state import StateView
from node.light.errors import BadProof
from node.light.limits import PROOF_ROWS_MAX
from node.primitives.codec import Wire
from node.primitives.errors import DecodeError
from node.primitives.limits import MERKLE_DEPTH_MAX, STATE_VALUE_BYTES_MAX
from node.primitives.types import HASH_BYTES, Hash


class ProvenRow(Wire, frozen=True):
    """What is under a path: one value, or none at all; and why."""

    path: Hash
    value: tuple[bytes, ...]
    proof: Proof


class RecordingView:
    """A state that notes the path of every row asked for, in the order of the first question."""

    def __init__(self, view: StateView) -> None:
        self._view = view
        self._rows: dict[Hash, bytes | None] = {}

    def get(self, path: Hash) -> bytes | None:
        """Return the row at `path` and remember that it was asked for. Raises BadProof beyond PROOF_ROWS_MAX rows."""
        if path not in self._rows:
            if len(self._rows) >= PROOF_ROWS_MAX:
                raise BadProof(f"This question needs more than {PROOF_ROWS_MAX} rows of the state.")
            self._rows[path] = self._view.get(path)
        return self._rows[path]

    def proven(self, tree: merkle.Node) -> tuple[ProvenRow, ...]:
        """Return every row that was asked for with its proof in `tree`."""
        return tuple(_row(path, value, tree) for path, value in self._rows.items())


class ProvenView:
    """The proven rows of one state; asking for any other row raises BadProof."""

    def __init__(self, rows: Iterable[ProvenRow]) -> None:
        self._rows = {row.path: row.value[0] if row.value else None for row in rows}

    def get(self, path: Hash) -> bytes | None:
        """Return the row at `path`, None where it is proven that there is none. Raises BadProof."""
        if path not in self._rows:
            raise BadProof("The answer leaves out a row of the state that the question needs.")
        return self._rows[path]


def prove_rows(view: StateView, tree: merkle.Node, paths: Iterable[Hash]) -> tuple[ProvenRow, ...]:
    """Return the rows at `paths`, present or absent, with their proofs; `view` and `tree` must be of one state."""
    return tuple(_row(path, view.get(path), tree) for path in paths)


def check_proof_shape(proof: Proof) -> None:
    """Refuse a proof that is malformed on its own (DecodeError)."""
    if len(proof.levels) > HASH_BYTES or len(proof.siblings) > MERKLE_DEPTH_MAX or len(proof.other) not in (0, 2):
        raise DecodeError("A proof of this message is deeper than the tree, or has half a leaf.")
    if any(len(part) != HASH_BYTES for part in (*proof.siblings, *proof.other)):
        raise DecodeError("A hash of this proof has the wrong length.")


def check_row_shape(row: ProvenRow) -> None:
    """Refuse a row that is malformed on its own (DecodeError)."""
    if len(row.path) != HASH_BYTES or len(row.value) > 1:
        raise DecodeError("A proven row has a path of 32 bytes and at most one value.")
    if any(len(value) > STATE_VALUE_BYTES_MAX for value in row.value):
        raise DecodeError("A proven row is larger than a value of the state may be.")
    check_proof_shape(row.proof)


def check_rows(state_root: Hash, rows: Iterable[ProvenRow]) -> ProvenView:
    """Return the view over `rows`, every one of them proven under `state_root`. Raises BadProof."""
    checked = tuple(rows)
    for row in checked:
        if not merkle.verify_proof(state_root, row.path, row.value[0] if row.value else None, row.proof):
            raise BadProof(f"The row {row.path.hex()} is not shown to be part of the certified state.")
    return ProvenView(checked)


def _row(path: Hash, value: bytes | None, tree: merkle.Node) -> ProvenRow:
    return ProvenRow(path, () if value is None else (value,), merkle.prove(tree, path))
