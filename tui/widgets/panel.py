"""A framed piece of text that redraws itself only when the parts of the model it shows have changed."""

from typing import ClassVar

from textual import events
from textual.content import Content
from textual.widgets import Static

from tui.model import Model, Part


class Panel(Static):
    """Base of the cards: name the `PARTS`, give `draw`."""

    PARTS: ClassVar[tuple[Part, ...]] = ()
    HEADING: ClassVar[str] = ""
    DEFAULT_CSS = """
    Panel {
        border: round $frame;
        border-title-color: $text-accent;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        padding: 0 1;
        width: 1fr;
        height: 1fr;
        overflow: hidden;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._painted: tuple[int, ...] = ()
        self._model: Model | None = None
        self.border_title = Content(self.HEADING)  # content, so that nothing in it is read as markup

    def paint(self, model: Model) -> None:
        """Show the model, if anything of it changed."""
        self._model = model
        key = (*model.key(self.PARTS), self.content_size.width, self.content_size.height)
        if key != self._painted and self.content_size.width > 0:
            self._painted = key
            self.update(self.draw(model), layout=False)

    def draw(self, model: Model) -> Content:
        """Return what to show in `self.content_size` columns and rows."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        if self._model is not None:
            self.paint(self._model)
