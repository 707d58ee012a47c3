"""Leaf errors of syncing: why an answer or a file is refused.

NodeError
├── BadSnapshot         a manifest or chunk that is not what its root commits to
└── BadSpan             headers or blocks that are not those between two certified blocks
"""

from node.primitives.errors import NodeError


class BadSnapshot(NodeError):
    """A manifest or chunk of a snapshot that is not what its root commits to."""

    code = "sync_bad_snapshot"
    remedy = "Nothing of it was taken. Ask another node, or use another file."


class BadSpan(NodeError):
    """Headers or blocks that are not those between two certified blocks."""

    code = "sync_bad_span"
    remedy = "Nothing is to be done: what was sent is dropped, its sender loses standing, and another peer is asked."
