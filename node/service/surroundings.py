"""What this process runs inside of, as far as it changes how others get in: a container, or Linux on Windows.

Looks at a few files of the system; decides nothing.
"""

import os
import platform
from functools import cache
from pathlib import Path
from typing import Literal

Surroundings = Literal["plain", "container", "WSL"]

_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))
_WAYS = {
    "plain": "Open the port in the firewall and forward it in the router.",
    "container": "Publish the port when the container is started (docker run -p 4001:4001), then open it in the "
    "firewall and forward it in the router.",
    "WSL": "Windows stands before WSL: turn on mirrored networking (.wslconfig), or forward the port with `netsh "
    "interface portproxy`, then allow it in the Windows firewall.",
}


@cache
def surroundings() -> Surroundings:
    """Return what this process runs inside of; it does not change while it runs."""
    if "microsoft" in platform.release().lower():
        return "WSL"
    if any(path.exists() for path in _CONTAINER_FILES) or os.environ.get("container"):  # noqa: SIM112  # systemd and podman spell it so
        return "container"
    return "plain"


def way_in() -> str:
    """Return what lets others dial this node, here."""
    return _WAYS[surroundings()]
