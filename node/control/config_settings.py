"""Every setting there is, with what it means, what is allowed, and when a change of it counts.

Secrets are never settings: passwords, recovery words and keys of servers have no key here, and a file that holds one
is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from node.control.config_kinds import Kind, Schema, Value, amount, choice, line, nearest, percent, several, truth, whole
from node.control.errors import UnknownKey
from node.control.limits import NAME_CHARS_MAX, ROLE_NETUIDS_MAX
from node.control.options import (
    DEFAULT_BACKEND,
    DEFAULT_HOTKEY,
    DEFAULT_LISTEN,
    DEFAULT_MODEL,
    DEFAULT_WALLET,
    DISK_MB_MIN,
    NOWHERE,
)
from node.control.schema import KEEP_MODES, ROLES

Applies = Literal["node", "window", "command"]
"""What has to begin anew before a change counts: the node, the window, or nothing but the next command."""

APPLIES_WORDS: Final[dict[Applies, str]] = {
    "node": "when the node is started again",
    "window": "when the window is opened again",
    "command": "with the next command",
}
SECTIONS: Final[dict[str, str]] = {
    "node": "Who the node is and whom it talks to",
    "gateway": "HTTP for programs on this machine",
    "storage": "What of the chain stays on the disk",
    "model": "What a miner computes, and where",
    "money": "What is asked before money moves",
    "window": "The terminal UI",
    "web": "The terminal UI in a browser",
    "update": "Asking for a newer version; off unless an address is given",
}
PROFILE_KEY: Final = "profile"
THEME_NAMES: Final = ("dark", "light", "contrast")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_SECRET: Final = re.compile(r"pass(word|phrase)|secret|mnemonic|seed|private|words|token|api_?key", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_DISK_MB_MAX: Final = 10**9  # a thousand terabytes


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `field` is its name in `DaemonConfig`; `remembered`: a home repeats it at its next start."""

    key: str
    kind: Kind
    help: str
    applies: Applies
    default: Value | None = None
    flag: str = ""
    field: str = ""
    otherwise: str = ""

    @property
    def section(self) -> str:
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"NEUROND_{self.key.replace('.', '_').upper()}"


def _listen_problem(text: str) -> str | None:
    if text == NOWHERE or (text.startswith(("/ip4/", "/ip6/")) and "/tcp/" in text):
        return None
    return f"is {text!r}, no address to listen on; write /ip4/0.0.0.0/tcp/4001, or {NOWHERE}"


def _peer_problem(text: str) -> str | None:
    if text.startswith("/") and "/p2p/" in text:
        return None
    return f"is {text!r}, no node's address; it looks like /ip4/1.2.3.4/tcp/4001/p2p/12D3…"


def _name_problem(text: str) -> str | None:
    if len(text) <= NAME_CHARS_MAX and _NAME.fullmatch(text) and not text.startswith("."):
        return None
    return f"is {text!r}, no name: letters, digits, - _ and . only, at most {NAME_CHARS_MAX}"


def _backend_problem(text: str) -> str | None:
    kind, _, rest = text.partition(":")
    if "@" in rest:
        return "holds a password; put a server's key into the environment variable NEUROND_BACKEND_KEY"
    if (
        (kind == "onnx" and not rest)
        or kind == "ray"
        or (kind == "openai" and rest.startswith(("http://", "https://")))
    ):
        return None
    return f"is {text!r}, no back end; write onnx, openai:http://HOST:PORT/v1[#MODEL] or ray[:ADDRESS]"


def _path_problem(text: str) -> str | None:
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        return None
    return f"is {text!r}; write a whole path, beginning with / or ~"


def _address_problem(text: str) -> str | None:
    if text.startswith(("https://", "file:///")) and not re.search(r"\s|@", text):
        return None
    return f"is {text!r}; write an address that begins with https:// or file:///, without a password"


