"""What can be wrong with a back end before it is used; failures while it answers are those of `models.errors`."""

from typing import ClassVar

from node.primitives.errors import NodeError


class BadBackend(NodeError):
    """The text names no back end, or one that is not installed here."""

    code: ClassVar[str] = "bad_backend"
    remedy: ClassVar[str] = "Use onnx, openai:http://HOST:PORT/v1 (with #MODEL if needed), or ray[:ADDRESS]."
