"""The `:` line: what was typed becomes one order, or a sentence on why it is none. Nothing is done here.

Every command has a name, aliases and words on what it does; a unique beginning of a name is enough.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.registry import PLACES
from tui.text import clean
from tui.themes import THEMES


class CommandFault(Exception):
    """What was typed is no command; the text says why and what would be."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `usage` follows the name; `words_max` is how many words it takes."""

    name: str
    what: str
    usage: str = ""
    aliases: tuple[str, ...] = ()
    words_max: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A command and its words."""

    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StakeWords:
    """`250 on 1`: an amount as it was typed, empty when none was, and a subnet, None for the node's own."""

    amount: str = ""
    netuid: int | None = None


SCREENS: Final = tuple(Command(each.name, f"go to {each.title}", "[words to find]", each.aliases, 8) for each in PLACES)
ACTIONS: Final = (
    Command("stake", "stake τ: the preview comes first", "[amount] [on netuid]", ("st", "buy"), 3),
    Command("unstake", "take back from a subnet", "[amount] [on netuid]", ("us", "sell"), 3),
    Command("send", "send τ", "[amount] [to address]", ("pay", "transfer"), 3),
    Command("register", "buy a seat on a subnet", "[netuid]", ("seat",), 2),
    Command("role", "switch the role: the plan comes first", aliases=("r",)),
    Command("invite", "one line that lets another machine join", aliases=("i",)),
    Command("alerts", "what needs attention", aliases=("a",)),
    Command("back", "the screen before this one", aliases=("b",)),
    Command("copy", "copy what this screen shows as a command", aliases=("c",)),
    Command("expand", "give the pane with the focus all the room", aliases=("e", "zoom")),
    Command("pause", "hold the screen still; again goes on"),
    Command("mouse", "give the mouse to the terminal, to mark text; again takes it back"),
    Command("theme", "the colours", "[name]", words_max=1, choices=tuple(each.name[8:] for each in THEMES)),
    Command("keymap", "write down all keys, for keymap.toml", aliases=("keys",)),
    Command("help", "all keys that work here", aliases=("?", "man")),
    Command("restart", "start the node again, when it is gone"),
    Command("quit", "close this window; the node keeps running", aliases=("q", "q!", "detach", "exit", "wq")),
    Command("stop", "leave, or stop the node: asks first", aliases=("shutdown", "down")),
)
COMMANDS: Final = (*SCREENS, *ACTIONS)


def parse(text: str) -> Order:
    """Return the order in what was typed, with or without the colon.

    Raises:
        CommandFault: nothing was typed, no such command, an ambiguous beginning, or too many words.
    """
    words = clean(text).strip().removeprefix(":").split()
    if not words:
        raise CommandFault("Type a command; tab completes it, ? shows all keys.")
    command = find(words[0])
    if len(words) - 1 > command.words_max:
        takes = f"takes {command.usage}" if command.usage else "takes no words"
        raise CommandFault(f"{command.name} {takes}.")
    if command.choices and len(words) > 1 and words[1] not in command.choices:
        raise CommandFault(f"{words[1]!r} is none of {', '.join(command.choices)}.")
    return Order(command.name, tuple(words[1:]))


def find(word: str) -> Command:
    """Return the command of a name, an alias or a unique beginning of a name.

    Raises:
        CommandFault: there is none, or more than one.
    """
    wanted = word.casefold()
    exact = [each for each in COMMANDS if wanted == each.name] or [each for each in COMMANDS if wanted in each.aliases]
    if exact:
        return exact[0]
    begun = [each for each in COMMANDS if each.name.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise CommandFault(f"{word!r} begins several commands: {', '.join(each.name for each in begun)}.")
    names = [name for each in COMMANDS for name in (each.name, *each.aliases) if len(name) > 1]
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.55)
    hint = f"Did you mean {near[0]}?" if near else "Tab shows what there is."
    raise CommandFault(f"There is no command {word!r}. {hint}")


def suggestions(text: str, recent: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return what the text could become, each with words on it: best first; what was typed before when it is empty."""
    words = text.removeprefix(":").split()
    if not words:
        return [(each, "typed before") for each in recent] + [(each.name, each.what) for each in COMMANDS]
    first = words[0].casefold()
    if len(words) == 1 and not text.endswith(" "):
        ranked = [(rank, each) for each in COMMANDS if (rank := _rank(each, first)) is not None]
        ranked.sort(key=lambda pair: pair[0])
        return [(each.name, f"{each.usage}  {each.what}".strip()) for _, each in ranked]
    try:
        command = find(first)
    except CommandFault:
        return []
    begun = words[1] if len(words) > 1 else ""
    choices = [(f"{command.name} {each}", "") for each in command.choices if each.startswith(begun)]
    return choices or [(" ".join((command.name, *words[1:])), f"{command.usage}  {command.what}".strip())]


def _rank(command: Command, word: str) -> int | None:
    if word in (command.name, *command.aliases):
        return 0
    if command.name.startswith(word):
        return 1
    if any(alias.startswith(word) for alias in command.aliases):
        return 2
    return 3 if len(word) > 1 and word in command.name else None


_AMOUNT: Final = re.compile(r"[0-9][0-9,_']*(\.[0-9]+)?|\.[0-9]+")
_NETUID: Final = re.compile(r"[0-9]{1,5}")


def stake_words(words: Sequence[str]) -> StakeWords:
    """Return what `250 on 1`, `250`, `on 1` or nothing say; the amount's size is judged by the dialog.

    Raises:
        CommandFault: it is none of these.
    """
    rest = list(words)
    amount = ""
    if rest and rest[0] != "on":
        amount = rest.pop(0).removesuffix("τ")
        if not _AMOUNT.fullmatch(amount):
            raise CommandFault(f"{clean(words[0], 40)!r} is no amount. Write for example: stake 250 on 1")
    if not rest:
        return StakeWords(amount)
    if len(rest) != 2 or rest[0] != "on" or not _NETUID.fullmatch(rest[1]):
        raise CommandFault("After the amount comes the subnet, for example: stake 250 on 1")
    return StakeWords(amount, int(rest[1]))


def send_words(words: Sequence[str]) -> tuple[str, str]:
    """Return (amount, address) of `12.5 to 5F…`, each empty when it is not there.

    Raises:
        CommandFault: it is neither.
    """
    rest = list(words)
    amount = ""
    if rest and rest[0] != "to":
        amount = rest.pop(0).removesuffix("τ")
        if not _AMOUNT.fullmatch(amount):
            raise CommandFault(f"{clean(words[0], 40)!r} is no amount. Write for example: send 12.5 to 5F…")
    if rest and (len(rest) != 2 or rest[0] != "to"):
        raise CommandFault("After the amount comes the address, for example: send 12.5 to 5F…")
    return amount, rest[1] if rest else ""
