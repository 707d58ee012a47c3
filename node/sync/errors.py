"""Leaf errors of syncing: why an answer or a file is refused.

NodeError
└── BadSnapshot         a manifest or chunk that is not what its root commits to
"""

from node.primitives.errors import NodeError


class BadSnapshot(NodeError):
    """A manifest or chunk of a snapshot that is not what its root commits to."""

    code = "sync_bad_snapshot"
    remedy = "Nothing of it was taken. Ask another node, or use another file."
