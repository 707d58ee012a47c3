"""`neurond completion`: scripts that make bash, zsh and fish complete this command, and the answers they ask for.

A shell asks by running `neurond` with the variable below. The answer imports at most the one command that is being
typed. Values come from the home's own files, and from its node when that answers at once; what strangers have named is
offered only when no shell could read anything into it. Never prints an error: it would appear while somebody types.
"""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    _resolve_context,
    _resolve_incomplete,
)

from node.commands.lazy import LazyGroup
from node.control.paths import default_home, home_to_ask, wallets_path

VARIABLE: Final = "_NEUROND_COMPLETE"
SHELLS: Final = ("bash", "zsh", "fish")
_ASK_TIMEOUT_S: Final = 0.5  # somebody waits with a finger on a key
_VALUES_MAX: Final = 500
_WALLET_FOLDERS_MAX: Final = 200
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,127}")

Item = CompletionItem[str]
Pairs = Iterable[tuple[str, str]]
_WHERE: Final = {
    "bash": "~/.local/share/bash-completion/completions/neurond",
    "zsh": "a folder of $fpath, as _neurond",
    "fish": "~/.config/fish/completions/neurond.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete this command.

    \b
    Examples:
      neurond completion bash > ~/.local/share/bash-completion/completions/neurond
      neurond completion zsh > "${fpath[1]}/_neurond"
      neurond completion fish > ~/.config/fish/completions/neurond.fish
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """Return the script of one of SHELLS, with a line that says where it belongs."""
    made = _classes()[shell](click.Command("neurond"), {}, "neurond", VARIABLE)
    text = made.source_template % made.source_vars()
    if shell == "zsh":  # its first line is a mark that must stay the first
        first, _, rest = text.partition("\n")
        return f"{first}\n# This file belongs into {_WHERE[shell]}.\n{rest}"
    return f"# This file belongs into {_WHERE[shell]}.\n{text}"


def answer(cli: click.Command) -> int:
    """Print what the shell asked for; 1 when it asked nothing that can be answered."""
    shell, _, instruction = os.environ.get(VARIABLE, "").partition("_")
    if shell not in SHELLS or instruction not in ("complete", "source"):
        return 1
    if instruction == "source":
        click.echo(script(shell), nl=False)
        return 0
    try:
        click.echo(_classes()[shell](cli, {}, "neurond", VARIABLE).complete())
    except Exception:  # a broken file, a node that speaks nonsense: no completion, and nothing on the screen
        return 1
    return 0


def _classes() -> dict[str, type[ShellComplete]]:
    return {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


class _Ours(ShellComplete):
    """What is the same in every shell."""

    def get_completions(self, args: list[str], incomplete: str) -> list[Item]:
        context = _resolve_context(self.cli, self.ctx_args, self.prog_name, args)
        found, incomplete = _resolve_incomplete(context, args, incomplete)
        if isinstance(found, LazyGroup) and not incomplete.startswith("-"):
            return _items(((name, text) for name, (_, text) in found.lazy.items()), incomplete)
        if isinstance(found, click.Parameter):
            source = _source(context, found)
            if source is not None:
                return _items(source(context), incomplete)
        return found.shell_complete(context, incomplete)


class _Bash(_Ours, BashComplete):
    pass


class _Zsh(_Ours, ZshComplete):
    pass


class _Fish(_Ours, FishComplete):
    # the library's script ends a description at its first comma
    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


def _items(pairs: Pairs, incomplete: str) -> list[Item]:
    found = []
    for value, words in pairs:
        if value.startswith(incomplete) and _HARMLESS.fullmatch(value):
            found.append(CompletionItem(value, help=" ".join(words.split()) or None))
        if len(found) >= _VALUES_MAX:
            break
    return found


Source = Callable[[click.Context], Pairs]


def _source(context: click.Context, parameter: click.Parameter) -> Source | None:
    """Return where values of a parameter come from; None for click's own way."""
    path = context.command_path.split()
    if "config" in path and parameter.name == "key":
        return _settings
    if "config" in path and parameter.name == "values":
        return _choices
    if isinstance(parameter.type, click.Choice):
        return None
    if "wallet" in path and parameter.name == "name":
        return _wallets
    return _BY_NAME.get(parameter.name or "")


def _home(context: click.Context) -> Path:
    given = context.params.get("home")
    return given.expanduser().absolute() if isinstance(given, Path) else default_home()


def _settings(_: click.Context) -> Pairs:
    from node.control.config_settings import SETTINGS

    return [(each.key, each.help) for each in SETTINGS]


def _choices(context: click.Context) -> Pairs:
    from node.control.config_settings import BY_KEY

    setting = BY_KEY.get(str(context.params.get("key")))
    return [(each, "") for each in (() if setting is None else setting.kind.choices)]


def _profiles(context: click.Context) -> Pairs:
    from node.control.config import load

    return [(each, "") for each in load(_home(context)).profiles]


def _wallets(context: click.Context) -> Pairs:
    found = []
    with os.scandir(wallets_path(_home(context))) as entries:
        for number, each in enumerate(entries):
            if number >= _WALLET_FOLDERS_MAX:
                break
            if each.is_dir():
                found.append((each.name, ""))
    return sorted(found)


def _netuids(context: click.Context) -> Pairs:
    from node.control.api import SubnetsRequest
    from node.control.client_sync import SyncClient

    with SyncClient(home_to_ask(_home(context)), timeout_s=_ASK_TIMEOUT_S) as client:
        return [(str(each.netuid), each.name) for each in client.call(SubnetsRequest())]


def _peers(context: click.Context) -> Pairs:
    from node.control.api import PeersRequest
    from node.control.client_sync import SyncClient

    with SyncClient(home_to_ask(_home(context)), timeout_s=_ASK_TIMEOUT_S) as client:
        return [(each.peer_id, "") for each in client.call(PeersRequest())]


_BY_NAME: Final[dict[str, Source]] = {
    "netuid": _netuids, "netuids": _netuids, "origin": _netuids, "destination": _netuids, "peer_id": _peers,
    "peer": _peers, "wallet": _wallets, "wallet_name": _wallets, "profile": _profiles,
}  # fmt: skip