_LAST: Final = "as last time"
SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "node.role", choice(*ROLES), "The role that the node takes when it starts. A role set here wins over one that "
        "was switched to while the node ran.", "node", None, "--role", "role", f"{_LAST}, staker at first",
    ),
    Setting(
        "node.netuids", several(whole(1, 65_535), ROLE_NETUIDS_MAX), "The subnets that the role works in.", "node",
        None, "--netuid", "netuids", f"{_LAST}, at first the first one",
    ),
    Setting(
        "node.wallet", line("the name of a wallet", _name_problem), "The wallet that owns the stake. The node reads "
        "its public half; the key itself is opened where you sign.", "node", DEFAULT_WALLET, "--wallet", "wallet",
    ),
    Setting(
        "node.hotkey", line("the name of a hotkey", _name_problem), "The hotkey that the node works and signs with. "
        "Never let one hotkey work in two places.", "node", DEFAULT_HOTKEY, "--hotkey", "hotkey",
    ),
    Setting(
        "node.listen", several(line("an address to listen on", _listen_problem)), "Where other nodes reach this one. "
        "A fixed port such as /ip4/0.0.0.0/tcp/4001 is what a router can forward; none only dials others.", "node",
        DEFAULT_LISTEN, "--listen", "listen", "any free port",
    ),
    Setting(
        "node.bootstrap", several(line("a node's address", _peer_problem)), "Nodes of the network that are dialled "
        "first.", "node", (), "--bootstrap", "bootstrap", _LAST,
    ),
    Setting(
        "node.mdns", truth(), "Look for nodes on the local network. Never done on loopback or public addresses alone.",
        "node", True, "--mdns", "mdns",
    ),
    Setting(
        "node.sync", choice("auto", "full", "snapshot"), "How a new node gets the state: by executing every block "
        "(full), from a certified snapshot, or whichever is quicker (auto).", "node", "auto", "--sync", "sync",
    ),
    Setting(
        "node.log_level", choice(*LOG_LEVELS), "The least important lines that the log keeps. debug writes a lot.",
        "node", "info", "--log-level", "log_level",
    ),
    Setting(
        "gateway.port", whole(0, 65_535, none=True), "The HTTP port on 127.0.0.1; 0 takes any free one, none opens no "
        "gateway.", "node", 0, "--gateway-port", "gateway_port",
    ),
    Setting(
        "gateway.requests_per_minute", whole(0, 2**31), "What a new API key may ask in a minute; 0 is no limit.",
        "command", 600, "keys new --per-minute",
    ),
    Setting(
        "gateway.requests_per_day", whole(0, 2**31), "What a new API key may ask in a day; 0 is no limit.", "command",
        0, "keys new --per-day",
    ),
    Setting(
        "storage.keep", choice(*KEEP_MODES), "How much of the past stays: archive (all), full (blocks of a week, every "
        "header), light (blocks of an hour).", "node", None, "--keep", "keep", f"{_LAST}, full at first",
    ),
    Setting(
        "storage.disk_mb", whole(DISK_MB_MIN, _DISK_MB_MAX, extra=(0,)), "The budget for chain database and snapshots "
        "in megabytes; 0 is none.", "node", None, "--disk-mb", "disk_mb", f"{_LAST}, none at first",
    ),
    Setting(
        "storage.snapshots", truth(), "Make a snapshot of the state each epoch, for new nodes.", "node", None,
        "--snapshots", "snapshots", f"{_LAST}, yes at first",
    ),
    Setting(
        "model.name", line("a model"), "The model that a miner serves; `neurond models` lists them.", "node",
        DEFAULT_MODEL, "--model", "model",
    ),
    Setting(
        "model.store", line("a folder", _path_problem), "The folder of models.", "node", None, "--model-store",
        "model_store", "one for all homes of this user",
    ),
    Setting(
        "model.threads", whole(1, 256), "The threads that a model may use.", "node", None, "--model-threads",
        "model_threads", "all cores but one",
    ),
    Setting(
        "model.backend", line("a back end", _backend_problem), "Where a miner's answers are drawn: onnx (here), "
        "openai:URL[#MODEL] or ray[:ADDRESS].", "node", DEFAULT_BACKEND, "--backend", "backend",
    ),
    Setting(
        "money.tolerance", percent(), "By how much the price may move against you before a stake or unstake is given "
        "up, in percent, when nothing else is said.", "window", "1",
    ),
    Setting(
        "money.typed_above", amount(), "A sum above this many τ is typed once more before it is signed.", "window",
        "100",
    ),
    Setting(
        "money.hold_seconds", whole(0, 60), "How long a signed transaction can still be withdrawn before it is sent.",
        "window", 5,
    ),
    Setting(
        "money.auto_lock_minutes", whole(0, 1440), "After how many minutes an unlocked coldkey is forgotten by the "
        "window; 0 asks for the password each time.", "window", 10,
    ),
    Setting("window.theme", choice(*THEME_NAMES), "The colours; they only repeat what words and signs say.", "window",
            "dark"),
    Setting("window.ascii", truth(), "Draw with ASCII alone, for terminals and fonts without the signs.", "window",
            False, "--ascii"),
    Setting("window.read_only", truth(), "Show everything and change nothing.", "window", False, "--read-only"),
    Setting("window.desktop_alerts", truth(), "Send alerts to the desktop too, by notify-send.", "window", False),
    Setting("web.port", whole(0, 65_535), "The port of `neurond web` on 127.0.0.1; 0 takes any free one.", "command", 0,
            "web --port"),
    Setting(
        "update.url", line("an address", _address_problem), "Where `neurond update-check` reads what the newest "
        "version is. Nothing is asked without it, and nothing is ever installed.", "command", None,
        "update-check --url", "", "none: nobody is asked",
    ),
    Setting("update.check", truth(), "Let the window ask that address once when it opens.", "window", False),
)  # fmt: skip
BY_KEY: Final = {each.key: each for each in SETTINGS}
BY_VARIABLE: Final = {each.variable: each for each in SETTINGS}
OTHER_VARIABLES: Final = (
    "NEUROND_HOME", "NEUROND_CONFIG", "NEUROND_PROFILE", "NEUROND_MODELS", "NEUROND_PASSWORD", "NEUROND_BACKEND_KEY",
    "NEUROND_PROGRESS", "NEUROND_INTEROP",
)  # fmt: skip
"""Environment variables of this program that are no settings."""


