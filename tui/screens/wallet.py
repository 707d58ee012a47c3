"""Screen 7: accounts: wallets and their hotkeys, watched addresses, labels; what they hold, and what keeps them safe.

Positions and their trading are the screen Stake. Keys are opened in this window only; words are checked and forgotten.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content

from node.control.qr import qr_lines
from node.control.schema import Account
from tui import limits
from tui.model import Model
from tui.port import API_ERRORS, PortError
from tui.screens.prompt import Prompt
from tui.screens.tabled import TableScreen
from tui.text import clean, count, plural, short, tau
from tui.themes import Tone
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import Cell, Column, LiveTable, Row
from tui.work import begin

if TYPE_CHECKING:
    from node.control.wallet_desk import AccountCard, Accounts

COLUMNS: Final = (
    Column("name", 16, grow=True),
    Column("kind", 8),
    Column("address", 10, rank=1),
    Column("free", 13, right=True),
    Column("staked", 13, right=True, rank=3),
    Column("key", 13, rank=2),
    Column("backup", 12),
)
_KINDS: Final = {"sealed": "encrypted", "bittensor": "encrypted", "plain": "NOT encrypted", "watch": "watch-only"}
_TONES: Final[dict[str, Tone]] = {"sealed": "good", "bittensor": "good", "plain": "warn", "watch": "dim"}
_QR_STYLE: Final = "black on white"
_QR_COLUMNS, _QR_ROWS = 60, 20


class WalletScreen(TableScreen):
    """All accounts of this home; the details show the chosen one with its address as a QR code."""

    NAME = "wallet"
    COMMAND = "wallet overview"
    HEADING = "Accounts"
    HELP = (
        "Your wallets with their hotkeys, addresses that you watch, and labels. A watched address moves no money: sign "
        "its transactions where its key is, as files. Keys are opened in this window only, never in the node."
    )
    PARTS = ("account", "status")
    CHANGES = frozenset({"send", "add", "test_backup", "watch", "label"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "send", "Send", tooltip="Send τ to an address, a wallet or a label"),
        Binding("i", "history", "History", tooltip="What moved on the chosen account; filter it, save it as CSV"),
        Binding("b", "test_backup", "Test backup", tooltip="Type your words: are they the right ones?"),
        Binding("M", "sign", "Message", tooltip="Sign a message with the chosen coldkey, or check one"),
        Binding("o", "paper", "Offline file", tooltip="Open a transaction file: read it, sign it, send it"),
        Binding("n", "watch", "Watch", tooltip="Watch an address without its key"),
        Binding("L", "label", "Label", show=False, tooltip="Give an address a label for your address book"),
        Binding("plus", "add", "Stake", key_display="+", show=False, tooltip="Stake with this node's hotkey"),
        Binding("A", "copy_address", "Copy address", show=False, tooltip="Copy the chosen account's address"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._accounts: Accounts | None = None
        self._problem = ""
        self._balances: dict[str, Account] = {}

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.refresh_accounts()

    def refresh_accounts(self) -> None:
        """Read the wallets and their balances again."""
        begin(self, self._read, "accounts")

    async def _read(self) -> None:
        app = self.node_app
        try:
            found = await asyncio.to_thread(app.port.at_desk, app.attached_home, lambda desk: desk.accounts())
            self._accounts, self._problem = found, clean(" ".join(found.problems))
        except PortError as error:
            self._problem = clean(str(error))
        self.paint_again()
        try:
            for card in self._accounts.cards[: limits.BALANCES_READ_MAX] if self._accounts else ():
                self._balances[card.address] = await app.api.account(card.address)
        except API_ERRORS as error:
            self._problem = clean(str(error))
        self.paint_again()

    def table(self) -> LiveTable:
        return LiveTable(COLUMNS, "No wallets yet. Make one: neurond wallet create", sort=0)

    def rows(self, model: Model) -> list[Row] | None:
        found = self._accounts
        if found is None:
            return None
        own = model.status.coldkey if model.status is not None else None
        listed: list[Row] = []
        for card in found.cards:
            listed.append(self._card_row(card, mine=card.address == own))
            listed += [
                Row(
                    f"hotkey {card.name}/{key.name}",
                    (
                        Cell(clean(f"{card.name}/{key.name}", 80), "plain"), Cell("hotkey", "second"),
                        Cell(short(key.address), "second"), Cell(""), Cell(""), _key_cell(key.kind), Cell(""),
                    ),
                )
                for key in card.hotkeys
            ]  # fmt: skip
        listed += [
            Row(
                f"label {label}",
                (
                    Cell(clean(label, 80), "plain"), Cell("label", "dim"), Cell(short(address), "second"), Cell(""),
                    Cell(""), Cell("not yours", "dim"), Cell(""),
                ),
            )
            for label, address in found.labels
        ]  # fmt: skip
        return listed

    def _card_row(self, card: "AccountCard", *, mine: bool) -> Row:
        held = self._balances.get(card.address)
        free = Cell("…", "dim", -1) if held is None else Cell(tau(held.balance_rao), "accent", held.balance_rao)
        staked = (
            Cell("…", "dim", -1) if held is None else Cell(tau(held.stakes_value_rao), "plain", held.stakes_value_rao)
        )
        watched = card.kind == "watch"
        backup = Cell("–", "dim") if watched else Cell(card.backup_tested_on or "never tested", _backup_tone(card))
        kind = Cell("watched" if watched else "coldkey", "warn" if watched else "strong")
        name = Cell(clean(card.name, 80), "strong")
        cells = (name, kind, Cell(short(card.address), "second"), free, staked, _key_cell(card.kind), backup)
        return Row(f"wallet {card.name}", cells, mine=mine)

    def words(self, model: Model) -> Content:
        if self._problem:
            return say((f"! {self._problem}", "warn"))
        if self._accounts is None:
            return Content("")
        cards = self._accounts.cards
        own = {card.address for card in cards if card.kind != "watch"}
        watched = {card.address for card in cards} - own
        words = f"{plural(len(cards), 'account')} · yours {tau(self._all_of(own))}"
        return Content(f"{words} · watched {tau(self._all_of(watched))}" if watched else words)

    def _all_of(self, addresses: set[str]) -> int:
        """What addresses hold and have staked together, each counted once."""
        held = [self._balances[each] for each in addresses if each in self._balances]
        return sum(each.balance_rao + each.stakes_value_rao for each in held)

    # --- details ----------------------------------------------------------------------------------------------------

    def detail(self, model: Model, key: str) -> Content:
        card, name, address = self._found(key)
        if not address:
            return say(("Nothing is chosen.", "dim"))
        lines = [say((clean(name, 80), "strong"))]
        if card is not None and key.startswith("wallet "):
            lines += self._card_lines(card)
        lines += [say(clean(address, 80)), say("")]
        lines += [Content.styled(line, _QR_STYLE) for line in qr_lines(address, _QR_COLUMNS, _QR_ROWS)]
        return rows(lines)

    def _card_lines(self, card: "AccountCard") -> list[Content]:
        held = self._balances.get(card.address)
        lines = [field("key", say((_KINDS[card.kind], "warn" if card.kind in ("watch", "plain") else "good")))]
        if held is not None:
            lines += [
                field("free", say((tau(held.balance_rao), "accent"))),
                field("staked", say(tau(held.stakes_value_rao))),
                field("all", say((tau(held.balance_rao + held.stakes_value_rao), "strong"))),
                field("sent", say(f"{count(held.nonce)} transactions")),
            ]
        if card.kind == "watch":
            lines.append(say(("Moves no money here. o opens a file that was signed where the key is.", "dim")))
        elif card.backup_tested_on:
            lines.append(field("backup", say((f"tested on {card.backup_tested_on}", "good"))))
        else:
            lines.append(field("backup", say(("never tested", "warn"), ("  b tests it", "dim"))))
        return lines + [say((f"! {clean(each)}", "bad")) for each in card.warnings]

    def _found(self, key: str) -> tuple["AccountCard | None", str, str]:
        """The wallet of a row, the row's name and its address; ("", "") for a row that is gone."""
        what, _, name = key.partition(" ")
        found = self._accounts
        if found is None:
            return None, "", ""
        if what == "label":
            return None, name, dict(found.labels).get(name, "")
        wallet, _, hotkey = name.partition("/")
        card = next((each for each in found.cards if each.name == wallet), None)
        if card is None:
            return None, "", ""
        if what == "wallet":
            return card, name, card.address
        return card, name, next((each.address for each in card.hotkeys if each.name == hotkey), "")

    # --- actions ----------------------------------------------------------------------------------------------------

    def _chosen(self) -> tuple["AccountCard | None", str, str]:
        return self._found(self.chosen_key or "")

    def _signing(self) -> "AccountCard | None":
        """The chosen wallet if it can sign; else the reason is told."""
        card = self._chosen()[0]
        if card is None:
            self.notify("No wallet is chosen.", severity="warning")
        elif card.kind == "watch":
            words = f"{clean(card.name, 80)} is watch-only: its key is not here. Sign where it is, as a file (o)."
            self.notify(words, title="Not possible", severity="warning", markup=False)
            return None
        return card

    def action_send(self) -> None:
        self.node_app.send(to=self._chosen()[2] if (self.chosen_key or "").startswith("label ") else "")

    def action_add(self) -> None:
        self.node_app.stake(1)

    def action_history(self) -> None:
        from tui.screens.history import HistoryScreen

        _, name, address = self._chosen()
        if address:
            self.app.push_screen(HistoryScreen(name, address))

    def action_test_backup(self) -> None:
        from tui.screens.wallet_tools import BackupScreen

        card = self._signing()
        if card is not None:
            self.app.push_screen(BackupScreen(card.name, card.address), lambda _: self.refresh_accounts())

    def action_sign(self) -> None:
        from tui.screens.wallet_tools import MessageScreen

        card = self._chosen()[0]
        can_sign = card is not None and card.kind != "watch"
        self.app.push_screen(MessageScreen(card.address if card is not None and can_sign else ""))

    def action_paper(self) -> None:
        from tui.screens.wallet_tools import PaperScreen

        self.app.push_screen(PaperScreen())

    def action_watch(self) -> None:
        self._ask_name_of("Watch an address", "watch")

    def action_label(self) -> None:
        self._ask_name_of("Label an address", "label")

    def _ask_name_of(self, title: str, what: str) -> None:
        words = say("An address and a name for it, as ", ("5F… exchange", "strong"), ":")
        prompt = Prompt(
            title, words, chars_max=limits.ADDRESS_AND_NAME_CHARS_MAX, hint="address name", check=_two_words
        )
        self.app.push_screen(prompt, lambda text: self._add(what, text))

    def _add(self, what: str, text: str | None) -> None:
        if text is not None:
            begin(self, partial(self._added, what, *text.split()), "add")

    async def _added(self, what: str, address: str, name: str) -> None:
        app = self.node_app
        try:
            await asyncio.to_thread(
                app.port.at_desk, app.attached_home,
                lambda desk: desk.watch(name, address) if what == "watch" else desk.label(name, address),
            )  # fmt: skip
        except PortError as error:
            self.notify(clean(str(error)), title="Not added", severity="error", timeout=10, markup=False)
        self.refresh_accounts()

    def action_copy_address(self) -> None:
        address = self._chosen()[2]
        if address:
            self.app.copy_to_clipboard(address)
            self.notify(address, title="Copied", markup=False)


def _key_cell(kind: str) -> Cell:
    return Cell(_KINDS[kind], _TONES[kind])


def _backup_tone(card: "AccountCard") -> Tone:
    return "good" if card.backup_tested_on else "warn"


def _two_words(text: str) -> str:
    return "" if len(text.split()) == 2 else "Write the address, a blank, and the name."
