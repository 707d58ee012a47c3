"""A box that says yes or no, so that nobody has to know what its cross means."""

from textual.widgets import Checkbox


class Tick(Checkbox):
    """See the module."""

    def __init__(self, value: bool, *, id: str) -> None:
        super().__init__("yes" if value else "no", value, compact=True, id=id)

    def watch_value(self) -> None:
        self.label = "yes" if self.value else "no"
        super().watch_value()
