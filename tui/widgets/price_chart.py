"""A pane with a subnet's candles: it asks for what it shows, keeps it current, fetches older ones when panned."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from node.control.schema import INTERVAL_S, INTERVALS, Candle, Interval, PriceHistory
from tui.limits import CANDLES_ASKED, CANDLES_KEPT_MAX, CHAIN_INTERVAL_S
from tui.looks import Looks
from tui.port import API_ERRORS
from tui.text import clean
from tui.widgets.candles import Candles, summary
from tui.widgets.draw import say
from tui.work import begin

if TYPE_CHECKING:
    from tui.app import NeurondApp

_NOTHING: Final = "This node has seen no final block of this subnet yet."


class PriceChart(Vertical):
    """Candles of one subnet at a time; `i` changes their length, the arrows and +/- pan and zoom."""

    HELP: ClassVar[str] = (
        "The price of a subnet's α as this node followed it, τ for 1 α. i changes the length of a candle, "
        "left and right pan, + and - zoom."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("i", "interval(1)", "Interval"), Binding("I", "interval(-1)", "")]
    DEFAULT_CSS = "PriceChart { height: 1fr; width: 1fr; }"

    def __init__(self, *, interval: Interval = "15m", id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.interval: Interval = interval
        self.netuid: int | None = None
        self._older: tuple[Candle, ...] = ()
        self._latest: tuple[Candle, ...] = ()
        self._is_complete = False
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        app = cast("NeurondApp", self.app)
        yield Candles("…", utc_offset_s=app.utc_offset_s, id="candles")

    @property
    def candles(self) -> Candles:
        """The drawing itself."""
        return self.query_one(Candles)

    def paint(self, looks: Looks, netuid: int | None, name: str = "") -> None:
        """Show a subnet, asking for its newest candles when those here are old; None or root: nothing to show."""
        if netuid != self.netuid:
            self.netuid = netuid
            self._forget()
        if not netuid:
            self._show((), "Root has no price: 1 τ of stake is 1 τ." if netuid == 0 else "Choose a subnet.", name)
            return
        look = looks.of(f"prices {netuid} {self.interval}", self._read, CHAIN_INTERVAL_S)
        found = look.value
        if found is not None and (found.netuid, found.interval) == (netuid, self.interval):
            self._take(found.candles)
            self._is_complete = self._is_complete or len(found.candles) < CANDLES_ASKED
        self._show((*self._older, *self._latest), look.trouble or ("…" if look.waiting else _NOTHING), name)

    async def _read(self) -> PriceHistory:
        app = cast("NeurondApp", self.app)
        return await app.api.prices(self.netuid or 0, self.interval, CANDLES_ASKED)

    def _take(self, candles: tuple[Candle, ...]) -> None:
        """Keep what has slid out of the newest page, so that a chart that was panned stands still."""
        if candles and self._latest and candles[0].start_ms > self._latest[0].start_ms:
            slid = tuple(each for each in self._latest if each.start_ms < candles[0].start_ms)
            self._older = (*self._older, *slid)[-CANDLES_KEPT_MAX:]
        self._latest = candles

    def _show(self, candles: tuple[Candle, ...], waiting: str, name: str) -> None:
        key = (candles, waiting, name, self.interval, self.candles.place)
        if key == self._drawn:
            return
        self._drawn = key
        self.candles.show(candles, INTERVAL_S[self.interval] * 1000, waiting)
        words = [f"[{each}]" if each == self.interval else each for each in INTERVALS]
        self.border_title = Content(f"{name} · {' '.join(words)}" if name else " ".join(words))
        seen = self.candles.seen
        self.border_subtitle = summary(seen[-1] if seen else None, seen[0].open_rao if seen else 0)

    def _forget(self) -> None:
        self._older, self._latest, self._is_complete, self._drawn = (), (), False, ()

    def action_interval(self, step: int) -> None:
        """Show longer candles, or with a negative step shorter ones."""
        self.interval = INTERVALS[(INTERVALS.index(self.interval) + step) % len(INTERVALS)]
        self._forget()

    def on_candles_moved(self, event: Candles.Moved) -> None:
        event.stop()
        self._drawn = ()
        first = (*self._older, *self._latest)[:1]
        if event.at_start and first and not self._is_complete:
            begin(self, partial(self._fetch_older, first[0].start_ms), "older")

    async def _fetch_older(self, before_ms: int) -> None:
        app, netuid, interval = cast("NeurondApp", self.app), self.netuid, self.interval
        try:
            found = await app.api.prices(netuid or 0, interval, CANDLES_ASKED, before_ms)
        except API_ERRORS as error:
            app.notify(clean(str(error)), title="No older prices", severity="warning", markup=False)
            return
        if (self.netuid, self.interval) != (netuid, interval):
            return
        room = CANDLES_KEPT_MAX - len(self._older)
        self._older = (*found.candles[-room:], *self._older) if room > 0 else self._older
        self._is_complete = len(found.candles) < CANDLES_ASKED or room <= CANDLES_ASKED
        self._drawn = ()

    def words(self) -> Content:
        """What a person would say of the chart."""
        return say((f"{self.interval} candles", "dim"))
