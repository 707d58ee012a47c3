"""A framed piece of text that redraws the lines that have changed, and looks for them only when its model has."""

from typing import ClassVar

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from tui.model import Model, Part


class Panel(Widget):
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
        super().__init__(id=id, classes=classes, markup=False)
        self._painted: tuple[int, ...] = ()
        self.content = Content("")
        self._model: Model | None = None
        self.border_title = Content(self.HEADING)  # content, so that nothing in it is read as markup

    def paint(self, model: Model) -> None:
        """Show the model, if anything of it changed."""
        self._model = model
        key = (*model.key(self.PARTS), self.content_size.width, self.content_size.height)
        if key != self._painted and self.content_size.width > 0:
            self._painted = key
            self._show(self.draw(model))

    def _show(self, content: Content) -> None:
        """Draw what differs; a line of the content is one of the screen, or all is drawn anew."""
        before, after = (each.split(allow_blank=True) for each in (self.content, content))
        self.content = content
        if len(before) != len(after) or self.styles.text_wrap != "nowrap":
            self.refresh()
            return
        width = self.content_size.width
        pairs = enumerate(zip(before, after, strict=True))
        changed = [Region(0, y, width, 1) for y, (old, new) in pairs if not _same(old, new)]
        if changed:
            self.refresh(*changed)

    def render(self) -> Content:
        return self.content

    def draw(self, model: Model) -> Content:
        """Return what to show in `self.content_size` columns and rows."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        if self._model is not None:
            self.paint(self._model)


def _same(one: Content, other: Content) -> bool:
    """Whether two lines look the same; the library's `==` compares letters alone."""
    return one.plain == other.plain and one.spans == other.spans
