"""Importing blocks as a node does: decode, execute with all checks, one SQLite transaction, the next block upon it.

Twice: with signatures checked on the way (catching up), and with those that gossip has checked already (the head of
the chain). The store is a file, the finalised state is read from it, and 100 000 rows lie beside the active ones.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import nacl.bindings

from benchmarks.chain import Start, Town, trusting
from benchmarks.measure import at_least, best_cpu_s, per_s, show, title
from node.consensus.certificate import Certificate
from node.consensus.events import Finalised
from node.ledger.header import Block, decode_block
from node.ledger.state import LayeredView
from node.ledger.transaction import decode_transaction, signing_digest
from node.ledger.transition import ChainState, Executed, build_block, execute_block
from node.primitives.codec import encode
from node.primitives.crypto import Verifier
from node.primitives.types import SetId, Slot
from node.service.anchor import StoredState, block_row
from node.service.chain import commit_of
from node.service.verifier import RememberingVerifier
from storage import ChainStore, Commit

BLOCKS = 6
TRANSACTIONS = 1_000
PEOPLE = 2_000
COLD_ROWS = 100_000
SHARE_OF_VERIFY = 0.5
PARTS = ("decode", "execute", "commit")


def make_blocks(town: Town, start: Start) -> list[bytes]:
    """A line of full blocks."""
    state, blocks = start.state, []
    for number in range(BLOCKS):
        raws = town.transfers(TRANSACTIONS, number, state, start.state.hash)
        slot = Slot(state.slot + 1)
        draft = build_block(state, slot, town.authority.public, raws, start.state.hash, verify=trusting)
        block, executed = draft.seal(bytes(64))
        if len(block.transactions) != TRANSACTIONS:
            raise RuntimeError("a benchmark transaction was left out of its block")
        blocks.append(encode(block))
        state = executed.state
    return blocks


def final(block: Block, executed: Executed) -> Finalised[Executed]:
    """The block as the engine would report it; the certificate's form is real, its signature is not."""
    state = executed.state
    certificate = Certificate(SetId(0), state.height, 0, state.height, state.hash, b"\x01", (bytes(64),))
    return Finalised((block,), (state.hash,), (executed,), certificate, ())


def import_all(folder: Path, start: Start, raws: Sequence[bytes], how: Verifier) -> dict[str, float]:
    """CPU seconds of the cheapest block, by part."""
    best = dict.fromkeys(PARTS, float("inf"))
    with ChainStore.open(folder / "chain.db") as store:
        genesis = block_row(Block(start.header, ()))
        store.commit(Commit(blocks=(genesis,), finalised=((0, genesis.hash),), state=dict(start.rows.items())))
        base = StoredState(store)
        state = ChainState(start.state.height, start.state.slot, start.state.hash, base, start.state.tree)
        for raw in raws:
            marks = [process_time()]
            block = decode_block(raw)
            marks.append(process_time())
            executed = execute_block(state, block, start.state.hash, verify=how)
            marks.append(process_time())
            commit = commit_of(final(block, executed))
            store.commit(commit)
            base.absorb(executed.changes)
            if isinstance(executed.state.view, LayeredView):
                executed.state.view.rebase(base)
            marks.append(process_time())
            state = executed.state
            for part, begin, end in zip(PARTS, marks, marks[1:], strict=False):
                best[part] = min(best[part], end - begin)
    return best


def pynacl(start: Start, block: bytes) -> float:
    """CPU seconds of PyNaCl's check of one block's signatures."""
    triples = []
    for raw in decode_block(block).transactions:
        transaction = decode_transaction(raw)
        message = signing_digest(start.state.hash, start.state.hash, transaction)
        triples.append((transaction.signature + message, transaction.sender))

    def work() -> None:
        for signed, public in triples:
            nacl.bindings.crypto_sign_open(signed, public)

    return best_cpu_s(work)


def main() -> None:
    """Measure and print."""
    title(f"Block import: {TRANSACTIONS} transfers a block, {PEOPLE} active accounts, {COLD_ROWS} other rows, a file")
    town = Town(PEOPLE)
    start = town.start(COLD_ROWS)
    blocks = make_blocks(town, start)
    verify_s = pynacl(start, blocks[0])
    known = RememberingVerifier()
    runs: dict[str, Verifier] = {"signatures checked now": known, "signatures checked before": known}
    show("PyNaCl verifies the signatures", per_s(TRANSACTIONS, verify_s))
    for name, how in runs.items():
        with tempfile.TemporaryDirectory() as folder:
            parts = import_all(Path(folder), start, blocks, how)
        whole_s = sum(parts.values())
        share = verify_s / whole_s
        against = f"{share:.2f} of PyNaCl" + (f", {at_least(share, SHARE_OF_VERIFY)}" if name.endswith("now") else "")
        show(f"transfers imported, {name}", per_s(TRANSACTIONS, whole_s), against)
        costs = ", ".join(f"{part} {spent / TRANSACTIONS * 1e6:.1f}" for part, spent in parts.items())
        show("  in µs a transfer", "", costs)


if __name__ == "__main__":
    main()
