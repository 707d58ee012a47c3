"""A one-line input that takes any paste: line breaks become blanks, control characters go, the length is bounded."""

from textual import events
from textual.widgets import Input

from tui.text import clean


class LineInput(Input):
    """An `Input` for text from anywhere, without a frame of its own."""

    DEFAULT_CSS = """
    LineInput { border: none; height: 1; padding: 0 1; background: $boost; }
    LineInput:focus { border: none; background: $boost; }
    """

    def __init__(self, chars_max: int, *, placeholder: str = "", password: bool = False, id: str | None = None) -> None:
        super().__init__(
            placeholder=placeholder, password=password, id=id, max_length=chars_max, select_on_focus=False, compact=True
        )
        self.cursor_blink = False  # a blinking cursor repaints twice a second for nothing

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        room = (self.max_length or 0) - len(self.value)
        text = clean(" ".join(event.text[: 2 * (self.max_length or 0)].split()))[: max(0, room)]
        if text:
            self.insert_text_at_cursor(text)
