"""Telling the desktop: one call of `notify-send`, where it is wanted and there. A failure is no news to anybody."""

import asyncio
import shutil
from contextlib import suppress
from typing import Final

from tui.text import clean

_PROGRAM: Final = "notify-send"
_TIMEOUT_S: Final = 5.0  # a desktop that hangs must not keep processes


async def tell_desktop(title: str, words: str) -> None:
    """Show a notification; does nothing on a machine without `notify-send`."""
    program = shutil.which(_PROGRAM)
    if program is None:
        return
    with suppress(OSError):
        process = await asyncio.create_subprocess_exec(
            program, "--app-name=neurond", "--", clean(title, 100), clean(words, 400),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await asyncio.wait_for(process.wait(), _TIMEOUT_S)
        except TimeoutError:
            process.kill()
