"""The machine and the process: loop lag, model, gateway, who it is."""

from textual.content import Content

from tui.model import Model
from tui.text import clean, cut, float_of, millis, short, size, spark
from tui.themes import Tone
from tui.widgets.draw import clip, field, rows, say
from tui.widgets.panel import Panel

_LABEL_CELLS = 9
_LAG_GOOD_MS = 20.0  # beyond it libp2p's many small steps begin to wait
_LAG_BAD_MS = 200.0


class HostCard(Panel):
    """Loop lag is the pulse of the daemon: when it grows, everything waits."""

    PARTS = ("status", "models")
    HEADING = "Host"

    def draw(self, model: Model) -> Content:
        lines = _lines(model, self.content_size.width)
        return rows(clip(line, self.content_size.width) for line in lines[: max(1, self.content_size.height)])


def _lines(model: Model, width: int) -> list[Content]:
    status = model.status
    if status is None:
        return [say(("waiting for the node's first status", "dim"))]
    lag_ms = float_of(status.loop_lag_ms)
    sign = _lag_sign(lag_ms)
    bars = spark(list(model.lags), max(0, min(8, width - 22)), _LAG_GOOD_MS)
    gateway = clean(status.gateway_url or "").removeprefix("http://") or "off"
    return [
        field("loop lag", say(millis(lag_ms), sign, ("  " + bars, "dim")), _LABEL_CELLS),
        field("model", _model(model, width - _LABEL_CELLS), _LABEL_CELLS),
        field("gateway", say(gateway), _LABEL_CELLS),
        field("peer id", say((short(status.peer_id, 4, 6), "dim")), _LABEL_CELLS),
        field("process", say(f"{status.pid}", (f"  version {clean(status.version, 20)}", "dim")), _LABEL_CELLS),
    ]


def _model(model: Model, cells: int) -> Content:
    if model.models is None:
        return say(("unknown", "dim"))
    loaded = next((each for each in model.models if each.loaded), None)
    if loaded is not None:
        where = cut(clean(loaded.provider or "loaded"), 10)
        return say(cut(clean(loaded.name), cells - len(where) - 1), (f" {where}", "dim"))
    ready = next((each for each in model.models if each.state == "ready"), None)
    if ready is not None:
        return say(cut(clean(ready.name), cells - 8), (" on disk", "dim"))
    coming = next((each for each in model.models if each.state == "fetching"), None)
    if coming is not None:
        return say(("fetching ", "warn"), clean(coming.name, 40))
    first = next(iter(model.models), None)
    return say(("none: ", "warn"), ("no catalogue" if first is None else f"{size(first.size_bytes)} to fetch", "dim"))


def _lag_sign(lag_ms: float) -> tuple[str, Tone]:
    if lag_ms <= _LAG_GOOD_MS:
        return " ✓", "good"
    return (" ! busy", "warn") if lag_ms <= _LAG_BAD_MS else (" ✖ stuck", "bad")
