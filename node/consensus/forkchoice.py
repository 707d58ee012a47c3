"""Which tip is best: a pure function of the tree, so that the order of arrival never matters.

Within the branch of the newest prevote quorum (a block that may be locked), the highest tip; then the lower slot; then
the lower hash. Source: docs/protocol.md, "Fork choice".
"""

from node.consensus.events import S
from node.consensus.tree import BlockTree, Entry
from node.primitives.types import Hash


def rank(entry: Entry[S]) -> tuple[int, int, bytes]:
    """Return the key by which tips are compared; the smallest is best."""
    return (-entry.height, entry.slot, entry.hash)


def best_tip(tree: BlockTree[S], preferred: Hash | None) -> Entry[S]:
    """Return the best tip, among those above `preferred` where that block is in the tree."""
    leaves = tree.leaves()
    favourite = None if preferred is None else tree.get(preferred)
    if favourite is not None:
        leaves = [leaf for leaf in leaves if tree.descends(leaf, favourite)]
    return min(leaves, key=rank)


def worst_leaf(tree: BlockTree[S], keep: Hash, preferred: Hash | None) -> Entry[S] | None:
    """Return the leaf to give up when the tree is full; None when every leaf is the best or the preferred branch."""
    leaves = [leaf for leaf in tree.leaves() if leaf.hash not in (keep, preferred, tree.root.hash)]
    return max(leaves, key=rank, default=None)
