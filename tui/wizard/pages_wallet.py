"""The pages about keys: which wallet, its name and password, its words shown once, three of them asked for.

Words and passwords stay in the draft; nothing of them is drawn after their page is left.
"""

import secrets
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Static

from node.control.setup import WordCount, address_fault, name_fault
from tui.limits import FIELD_CHARS_MAX, PASSWORD_CHARS_MAX, PHRASE_CHARS_MAX
from tui.text import short
from tui.themes import Tone
from tui.widgets.draw import rows, say
from tui.wizard.flow import quiz_faults, quiz_places
from tui.wizard.page import Choice, Choices, Field, PageView

if TYPE_CHECKING:
    from tui.wizard.screen import WizardScreen

_LEVEL_TONES: tuple[Tone, ...] = ("bad", "bad", "warn", "good", "good")
_WORDS_A_ROW = 3


class WalletPage(PageView):
    """Make keys, keep those that are here, or have none."""

    TITLE = "A wallet holds your keys"
    HELP: ClassVar[str] = "The coldkey owns your money and is opened in this window only; the node gets a hotkey."

    def __init__(self, wizard: "WizardScreen") -> None:
        super().__init__(wizard)
        self._kept = wizard.kept

    def compose(self) -> ComposeResult:
        choices = [Choice("m", "new", "Make a wallet", "recovery words to write down, and a password of yours")]
        for place, (name, address) in enumerate(self._kept[:3], 1):
            title = f"Keep the wallet {name} of this home"
            choices.append(Choice(str(place), f"keep:{name}", title, short(address, 8, 8)))
        choices.append(
            Choice("s", "none", "Skip, for a devnet", "UNSAFE: the devnet makes keys without a password, to try it out")
        )
        yield Choices(choices)

    def on_mount(self) -> None:
        wallet = self.draft.answers.wallet
        self.query_one(Choices).highlight(f"keep:{wallet.name}" if wallet.do == "keep" else wallet.do)
        if wallet.do == "none" and not self.wizard.has_been("network"):
            self.query_one(Choices).highlight("new")

    def on_choices_made(self, event: Choices.Made) -> None:
        event.stop()
        do, _, name = event.choice.name.partition(":")
        self.draft.set_wallet(do=do, **({"name": name} if name else {}))
        self.wizard.action_next()

    async def leave(self) -> str | None:
        return ""


class SealPage(PageView):
    """Name and password of new keys."""

    TITLE = "Name and password"
    HELP: ClassVar[str] = (
        "The password seals the coldkey on this disk (Argon2id). Nobody can recover it: the words can."
    )

    def compose(self) -> ComposeResult:
        wallet = self.draft.answers.wallet
        yield Static(
            say(("The password is asked for whenever money moves. Without it the words bring the key back.", "dim")),
            classes="words",
            markup=False,
        )
        taken = {name for name, _ in self.wizard.kept}
        free = wallet.name if wallet.name not in taken else next(
            name for name in (f"{wallet.name}-{number}" for number in range(2, 2000)) if name not in taken
        )  # fmt: skip
        yield Field("name", "name", FIELD_CHARS_MAX, value=free)
        if wallet.do == "new":
            yield Field("words", "count", 2, value=str(wallet.words), hint="12 or 24")
        yield Field("password", "password", PASSWORD_CHARS_MAX, value=self.draft.password, secret=True)
        yield Static("", id="strength", classes="words", markup=False)
        yield Field("once more", "again", PASSWORD_CHARS_MAX, value=self.draft.password, secret=True)

    def first_focus(self) -> Input:
        return self.query_one("#password", Input)

    def on_mount(self) -> None:
        self._judge()

    def on_input_changed(self, event: Input.Changed) -> None:
        super().on_input_changed(event)
        if event.input.id == "password":
            self._judge()

    def _judge(self) -> None:
        password = self.value("password")
        meter = self.query_one("#strength", Static)
        if not password:
            meter.update(say(("                at least 8 characters; a few words together are best", "dim")))
            return
        found = self.wizard.setup.strength(password)
        bar = "▰" * (found.level + (not found.fault)) + "▱" * (5 - found.level - (not found.fault))
        meter.update(say(" " * 16, (bar, _LEVEL_TONES[found.level]), f" {found.words}"))

    async def leave(self) -> str | None:
        name, password = self.value("name").strip(), self.value("password")
        fault = name_fault(name)
        if fault is not None:
            return str(fault)
        new = self.draft.answers.wallet.do == "new"
        count = self.value("count").strip() if new else "12"
        if count not in ("12", "24"):
            return "A wallet has 12 or 24 words."
        judged = self.wizard.setup.strength(password)
        if judged.fault:
            return judged.fault
        if password != self.value("again"):
            return "The two passwords differ. Type the second one again."
        if any(name == each for each, _ in self.wizard.kept):
            return f"There is a wallet {name} in this home already. Choose another name."
        self.draft.password = password
        words: WordCount = 24 if count == "24" else 12
        if new and len(self.draft.words.split()) != words:
            self.draft.words = self.wizard.setup.new_words(words)
            self.draft.quiz = ()  # its places were drawn among other words, of which there may have been more
        self.draft.set_wallet(name=name, words=words)
        return ""


