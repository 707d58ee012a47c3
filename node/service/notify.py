"""Telling the service manager how far the node is, where one asks for it (systemd's `NOTIFY_SOCKET`).

One datagram a message; a manager that does not listen is none of the node's trouble. Without the variable nothing is
sent. Never raises.
"""

import contextlib
import os
import socket
from typing import Final

from node.control.schema import NodeState

VARIABLE: Final = "NOTIFY_SOCKET"
_EXTEND_US: Final = 900 * 1_000_000  # a step of the start that takes longer is a start that hangs
_STATUS_CHARS_MAX: Final = 200


def tell_manager(state: NodeState, phase: str) -> None:
    """Say which state the node has entered: ready once it runs, stopping when it begins to stop."""
    address = os.environ.get(VARIABLE, "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    words = " ".join((phase or state).split())[:_STATUS_CHARS_MAX]
    lines = [f"STATUS={words}"]
    if state in ("running", "syncing"):
        lines.append("READY=1")
    elif state == "stopping":
        lines.append("STOPPING=1")
    else:
        lines.append(f"EXTEND_TIMEOUT_USEC={_EXTEND_US}")
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)
        channel.sendto("\n".join(lines).encode(), target)
