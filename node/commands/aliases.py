"""The names and flags of Bittensor's tools, turned into ours before a command line is read.

One table of commands, one of flags; both only say what means exactly the same here. What a command has under its own
name is never rewritten. `neurond help-aliases` and docs/cli.md are made from the tables.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from node.control.paths import default_home, devnet_path, home_to_ask

COMMANDS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("w",): ("wallet",),
    ("wallets",): ("wallet",),
    ("st",): ("stake",),
    ("s",): ("subnets",),
    ("su",): ("sudo",),
    ("wt",): ("weights",),
    ("c",): ("config",),
    ("hparams",): ("sudo",),
    ("proposal",): ("proposals",),
    ("localnet",): ("devnet",),
    ("miner",): ("role", "set", "miner"),
    ("validator",): ("role", "set", "validator"),
    ("sim",): ("subnet", "simulate"),
    ("call",): ("tx", "send"),
    ("wallet", "create-wallet"): ("wallet", "create"),
    ("wallet", "get-balance"): ("wallet", "balance"),
    ("stake", "unstake"): ("stake", "remove"),
    ("subnets", "metagraph"): ("metagraph",),
    ("subnets", "create-cost"): ("subnets", "burn-cost"),
    ("subnets", "lock-cost"): ("subnets", "burn-cost"),
    ("subnets", "get-hyperparameters"): ("subnets", "hyperparameters"),
    ("sudo", "proposals"): ("proposals", "list"),
    ("sudo", "senate-vote"): ("proposals", "vote"),
    ("sudo", "senate"): ("authorities",),
    ("root", "list"): ("authorities",),
    ("root", "metagraph"): ("metagraph", "0"),
    ("config", "clear"): ("config", "unset"),
    ("utils", "latency"): ("peers", "list"),
    ("tx", "list-calls"): ("tx", "list"),
}
"""Words that begin a command line, and those that take their place. Applied while they still change something."""

FLAGS: Final[Mapping[str, str]] = {
    "--json-output": "--json",
    "--no-prompt": "--yes",
    "--no_prompt": "--yes",
    "-y": "--yes",
    "--wallet-name": "--wallet",
    "--wallet_name": "--wallet",
    "--wallet.name": "--wallet",
    "-w": "--wallet",
    "--wallet": "--wallet",
    "-H": "--hotkey",
    "--wallet-hotkey": "--hotkey",
    "--wallet.hotkey": "--hotkey",
    "--wallet_hotkey": "--hotkey",
    "--hotkey-name": "--hotkey",
    "--hotkey-ss58": "--hotkey",
    "--hotkey_ss58_address": "--hotkey",
    "--wallet.path": "--wallet-path",
    "--wallet_path": "--wallet-path",
    "-p": "--wallet-path",
    "-n": "--network",
    "--subtensor.network": "--network",
    "--subtensor.chain_endpoint": "--network",
    "--chain": "--network",
    "--destination": "--dest",
    "--to": "--dest",
    "--amount-tao": "--amount",
    "--origin-netuid": "--netuid",
    "--dest-netuid": "--to-netuid",
    "--destination-netuid": "--to-netuid",
    "--partial-fills": "--partial",
    "--allow-partial-stake": "--partial",
    "--mnemonic-words": "--words",
    "--n-words": "--words",
    "--n_words": "--words",
    "--help-all": "--help",
}
"""Flags, and ours with the same meaning; used where the command has ours and not theirs."""

ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "--netuid": ("netuid",),
    "--amount": ("amount",),
    "--dest": ("to", "who", "address"),
    "--wallet": ("name", "who"),
    "--address": ("address", "who"),
    "--ss58": ("who", "address"),
    "--hotkey": ("hotkey",),
    "--index": ("index",),
}
"""Flags for what a command takes without a flag: the first of these arguments that it has."""

QUIET: Final = ("-q", "--quiet")
VERBOSE: Final = ("-v", "--verbose", "-vv", "-vvv")
VARIABLES: Final[Mapping[str, str]] = {
    "BT_NETWORK": "--network", "BT_WALLET": "--wallet", "BT_WALLET_HOTKEY": "--hotkey",
    "BT_WALLET_PATH": "--wallet-path",
}  # fmt: skip
"""Variables of the environment that stand for flags which are not given."""
_ELSEWHERE: Final = ("finney", "test", "archive", "subvortex", "rao", "latent-lite")


@dataclass(slots=True)
class Rewritten:
    """A command line in our words. `quiet`: nothing but results and errors; `verbose`: errors with their codes."""

    arguments: list[str]
    quiet: bool = False
    verbose: bool = False


@dataclass(slots=True)
class _Line:
    """A command line on its way: its command, options in order, and what stands without a flag."""

    command: click.Command
    options: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    is_ours: bool = True
    seen: set[str] = field(default_factory=set)


def rewrite(root: click.Group, given: Sequence[str], environment: Mapping[str, str] = os.environ) -> Rewritten:
    """Return the command line in our words; one that holds nothing of theirs comes back as it is.

    Raises:
        click.UsageError: a network that is none of this machine's, or a flag without its value.
    """
    known = {*FLAGS, *ARGUMENTS, *QUIET, *VERBOSE, "--network"}
    foreign = any(each.partition("=")[0] in known for each in given) or any(each in environment for each in VARIABLES)
    words = _words(root, given)
    if not foreign and words == list(given):
        return Rewritten(words)
    found = _command(root, words)
    if found is None:
        return Rewritten(words)
    depth, command = found
    return _flags(command, words[:depth], words[depth:], environment)


def _words(root: click.Group, given: Sequence[str]) -> list[str]:
    """Replace the words that begin the line, as often as that changes something and nothing of ours has that name."""
    words = list(given)
    for _ in range(3):
        for length in (2, 1):
            head = tuple(words[:length])
            if head in COMMANDS and not _is_ours(root, head):
                words[:length] = COMMANDS[head]
                break
        else:
            return words
    return words


def _is_ours(root: click.Group, words: tuple[str, ...]) -> bool:
    group: click.Command | None = root
    for word in words:
        if not isinstance(group, click.Group):
            return False
        group = group.get_command(click.Context(group), word)
    return group is not None


def _command(root: click.Group, words: Sequence[str]) -> tuple[int, click.Command] | None:
    """Return the command that the words lead to, and how many they are; None when they lead nowhere."""
    found: click.Command = root
    for depth, word in enumerate(words):
        if word in QUIET or word in VERBOSE:
            continue
        if not isinstance(found, click.Group):
            return depth, found
        name = getattr(found, "default_name", None) if word.startswith("-") else word
        inner = None if name is None else found.get_command(click.Context(found), name)
        if inner is None:
            return None
        if word.startswith("-"):
            return depth, inner
        found = inner
    if isinstance(found, click.Group):
        default = getattr(found, "default_name", None)
        inner = None if default is None else found.get_command(click.Context(found), default)
        return None if inner is None else (len(words), inner)
    return len(words), found


def _flags(command: click.Command, head: list[str], rest: list[str], environment: Mapping[str, str]) -> Rewritten:
    line = _Line(command)
    out = Rewritten([], quiet=any(each in QUIET for each in head), verbose=any(each in VERBOSE for each in head))
    pending = list(rest)
    while pending:
        word = pending.pop(0)
        if word == "--":
            line.plain += ["--", *pending]
            break
        if not word.startswith("-") or word == "-" or _is_number(word):
            line.plain.append(word)
        elif _option(command, word.partition("=")[0]) is None and word in (*QUIET, *VERBOSE):
            line.is_ours = False
            out.quiet, out.verbose = out.quiet or word in QUIET, out.verbose or word in VERBOSE
        else:
            _take(line, word, pending)
    for variable, flag in VARIABLES.items():
        value = environment.get(variable)
        if value and flag not in line.seen and not ("--home" in line.seen and flag == "--network"):
            _apply(line, flag, value, ask=False)
    if line.is_ours:
        out.arguments = [each for each in head if each not in (*QUIET, *VERBOSE)] + rest
        return out
    arguments = [each.name for each in command.params if isinstance(each, click.Argument) and each.name in line.named]
    plain = list(line.plain)
    order = [each.name for each in command.params if isinstance(each, click.Argument)]
    for name in order:
        if name in arguments:
            plain.insert(min(order.index(name), len(plain)), line.named[name or ""])
    out.arguments = [*(each for each in head if each not in (*QUIET, *VERBOSE)), *line.options, *plain]
    return out


def _take(line: _Line, word: str, pending: list[str]) -> None:
    """Take one flag, and its value where it has one."""
    name, equals, value = word.partition("=")
    own = _option(line.command, name)
    flag = name if own is not None else FLAGS.get(name, name)
    option = own or _option(line.command, flag)
    line.seen.add(flag if own is None else max(own.opts, key=len))
    if option is not None and (option.is_flag or option.count):
        line.is_ours = line.is_ours and own is not None
        line.options.append(flag + equals + value)
        return
    wants_value = option is not None or flag == "--network" or flag in ARGUMENTS
    if wants_value and not equals:
        if not pending:
            raise click.UsageError(f"{name} needs a value.")
        value = pending.pop(0)
    if own is not None:
        line.options += [word] if equals else [name, value]
    elif not wants_value or not _apply(line, flag, value, ask=True):
        line.options.append(word)  # the command says that it does not know it
        if wants_value and not equals:
            line.options.append(value)


def _apply(line: _Line, flag: str, value: str, *, ask: bool) -> bool:
    """Give the command what a flag means here; False when it has nothing of the kind."""
    before, line.is_ours = line.is_ours, False
    if flag == "--network":
        return _network(line, value, ask=ask)
    option = _option(line.command, flag)
    if option is not None:
        line.options += [flag, _hotkey(line, option, value) if flag == "--hotkey" else value]
        return True
    names = {each.name for each in line.command.params if isinstance(each, click.Argument)}
    for name in ARGUMENTS.get(flag, ()) if ask else ():
        if name in names and name not in line.named:
            line.named[name] = value
            return True
    line.is_ours = before
    return False


def _network(line: _Line, value: str, *, ask: bool) -> bool:
    if _option(line.command, "--home") is None:
        return not ask
    if value in _ELSEWHERE or "://" in value:
        raise click.UsageError(
            f"{value} is not a network of this node. Join one with `neurond join`; --network takes local or a home."
        )
    home = home_to_ask(devnet_path(default_home()).parent) if value == "local" else Path(value).expanduser()
    line.options += ["--home", str(home)]
    return True


def _hotkey(line: _Line, option: click.Option, value: str) -> str:
    """Return the address of a hotkey that is given by its name, or as WALLET/HOTKEY, where an address is wanted."""
    if option.metavar != "SS58" or (len(value) > 40 and value.startswith("5")):
        return value
    from node.control.wallets import wallet_store

    wallet, _, name = value.rpartition("/")
    words = [*line.options]
    named = words[words.index("--wallet") + 1] if "--wallet" in words else "default"
    home = Path(words[words.index("--home") + 1]) if "--home" in words else home_to_ask(default_home())
    for each in wallet_store(home).open(wallet or named).hotkeys():
        if each.name == name:
            return each.address
    raise click.UsageError(f"The wallet {wallet or named} has no hotkey {name!r}.")


def _option(command: click.Command, flag: str) -> click.Option | None:
    for each in command.params:
        if isinstance(each, click.Option) and flag in (*each.opts, *each.secondary_opts):
            return each
    return None


def _is_number(word: str) -> bool:
    return word[1:].replace(".", "", 1).isdigit()
