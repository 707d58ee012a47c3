"""The page of Chutes: the catalogue beside a card, trying a chute out, and what an owner may do with its own.

Calls are paid for by the miner's offer from the node's hotkey, as everywhere; nothing here signs anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Final

from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.content import Content

from node.control.amounts import parse_price
from node.control.chute_inputs import (
    CALL_FILE_BYTES_MAX,
    ChutePort,
    Want,
    content_input,
    noise_input,
    picture_input,
    texts_input,
    want_of,
)
from node.control.errors import BadAmount
from tui import chutes
from tui.chute_door import ChuteDoor
from tui.chutes import Answer, Card, Chute
from tui.limits import ANSWERS_KEPT, CHUTE_TEXT_CHARS_MAX, FIELD_CHARS_MAX, LOOK_AGE_S, PATH_CHARS_MAX
from tui.looks import Look
from tui.model import Model
from tui.port import API_ERRORS, PortError
from tui.screens.prompt import Confirm, Prompt
from tui.screens.tabled import TableScreen
from tui.text import clean, plural, short, tau
from tui.widgets.draw import rows, say
from tui.widgets.live_table import LiveTable, Row
from tui.work import begin

_ASKED: Final[dict[Want, tuple[str, str]]] = {
    "texts": ("A text for it:", "a cat"),
    "picture": ("A PNG file of this machine:", "pictures/cat.png"),
    "content": ("A file of this machine, read as it is:", "reports/2026.pdf"),
    "seed": ("A seed for its noise, a whole number:", "7"),
}
_SEED_MAX: Final = 2**63 - 1
_CONTENT_BYTES_MAX: Final = 64 << 20  # of a file of which a chute may look at the ends alone


class ChutesScreen(TableScreen):
    """See the module."""

    NAME = "subnets"
    COMMAND = "chutes list"
    HEADING = "Chutes"
    HELP = (
        "Models on call. c tries the chosen one out on a text, a picture, a file or a seed: a miner runs it, and is "
        "paid by its offer. W has one loaded ahead. p and X are for chutes of this node's own."
    )
    PARTS = ("status", "second")
    CHANGES = frozenset({"call", "warm", "price", "retire"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "call", "Call", tooltip="Have a miner run it; what the miner asks for is paid"),
        Binding("W", "warm", "Warm", tooltip="Have a miner load it ahead"),
        Binding("v", "save", "Save picture", show=False, tooltip="Save the picture of the last answer"),
        Binding("p", "price", "Price", show=False, tooltip="Recommend another price for a chute of your own"),
        Binding("X", "retire", "Retire", show=False, tooltip="Withdraw a chute of your own; asks first"),
        Binding("backspace", "back", "Back", tooltip="Back to the market"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[str, Answer | str] = {}  # by chute: the last answer, or why there is none

    def table(self) -> LiveTable:
        return LiveTable(chutes.COLUMNS, "Asking the node for chutes …", sort=0)

    @property
    def door(self) -> ChuteDoor:
        """The door of the node that is attached now."""
        return ChuteDoor(self.node_app.api)

    @property
    def look(self) -> Look[list[Chute]]:
        """The catalogue, as the node said last."""
        return self.looks.of("chutes", self.door.all, LOOK_AGE_S)

    def paint_body(self, model: Model) -> None:
        super().paint_body(model)
        if not self.look.value:
            none = "There are no chutes yet. Deploy one: neurond chutes deploy chute.json"
            waiting = "Asking the node for chutes …" if self.look.value is None else none
            self.query_one(LiveTable).show((), self.look.trouble or waiting)

    def rows(self, model: Model) -> list[Row] | None:
        own = "" if model.status is None else model.status.hotkey or ""
        return None if self.look.value is None else chutes.catalogue_rows(self.look.value, own)

    def words(self, model: Model) -> Content:
        found = self.look.value or []
        warm = sum(each.instances > 0 for each in found)
        return Content(f"{plural(len(found), 'chute')} · {warm} warm" if found else "")

    def detail(self, model: Model, key: str) -> Content:
        card = self._card(key)
        if card.value is None:
            return say((card.trouble or "asking …", "warn" if card.trouble else "dim"))
        seen = self.looks.of(f"seen {key}", partial(self.door.seen, key), LOOK_AGE_S).value
        return rows([*self._answer(key), *chutes.card_lines(card.value, seen)])

    def _card(self, key: str) -> Look[Card]:
        return self.looks.of(f"card {key}", partial(self.door.card, key), LOOK_AGE_S)

    def _answer(self, key: str) -> list[Content]:
        answer = self._answers.get(key)
        if answer is None:
            return []
        said = [say((answer, "dim"))] if isinstance(answer, str) else chutes.answer_lines(answer)
        return [say(("answer", "strong")), *said, say("")]

    def _chosen(self) -> Card | None:
        """The card of the chosen chute; says so when it is not here yet."""
        key = self.chosen_key
        card = None if key is None else self._card(key).value
        if card is None:
            self.notify("No chute is chosen, or the node has not told of it yet.", severity="warning", timeout=3)
        return card

    def _keep(self, key: str, answer: Answer | str) -> None:
        self._answers.pop(key, None)
        self._answers[key] = answer
        while len(self._answers) > ANSWERS_KEPT:
            del self._answers[next(iter(self._answers))]
        self.paint_again()

    # --- trying one out -----------------------------------------------------------------------------------------

    def action_call(self) -> None:
        card = self._chosen()
        if card is None:
            return
        refusal = chutes.why_not_called(card)
        if refusal:
            self.notify(refusal, title="Not from here", severity="warning", timeout=8, markup=False)
            return
        port = card.chute.inputs[0]
        words, hint = _ASKED[want_of(port)]
        price = f"{tau(card.info.price_rao)} for a million units is recommended; the miner's own offer is what is paid."
        prompt = Prompt(
            f"Call {clean(card.info.name, 60)}", rows([say((price, "dim")), say(""), say(words)]),
            chars_max=max(CHUTE_TEXT_CHARS_MAX, PATH_CHARS_MAX), hint=hint, check=partial(_fault, port),
        )  # fmt: skip

        def answered(text: str | None) -> None:
            if text is not None:
                begin(self, partial(self._called, card.info.id, port, text), f"call {card.info.id}")

        self.app.push_screen(prompt, answered)

    async def _called(self, key: str, port: ChutePort, text: str) -> None:
        self._keep(key, "a miner runs it …")
        try:
            self._keep(key, await self.door.call(key, await self._given(port, text)))
        except (*API_ERRORS, PortError) as error:
            self._keep(key, f"no answer: {clean(str(error), 300)}")
        for stale in (f"card {key}", f"seen {key}", "chutes"):
            self.looks.forget(stale)

    async def _given(self, port: ChutePort, text: str) -> dict[str, Any]:
        """The input that was typed, with the content of a file that was named. Raises PortError."""
        want = want_of(port)
        if want == "texts":
            return texts_input(port, [text])
        if want == "seed":
            return noise_input(port, int(text))
        app = self.node_app
        most = CALL_FILE_BYTES_MAX if want == "picture" else _CONTENT_BYTES_MAX
        content = await asyncio.to_thread(app.port.at_desk, app.attached_home, lambda desk: desk.load(text, most))
        given = picture_input(port, content) if want == "picture" else content_input(port, content)
        if len(given.get("base64", "")) * 3 // 4 > CALL_FILE_BYTES_MAX:
            raise PortError("The file does not fit into one call.", "Upload it first; see docs/chutes.md.")
        return given

    def action_save(self) -> None:
        answer = self._answers.get(self.chosen_key or "")
        picture = answer.picture() if isinstance(answer, Answer) else None
        if picture is None:
            self.notify("The last answer of this chute has no picture.", severity="warning", timeout=3)
            return
        prompt = Prompt("Save picture", say("A new PNG file of this machine:"), chars_max=PATH_CHARS_MAX, hint="a.png")

        def answered(path: str | None) -> None:
            if path is not None:
                begin(self, partial(self._saved, path, picture), "save")

        self.app.push_screen(prompt, answered)

    async def _saved(self, path: str, picture: bytes) -> None:
        app = self.node_app
        try:
            written = await asyncio.to_thread(
                app.port.at_desk, app.attached_home, lambda desk: desk.save(path, picture)
            )
        except PortError as error:
            self.notify(clean(str(error)), title="Not saved", severity="error", timeout=10, markup=False)
        else:
            self.notify(clean(written), title="Saved", markup=False)

    # --- asking the network, and what is one's own --------------------------------------------------------------

    def action_warm(self) -> None:
        card = self._chosen()
        if card is not None:
            name = clean(card.info.name, 60)
            self.notify(f"A miner is asked to load {name}.", timeout=3, markup=False)
            self._do("Warm", partial(self.door.warm, card.info.id), lambda by: f"{name} is warm at {short(by.miner)}.")

    def action_price(self) -> None:
        card = self._own()
        if card is None:
            return
        words = say(f"τ for a million units, recommended; now {tau(card.info.price_rao)}. Miners may ask otherwise.")

        def answered(text: str | None) -> None:
            if text is not None:
                self._do(
                    "Price", partial(self.door.price, card.info.id, parse_price(text)), lambda now: tau(now.price_rao)
                )

        title = f"Price of {clean(card.info.name, 60)}"
        self.app.push_screen(
            Prompt(title, words, chars_max=FIELD_CHARS_MAX, hint="0.002", check=_price_fault), answered
        )

    def action_retire(self) -> None:
        card = self._own()
        if card is None:
            return
        name = clean(card.info.name, 60)
        words = say(f"Withdraw {name}? Miners drop it, callers are told that it is gone, and it cannot come back soon.")

        def answered(yes: bool | None) -> None:
            if yes:
                self._do("Retire", partial(self.door.retire, card.info.id), lambda _: f"{name} is retired.")

        self.app.push_screen(Confirm("Retire", words, "Retire it"), answered)

    def _own(self) -> Card | None:
        """The chosen chute if it is this node's; else the reason is told."""
        card, status = self._chosen(), self.model.status
        if card is not None and (status is None or not status.hotkey or card.info.owner != status.hotkey):
            self.notify("Only its owner can change a chute; this one is somebody else's.", title="Not possible",
                        severity="warning", timeout=4)  # fmt: skip
            return None
        return card

    def _do(self, title: str, work: Callable[[], Awaitable[Any]], told: Callable[[Any], str]) -> None:
        async def run() -> None:
            try:
                done = await work()
            except API_ERRORS as error:
                self.notify(clean(str(error), 400), title=f"{title}: refused", severity="error", markup=False)
                return
            self.notify(told(done), title=title, markup=False)
            self.looks.forget_all()
            self.paint_again()

        begin(self, run, "chute", exclusive=False)

    def action_back(self) -> None:
        """Back to the market that this page was opened from."""
        self.node_app.action_show("subnets")

    def action_unfilter(self) -> None:
        try:
            super().action_unfilter()
        except SkipAction:
            self.action_back()


def _fault(port: ChutePort, text: str) -> str:
    """What is wrong with what was typed for an input, as far as it can be told here."""
    if want_of(port) != "seed":
        return ""
    fits = text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _SEED_MAX
    return "" if fits else "A seed is a whole number, 0 or more."


def _price_fault(text: str) -> str:
    try:
        parse_price(text)
    except BadAmount as error:
        return str(error)
    return ""
