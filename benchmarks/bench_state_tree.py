"""The state's Merkle tree: built from rows as at a start, updated by a block, proofs.

Keys are random, so a block's changes are spread over the whole tree: the worst case of the structure. The targets are
meant for a million keys, which takes a minute: give 1000000 as argument.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path

from benchmarks.chain import COLD_VALUE, cold_rows
from benchmarks.measure import at_least, at_most, best_cpu_s, per_s, rivals_cpu_s, show, title
from node.ledger import merkle
from node.primitives.codec import encode
from node.primitives.types import Hash
from storage import BlockRow, ChainStore, Commit

KEYS = 200_000
BATCHES = (1, 1_000, 10_000)
UPDATES = 10_000
PROOFS = 2_000
UPDATES_PER_S = 20_000
BOOT_S = 10.0
PROOF_BYTES = 1_024


def stored(folder: Path, rows: Mapping[Hash, bytes]) -> ChainStore:
    """A chain database that holds these rows as its state."""
    store = ChainStore.open(folder / "chain.db")
    block = BlockRow(bytes(32), bytes(32), 0, 0, b"", b"")
    store.commit(Commit(blocks=(block,), finalised=((0, block.hash),), state=dict(rows.items())))
    return store


def updating(tree: merkle.Node, paths: list[Hash], batch: int) -> Callable[[], None]:
    """`UPDATES` new values in batches, each a block's changes."""
    groups = [dict.fromkeys(paths[at : at + batch], b"new") for at in range(0, UPDATES, batch)]

    def work() -> None:
        current = tree
        for group in groups:
            current = merkle.update(current, group)

    return work


def hashing() -> None:
    """The bare hash of an inner node, 100 000 times."""
    data = bytes(65)
    for _ in range(100_000):
        blake2b(data, digest_size=32, person=b"merkle").digest()


def proving(tree: merkle.Node, paths: list[Hash]) -> Callable[[], None]:
    """Prove and verify a row."""
    root = merkle.root_hash(tree)

    def work() -> None:
        for path in paths[:PROOFS]:
            if not merkle.verify_proof(root, path, COLD_VALUE, merkle.prove(tree, path)):
                raise RuntimeError("a proof of a row does not hold")

    return work


def weighed(tree: merkle.Node) -> tuple[int, int]:
    """Rows of the tree, and the bytes of all its objects as Python counts them (the allocator adds a few per cent)."""
    rows = total = 0
    below = [tree]
    while below:
        node = below.pop()
        if node is None:
            continue
        total += sys.getsizeof(node) + sys.getsizeof(node.hash)
        if isinstance(node, merkle.Leaf):
            rows += 1
            total += sys.getsizeof(node.path) + sys.getsizeof(node.value_hash)
        else:
            below += (node.left, node.right)
    return rows, total


def main() -> None:
    """Measure and print; a number as argument is the number of keys."""
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    title(f"State tree: {keys} keys")
    rows = dict(sorted(cold_rows(keys).items()))
    paths = random.Random(2).sample(list(rows), UPDATES)
    with tempfile.TemporaryDirectory() as folder:
        store = stored(Path(folder), rows)
        del rows
        trees: list[merkle.Node] = []
        boot_s = best_cpu_s(
            lambda: trees.append(merkle.build((Hash(path), value) for path, value in store.state_rows())), turns=1
        )
        store.close()
    tree = trees[0]
    show("built from the rows in SQLite, as at every start", f"{boot_s:.1f} s", at_most(boot_s, BOOT_S, " s"))
    held, size_bytes = weighed(tree)
    show("memory of the tree", f"{size_bytes / 1e6:.0f} MB", f"{size_bytes / held:.0f} bytes a key")
    rivals = {f"{batch}": updating(tree, paths, batch) for batch in BATCHES}
    cpu_s = rivals_cpu_s({**rivals, "proofs": proving(tree, paths), "hash": hashing}, turns=3)
    hashes_per_s = 100_000 / cpu_s["hash"]
    for batch in BATCHES:
        spent = cpu_s[f"{batch}"]
        show(f"keys updated, {batch} a block", per_s(UPDATES, spent), at_least(UPDATES / spent, UPDATES_PER_S, " /s"))
    show("bare hashes of an inner node", per_s(100_000, cpu_s["hash"]),
         f"one update costs {hashes_per_s * cpu_s['1'] / UPDATES:.0f} of them")  # fmt: skip
    sizes = sorted(len(encode(merkle.prove(tree, path))) for path in paths[:PROOFS])
    show("proof, median", f"{sizes[PROOFS // 2]} bytes")
    show("proof, largest", f"{sizes[-1]} bytes", at_most(sizes[-1], PROOF_BYTES, " bytes"))
    show("proofs made and verified", per_s(PROOFS, cpu_s["proofs"]))


if __name__ == "__main__":
    main()
