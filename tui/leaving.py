"""Tells a defect from the last words of a screen that is being taken away.

A worker, a timer or a message may still reach a dialog whose widgets have gone: `esc` pressed while its preview is
asked for is enough. Textual ends the whole window then; here that failure counts for nothing. What goes wrong on a
screen that stays is a defect and must never be hidden here.
"""

from typing import Any

from textual._context import active_message_pump
from textual.app import App
from textual.css.query import NoMatches
from textual.dom import DOMNode, NoScreen
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import NoActiveWorker, WorkerFailed, get_current_worker


def is_last_word(app: App[Any], error: Exception) -> bool:
    """Return whether `error` is only that a screen or widget that is going found its parts gone."""
    cause = error.error if isinstance(error, WorkerFailed) else error
    return isinstance(cause, NoMatches | NoScreen) and _is_leaving(app, _speaker())


def _speaker() -> MessagePump | None:
    """Return whose work or message failed."""
    try:
        return get_current_worker().node
    except NoActiveWorker:
        return active_message_pump.get(None)


def _is_leaving(app: App[Any], node: MessagePump | None) -> bool:
    if not isinstance(node, DOMNode) or node is app:
        return False
    line = node.ancestors_with_self
    if any(each._pruning or each._closing or each._closed for each in line if each is not app):
        return True
    screen = next((each for each in line if isinstance(each, Screen)), None)
    return screen is None or not (screen in app.screen_stack or app.is_screen_installed(screen))