class WordsPage(PageView):
    """The recovery words, shown here and nowhere else."""

    TITLE = "Write these words down"
    HELP: ClassVar[str] = (
        "On paper, in this order. Whoever has them has the money; without them a lost disk is lost money."
    )

    def compose(self) -> ComposeResult:
        yield Static(
            say(
                ("! ", "warn"),
                "They are shown once and are in no file. They are worth what they guard: write them on paper, in this "
                "order.",
            ),
            classes="words",
            markup=False,
        )
        words = self.draft.words.split()
        per_row = _WORDS_A_ROW
        height = (len(words) + per_row - 1) // per_row
        yield Static(
            rows(
                say(
                    *(
                        part
                        for place in range(row, len(words), height)
                        for part in ((f"{place + 1:>4} ", "dim"), (f"{words[place]:<12}", "strong"))
                    )
                )
                for row in range(height)
            ),
            id="phrase",
            classes="words",
            markup=False,
        )
        yield Static(
            say(("enter", "strong"), " when they are on paper; three of them are asked for next"), markup=False
        )

    async def leave(self) -> str | None:
        if not self.draft.quiz:
            self.draft.quiz = quiz_places(self.draft.words, secrets.SystemRandom())
        return ""


class QuizPage(PageView):
    """Three words, so that they are really on paper."""

    TITLE = "Which words were these?"
    HELP: ClassVar[str] = "Type the words from your paper. esc shows them again."

    def compose(self) -> ComposeResult:
        yield Static(
            say(("Read them from your paper. esc shows the words again.", "dim")), classes="words", markup=False
        )
        for place in self.draft.quiz:
            yield Field(f"word {place}", f"word-{place}", FIELD_CHARS_MAX)

    async def leave(self) -> str | None:
        wrong = quiz_faults(self.draft, tuple(self.value(f"word-{place}") for place in self.draft.quiz))
        if wrong:
            self.query_one(f"#word-{wrong[0]}", Input).focus()
            which = ", ".join(str(each) for each in wrong)
            return f"Word {which} is not what was shown. esc shows the words again."
        return ""


class RestorePage(PageView):
    """Words of a wallet that was."""

    TITLE = "Your recovery words"
    HELP: ClassVar[str] = "12 to 24 words in their order, separated by blanks; capital letters do not matter."

    def compose(self) -> ComposeResult:
        yield Static(
            say(("In their order, with blanks between them. They stay in this window.", "dim")),
            classes="words",
            markup=False,
        )
        yield Field("words", "phrase", PHRASE_CHARS_MAX, value=self.draft.words, hint="first second third …")
        yield Static("", id="told", classes="words", markup=False)

    def on_mount(self) -> None:
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        super().on_input_changed(event)
        self._tell()

    def _tell(self) -> None:
        count = len(self.value("phrase").split())
        self.query_one("#told", Static).update(say((f"{count} words" if count else "", "dim")))

    async def leave(self) -> str | None:
        phrase = " ".join(self.value("phrase").split())
        fault = self.wizard.setup.words_fault(phrase)
        if fault:
            return fault
        self.draft.words = phrase
        return ""


class WatchPage(PageView):
    """An address without a key."""

    TITLE = "Which address to watch?"
    HELP: ClassVar[str] = "Balance, stakes and rewards of the address are shown; nothing can be signed on this machine."

    def compose(self) -> ComposeResult:
        wallet = self.draft.answers.wallet
        yield Static(
            say(("No key comes to this machine: money can be seen and not moved.", "dim")),
            classes="words",
            markup=False,
        )
        yield Field("address", "address", FIELD_CHARS_MAX, value=wallet.address, hint="5…")
        yield Field("name", "name", FIELD_CHARS_MAX, value=wallet.name)

    async def leave(self) -> str | None:
        address, name = self.value("address").strip(), self.value("name").strip()
        fault = address_fault(address) or name_fault(name)
        if fault is not None:
            return str(fault)
        if any(name == each for each, _ in self.wizard.kept):
            return f"There is a wallet {name} in this home already. Choose another name."
        self.draft.set_wallet(do="watch", address=address, name=name)
        return ""
