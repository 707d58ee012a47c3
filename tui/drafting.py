"""From a form that is filled in to a draft: the one way in which the window asks for a preview.

Whoever shows a draft asks for it again when the chain has gone on; nothing here signs or draws.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.control.actions import Draft, Intent
from node.control.errors import ActionRefused, BadAmount
from tui.form_fields import Values
from tui.limits import REQUOTE_BLOCKS
from tui.money_form import Form, is_whole
from tui.port import API_ERRORS, PortError
from tui.text import clean

if TYPE_CHECKING:
    from tui.window import Window

EXPECTED = (*API_ERRORS, PortError, ActionRefused, BadAmount)
"""Every way in which preparing, signing or sending is expected to fail."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a filled form would do as of block `height`; without a draft `problem` says why, or is empty: not whole."""

    height: int
    draft: Draft | None = None
    intent: Intent | None = None
    problem: str = ""

    def is_old(self, height: int) -> bool:
        """Whether the chain has gone on too far for it to be signed."""
        return height - self.height >= REQUOTE_BLOCKS


async def quote(app: "Window", form: Form, values: Values, coldkey: str) -> Quoted:
    """Return the preview of a form; every expected failure becomes its sentence."""
    status = app.model.status
    height = 0 if status is None else status.height
    if not is_whole(form, values):
        return Quoted(height)
    try:
        intent = form.intent(values)
        return Quoted(height, await app.port.prepare(app.api, intent, coldkey), intent)
    except EXPECTED as error:
        return Quoted(height, problem=clean(str(error)))
