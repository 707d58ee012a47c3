"""Importing blocks as a node does: decode, execute with all checks, commit to SQLite, the next block upon it.

Three ways: catching up (signatures checked now, a stretch of blocks in one transaction, as certificates come), block by
block with signatures checked now, and at the head of the chain, where gossip has checked them before. The store is a
file, the finalised state is read from it, and 100 000 rows lie beside the active ones. A turn imports the whole line of
blocks, so that what SQLite does now and then (checkpoints) is in the figure.
"""

import gc
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import nacl.bindings

from benchmarks.chain import Start, Town, trusting
from benchmarks.measure import at_least, best_cpu_s, per_s, show, title
from node.consensus.certificate import Certificate
from node.consensus.events import Finalised
from node.ledger.header import Block, decode_block, header_hash
from node.ledger.state import LayeredView
from node.ledger.transaction import decode_transaction, signing_digest
from node.ledger.transition import ChainState, Executed, build_block, execute_block
from node.primitives.codec import encode
from node.primitives.crypto import Verifier
from node.primitives.types import Hash, SetId, Slot
from node.service.anchor import StoredState, block_row
from node.service.chain import commit_of
from node.service.verifier import RememberingVerifier
from storage import ChainStore, Commit

BLOCKS = 20
STRETCH = 10  # an answer to a node that catches up holds 4 MiB: up to 27 such blocks
TURNS = 4
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
        draft = build_block(state, slot, town.authority.public, raws, start.state.hash, verify=trusting, enact=True)
        block, executed = draft.seal(bytes(64))
        if len(block.transactions) != TRANSACTIONS:
            raise RuntimeError("a benchmark transaction was left out of its block")
        blocks.append(encode(block))
        state = executed.state
    return blocks


@dataclass(frozen=True)
class Way:
    """One way to import: with this memory of signatures, so many blocks to a commit."""

    how: Verifier
    stretch: int


def final(done: Sequence[tuple[Block, Executed]]) -> Finalised[Executed]:
    """The blocks as the engine would report them; the certificate's form is real, its signature is not."""
    blocks, states = zip(*done, strict=True)
    tip = states[-1].state
    certificate = Certificate(SetId(0), tip.height, 0, tip.height, tip.hash, b"\x01", (bytes(64),))
    return Finalised(blocks, tuple(each.state.hash for each in states), states, certificate, ())


def import_all(start: Start, raws: Sequence[bytes], way: Way) -> dict[str, float]:
    """CPU seconds of importing all blocks into a new store, by part."""
    spent = dict.fromkeys(PARTS, 0.0)
    with tempfile.TemporaryDirectory() as folder, ChainStore.open(Path(folder) / "chain.db") as store:
        genesis = block_row(Block(start.header, ()))
        store.commit(Commit(blocks=(genesis,), finalised=((0, genesis.hash),), state=dict(start.rows.items())))
        base = StoredState(store)
        state = ChainState(start.state.height, start.state.slot, start.state.hash, base, start.state.tree)
        waiting: list[tuple[Block, Executed]] = []
        gc.collect()
        for raw in raws:
            marks = [process_time()]
            block = decode_block(raw)
            marks.append(process_time())
            executed = execute_block(state, block, start.state.hash, verify=way.how)
            marks.append(process_time())
            waiting.append((block, executed))
            if len(waiting) == way.stretch:
                commit = commit_of(final(waiting))
                store.commit(commit)
                base.absorb({Hash(path): value for path, value in commit.state.items()})
                if isinstance(executed.state.view, LayeredView):
                    executed.state.view.rebase(base)
                waiting.clear()
            marks.append(process_time())
            state = executed.state
            for part, begin, end in zip(PARTS, marks, marks[1:], strict=False):
                spent[part] += end - begin
    return spent


def pynacl(start: Start, raws: Sequence[bytes]) -> Callable[[], None]:
    """PyNaCl's own check of all blocks' signatures, and nothing else."""
    triples: list[tuple[bytes, bytes]] = []
    births: dict[int, Hash] = {start.state.height: start.state.hash}
    for raw in raws:
        block = decode_block(raw)
        births[block.header.height] = header_hash(block.header)
        for each in block.transactions:
            transaction = decode_transaction(each)
            message = signing_digest(start.state.hash, births[transaction.era.birth_height], transaction)
            triples.append((transaction.signature + message, transaction.sender))

    def work() -> None:
        for signed, public in triples:
            nacl.bindings.crypto_sign_open(signed, public)

    return work


def main() -> None:
    """Measure and print."""
    title(f"Block import: {TRANSACTIONS} transfers a block, {PEOPLE} active accounts, {COLD_ROWS} other rows, a file")
    town = Town(PEOPLE)
    start = town.start(COLD_ROWS)
    blocks = make_blocks(town, start)
    verifying = pynacl(start, blocks)
    verify_s = float("inf")
    best: dict[str, dict[str, float]] = {}
    for _ in range(TURNS):  # the rivals in turn, so that all meet the same moods of the machine
        verify_s = min(verify_s, best_cpu_s(verifying, turns=1))
        known = RememberingVerifier(2 * BLOCKS * TRANSACTIONS)
        ways = {
            f"signatures now, {STRETCH} blocks a commit": Way(known, STRETCH),
            "signatures now, one block a commit": Way(RememberingVerifier(), 1),
            "signatures before, one block a commit": Way(known, 1),
        }
        for name, way in ways.items():
            parts = import_all(start, blocks, way)
            best[name] = min(best.get(name, parts), parts, key=lambda spent: sum(spent.values()))
    show("PyNaCl verifies the signatures", per_s(BLOCKS * TRANSACTIONS, verify_s))
    for name, parts in best.items():
        whole_s = sum(parts.values())
        share = verify_s / whole_s
        against = f"{share:.2f} of PyNaCl" + (f", {at_least(share, SHARE_OF_VERIFY)}" if "now" in name else "")
        show(f"transfers, {name}", per_s(BLOCKS * TRANSACTIONS, whole_s), against)
        costs = ", ".join(f"{part} {spent / BLOCKS / TRANSACTIONS * 1e6:.1f}" for part, spent in parts.items())
        show("  in µs a transfer", "", costs)


if __name__ == "__main__":
    main()
