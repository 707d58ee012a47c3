"""The port of a window that only watches: its connection asks for the scope "read", and the node refuses the rest."""

from pathlib import Path

from node.control.client_async import AsyncClient
from tui.local import LocalPort


class ReadingPort(LocalPort):
    """Everything as on this machine, but no call that changes anything."""

    def client(self, home: Path) -> AsyncClient:
        return AsyncClient(home, "neurond-tui", scope="read")
