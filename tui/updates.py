"""Asking once, in a thread, whether there is a newer version; only where the configuration says whom to ask."""

import asyncio
from typing import TYPE_CHECKING

from node.control.errors import BadUpdate
from tui.text import clean

if TYPE_CHECKING:
    from tui.window import Window


async def look_for_update(window: "Window") -> None:
    """Let the status bar name a newer version, if the configured address knows one; an address that fails says so."""
    from node.control.update import check_own  # with it comes a web client

    try:
        found = await asyncio.to_thread(check_own, window.options.update_address)
    except BadUpdate as error:
        window.notify(clean(str(error)), title="No answer about updates", severity="warning", markup=False)
        return
    if found.newer:
        window.update_words = f"▲ {clean(found.latest, 20)}"
