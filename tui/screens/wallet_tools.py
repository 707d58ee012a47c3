"""Small tools of the wallet screen: testing the written-down words, signed messages, transaction files.

Words that are typed here are checked and forgotten: they are never stored, shown or sent.
"""

import asyncio
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from node.control.wallet_desk import Paper
from tui import limits
from tui.port import API_ERRORS, PortError
from tui.screens.base import Dialog
from tui.screens.password import unlocked
from tui.text import clean, short
from tui.widgets.draw import field, rows, say
from tui.widgets.line_input import LineInput
from tui.work import begin

_LABEL_CELLS = 16
_HASH_CHARS = 64


class _Tool(Dialog[None]):
    """A box with lines, an outcome and buttons."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def tell(self, words: Content) -> None:
        """Show an outcome below the lines."""
        if self.is_mounted:
            self.query_one("#tool-outcome", Static).update(words)

    def fail(self, error: Exception) -> None:
        """Show what went wrong."""
        self.tell(say(("✖ ", "bad"), clean(str(error))))

    def busy(self, words: str) -> None:
        """Show what goes on."""
        self.tell(say(("… ", "accent"), words) if words else Content(""))


class BackupScreen(_Tool):
    """Are these the words? Nothing is kept but the day of a right answer."""

    HELP = "Type the recovery words from your paper. They are compared and forgotten; only the day is remembered."

    def __init__(self, name: str, coldkey: str) -> None:
        super().__init__()
        self._account, self._coldkey = name, coldkey

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(f"Test the backup of {clean(self._account, 60)}")
            box.border_subtitle = Content("enter compares · esc closes")
            yield Static(
                say(
                    "Type all the words from your paper, in their order. They are compared with ",
                    (short(self._coldkey, 6, 6), "strong"), " and forgotten.",
                ),
                classes="words", markup=False,
            )  # fmt: skip
            yield LineInput(limits.PHRASE_CHARS_MAX, placeholder="12 to 24 words", password=True, id="tool-words")
            yield Static("", id="tool-outcome", classes="words", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        words = event.value
        event.input.value = ""
        if words.strip():
            begin(self, partial(self._test, words), "test")

    async def _test(self, words: str) -> None:
        app, coldkey = self.node_app, self._coldkey
        try:
            right = await asyncio.to_thread(
                app.port.at_desk, app.attached_home, lambda desk: desk.test_words(coldkey, words)
            )
        except PortError as error:
            self.fail(error)
            return
        if right:
            self.tell(say(("✓ ", "good"), "These words bring this wallet back. Esc closes."))
        else:
            self.tell(say(("✖ ", "bad"), "Good words, but of another wallet. Is it the right paper?"))


class MessageScreen(_Tool):
    """Sign a message as the owner of a coldkey, or check a signature."""

    HELP = "A signed message proves that you own an address. It can never pass for a transaction."
    CSS_PATH = "wallet_tools.tcss"

    def __init__(self, coldkey: str) -> None:
        super().__init__()
        self._coldkey = coldkey

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Sign or verify a message")
            box.border_subtitle = Content("esc closes")
            for name, label, hint, chars in (
                ("message", "message", "what is said", limits.QUESTION_CHARS_MAX),
                ("who", "signer", "address, wallet or label", limits.FIELD_CHARS_MAX),
                ("signature", "signature", "128 hex digits; empty to sign", limits.SIGNATURE_CHARS_MAX),
            ):
                with Horizontal(classes="tool-field"):
                    yield Static(label, classes="tool-label", markup=False)
                    yield LineInput(chars, placeholder=hint, id=f"tool-{name}")
            yield Static("", id="tool-outcome", classes="words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Verify", id="verify")
                yield Button("Sign", id="sign", disabled=not self._coldkey or self.node_app.options.read_only)

    def on_mount(self) -> None:
        self._line("who").value = self._coldkey
        self._line("message").focus()
        if self.node_app.options.read_only:
            self.tell(say((f"Signing: {self.node_app.read_only_words}", "dim")))
        elif not self._coldkey:
            self.tell(say(("Signing: choose a wallet whose key is here.", "dim")))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if not self._line("message").value:
            self.tell(say(("! ", "warn"), "Write the message."))
            return
        work = self._sign if event.button.id == "sign" else self._verify
        begin(self, work, "message")

    async def _sign(self) -> None:
        app, coldkey, message = self.node_app, self._coldkey, self._line("message").value

        def sign(password: str | None) -> str:
            return app.port.at_desk(app.attached_home, lambda desk: desk.sign_message(coldkey, message, password))

        try:
            signature = await unlocked(app, coldkey, sign, self.busy)
        except PortError as error:
            self.fail(error)
            return
        if signature is not None:
            self._line("signature").value = signature
            self._line("who").value = coldkey
            self.app.copy_to_clipboard(signature)
            self.tell(say(("✓ ", "good"), "Signed; the signature is in the clipboard."))

    async def _verify(self) -> None:
        app = self.node_app
        who, message, signature = (self._line(each).value for each in ("who", "message", "signature"))
        try:
            address = await asyncio.to_thread(
                app.port.at_desk, app.attached_home, lambda desk: desk.verify_message(who, message, signature)
            )
        except PortError as error:
            self.fail(error)
            return
        if address:
            self.tell(say(("✓ ", "good"), f"{clean(address, 80)} has signed this."))
        else:
            self.tell(say(("✖ ", "bad"), "This signature does not hold for this message and signer."))

    def _line(self, name: str) -> LineInput:
        return self.query_one(f"#tool-{name}", LineInput)


class PaperScreen(_Tool):
    """A transaction file: what it says, then signing or sending it."""

    HELP = "Opens a file of `neurond tx build` or `sign`. What is shown is read from the bytes that are signed."
    CSS_PATH = "wallet_tools.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._paper: Paper | None = None
        self._path = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Transaction file")
            box.border_subtitle = Content("enter opens · esc closes")
            yield LineInput(limits.PATH_CHARS_MAX, placeholder="path of the file", id="tool-path")
            with VerticalScroll(id="tool-scroll", can_focus=False):
                yield Static("", id="tool-paper", markup=False)
            yield LineInput(limits.GENESIS_CHARS_MAX, placeholder="genesis hash of your network", id="tool-genesis")
            yield Static("", id="tool-outcome", classes="words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Sign", id="go", disabled=True)

    def on_mount(self) -> None:
        self.query_one("#tool-genesis").display = False
        self.query_one("#tool-path").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "tool-path":
            self._paper = None
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "tool-path" and event.value.strip():
            begin(self, partial(self._open, event.value.strip()), "paper")

    async def _open(self, path: str) -> None:
        app, now_ms = self.node_app, self.node_app.clock.now_ms()
        try:
            self._paper = await asyncio.to_thread(
                app.port.at_desk, app.attached_home, lambda desk: desk.read_paper(path, now_ms)
            )
        except PortError as error:
            self._paper = None
            self._show()
            self.fail(error)
            return
        self._path = path
        self._show()
        self.query_one("#tool-genesis" if self._is_asked() else "#cancel").focus()

    def _is_asked(self) -> bool:
        """Whether a person must name the network: to sign for one that nobody here has meant before."""
        paper, hello = self._paper, self.node_app.model.hello
        own = "" if hello is None else hello.genesis_hash
        return paper is not None and not (paper.signed or paper.known_network or paper.genesis_hash == own)

    def _meant(self, paper: Paper) -> str:
        """The network that the file may be signed for, 64 hex digits or what was typed so far."""
        typed = self.query_one("#tool-genesis", LineInput).value.strip().lower().removeprefix("0x")
        return typed if self._is_asked() else paper.genesis_hash

    def _show(self) -> None:
        paper, go = self._paper, self.query_one("#go", Button)
        asked = self._is_asked()
        self.query_one("#tool-genesis").display = asked
        go.disabled = paper is None or self._meant(paper) != paper.genesis_hash
        go.label = "Send" if paper is not None and paper.signed else "Sign"
        lines = (
            [] if paper is None else [field(label, say(clean(text, 200)), _LABEL_CELLS) for label, text in paper.lines]
        )
        self.query_one("#tool-paper", Static).update(rows(lines))
        if paper is None:
            self.tell(Content(""))
        elif asked and go.disabled:
            typed = self._meant(paper)
            other = (
                "The file is for another network than the one that you named."
                if len(typed) == _HASH_CHARS
                else "Nothing was signed for this network here. Type the genesis hash of your network, not this file's."
            )
            self.tell(say(("! ", "warn"), other))
        else:
            self.tell(say(("Read it. Nothing happens before the button.", "dim")))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        paper = self._paper
        if event.button.id == "cancel":
            self.dismiss(None)
        elif self.node_app.options.read_only:
            self.tell(say(("! ", "warn"), self.node_app.read_only_words))
        elif paper is not None:
            begin(self, partial(self._send if paper.signed else self._sign, paper), "paper")

    async def _sign(self, paper: Paper) -> None:
        app, path, now_ms, meant = self.node_app, self._path, self.node_app.clock.now_ms(), self._meant(paper)
        signer = dict(paper.lines).get("signer", "")

        def sign(password: str | None) -> str:
            return app.port.at_desk(app.attached_home, lambda desk: desk.sign_paper(path, meant, password, now_ms))

        try:
            written = await unlocked(app, signer, sign, self.busy)
        except PortError as error:
            self.fail(error)
            return
        if written is not None:
            self.tell(say(("✓ ", "good"), f"Signed: {clean(written, 400)}. Open it here to send it."))

    async def _send(self, paper: Paper) -> None:
        app = self.node_app
        try:
            context = await app.api.tx_context()
            if context.genesis_hash != paper.genesis_hash:
                self.tell(say(("✖ ", "bad"), "This file is for another network than the node's."))
                return
            self.query_one("#go", Button).disabled = True
            sent = await app.api.tx_submit(paper.raw)
        except API_ERRORS as error:
            self.fail(error)
            return
        self.tell(say(("✓ ", "good"), f"Sent: {clean(sent.transaction_hash, 80)}"))