def find_setting(key: str) -> Setting:
    """Return the setting of a key. Raises UnknownKey with the nearest one."""
    found = BY_KEY.get(key)
    if found is None:
        raise UnknownKey(unknown_words(key))
    return found


def unknown_words(key: str) -> str:
    """Say that a key is no setting, what it may have been meant as, or that it is a secret."""
    shown = key if len(key) <= 60 else f"{key[:59]}…"
    if _SECRET.search(key.rpartition(".")[2]):
        return f"{shown!r} looks like a secret; none is ever kept in a configuration."
    bare = [each.key for each in SETTINGS if each.name == key]
    if len(bare) == 1:
        return f"There is no setting {shown!r}. Did you mean {bare[0]}?"
    return f"There is no setting {shown!r}.{nearest(key, [*BY_KEY, PROFILE_KEY])}"


def by_section() -> Iterator[tuple[str, tuple[Setting, ...]]]:
    """Yield each section with its settings, in their order."""
    for section in SECTIONS:
        yield section, tuple(each for each in SETTINGS if each.section == section)


def json_schema() -> Schema:
    """Return the JSON Schema of the file, for editors and programs."""
    sections = {section: _table(SECTIONS[section], settings) for section, settings in by_section()}
    profile: Schema = {"type": "object", "additionalProperties": False, "properties": sections}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "neurond config.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            PROFILE_KEY: {"type": "string", "description": "The profile that is used when none is named."},
            **sections,
            "profiles": {"type": "object", "additionalProperties": profile},
        },
    }


def _table(title: str, settings: tuple[Setting, ...]) -> Schema:
    rows: Schema = {}
    for each in settings:
        row: Schema = {**each.kind.schema, "description": each.help}
        if each.default is not None:
            row["default"] = list(each.default) if isinstance(each.default, tuple) else each.default
        rows[each.name] = row
    return {"type": "object", "description": title, "additionalProperties": False, "properties": rows}
