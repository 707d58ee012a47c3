"""Screen 4: all seats of the subnet, what they do and what they get."""

from textual.content import Content

from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import SEAT_COLUMNS, does, seat_rows
from tui.text import alpha, clean, count, cut, plural, tau, u16
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row


class MetagraphScreen(TableScreen):
    """Seats by incentive; this node's own is pinned with a star."""

    NAME = "metagraph"
    COMMAND = "metagraph"
    HEADING = "Metagraph"
    HELP = "The seats of the subnet. Incentive pays miners, dividends pay validators; ★ marks this node's own seat."
    PARTS = ("metagraph", "status", "subnets")

    def table(self) -> LiveTable:
        return LiveTable(SEAT_COLUMNS, "Nobody has registered on this subnet yet.", sort=3, descending=True)

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.metagraph is None else seat_rows(model.metagraph, model.status)

    def words(self, model: Model) -> Content:
        mine, found = model.subnet(), model.metagraph
        if found is None:
            return Content("")
        name = f" {cut(clean(mine.name), 24)}" if mine else ""
        seats = plural(len(found.neurons), "seat")
        return Content(f"subnet {found.netuid}{name} · {seats} · block {count(found.height)}")

    def detail(self, model: Model, key: str) -> Content:
        neurons = model.metagraph.neurons if model.metagraph else ()
        seat = next((each for each in neurons if (clean(each.hotkey) or str(each.uid)) == key), None)
        if seat is None:
            return say(("This seat has gone.", "dim"))
        mine = model.status is not None and model.status.hotkey == seat.hotkey
        return rows(
            [
                say((f"uid {seat.uid} ", "strong"), does(seat), ("  ★ this node", "accent") if mine else ""),
                say(""),
                field("incentive", say(u16(seat.incentive_u16))),
                field("dividends", say(u16(seat.dividends_u16))),
                field("consensus", say(u16(seat.consensus_u16))),
                field("trust", say(u16(seat.validator_trust_u16))),
                field("last epoch", say((alpha(seat.emission_alpha, sign=True), "accent"))),
                field("stake", say(tau(seat.stake_rao), (f"  {alpha(seat.stake_alpha)}", "dim"))),
                field("updated", say(f"block {count(seat.last_update)}")),
                field("registered", say(f"block {count(seat.registered_at)}")),
                say(""),
                say(("hotkey", "dim")),
                say(clean(seat.hotkey, 80)),
                say(("coldkey", "dim")),
                say(clean(seat.coldkey, 80)),
                say(("peer", "dim")),
                say(clean(seat.peer_id, 80) or "–"),
                *(say((clean(address, 200), "dim")) for address in seat.addresses[:4]),
            ]
        )
