"""The application: opens at once, attaches to a running node or offers to start one."""

from pathlib import Path


def run(home: Path, *, theme: str | None = None) -> int:
    """Open the UI on the node of `home`, return the exit status when the window is closed. The node keeps running."""
    raise NotImplementedError
