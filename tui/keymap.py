"""Every key by the name of what it does, and a person's own file that gives it other keys.

A binding's id is where it holds and what it does: `app.help`, `live-table.bottom`, `subnets.stake`. `keymap.toml` in
the configuration folder maps ids to keys. What is wrong in it is told with file, entry and reason and is not used;
the rest is, and the window opens whatever the file holds.
"""

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from node.control.paths import config_folder
from tui.limits import KEYMAP_BYTES_MAX, KEYMAP_FAULTS_MAX, KEYS_PER_ACTION_MAX
from tui.text import clean

_MODIFIERS: Final = ("ctrl", "alt", "shift", "super", "hyper", "meta")
_NAMED: Final = frozenset({each.value for each in Keys} | set(KEY_NAME_REPLACEMENTS.values())) | {
    "colon", "semicolon", "comma", "slash", "question_mark", "exclamation_mark", "left_square_bracket",
    "right_square_bracket", "plus", "equals_sign", "asterisk", "space", "number_sign", "percent_sign", "ampersand",
    "apostrophe", "quotation_mark", "backslash", "vertical_line", "tilde", "grave_accent", "at", "dollar_sign",
    "circumflex_accent", "less_than_sign", "greater_than_sign", "left_parenthesis", "right_parenthesis",
    "left_curly_bracket", "right_curly_bracket", "full_stop",
}  # fmt: skip
_HEAD: Final = """\
# Keys of the terminal UI. Each line is what a key does and its keys, separated by commas; those that you leave out
# keep their own. Take the # away from what you change. Names: a, G, ?, f5, space, enter, escape, ctrl+x, shift+tab.
"""


@dataclass(frozen=True, slots=True)
class Keymap:
    """`keys` by binding id, in Textual's own form; `faults` are sentences on what is not used, and why."""

    keys: Mapping[str, str]
    faults: tuple[str, ...] = ()


def keymap_path(home: Path) -> Path:
    """Return where a person's own keys are read from, whether or not the file exists."""
    return config_folder(home) / "keymap.toml"


def give_ids() -> None:
    """Give every binding of our classes that has none its id. Costs next to nothing when called again."""
    for kind in _kinds(DOMNode):
        if "_neurond_ids" in kind.__dict__:
            continue
        kind._neurond_ids = True  # type: ignore[attr-defined]
        if kind.__module__.startswith("tui."):
            own = kind.__dict__.get("BINDINGS")
            if own:
                kind.BINDINGS = _named(_scope(kind), own)
        kind._merged_bindings = kind._merge_bindings()  # of a base that now has ids as well


def bindings_of(kind: type[DOMNode]) -> list[Binding]:
    """Return the bindings that our own classes declare for `kind`, nearest class first."""
    return [
        binding
        for each in kind.__mro__
        if each.__module__.startswith("tui.")
        for binding in each.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding)
    ]


def all_bindings() -> dict[str, Binding]:
    """Return every binding of the classes that are loaded, by id."""
    give_ids()
    kinds = [each for each in _kinds(DOMNode) if each.__module__.startswith("tui.")]
    return {each.id: each for kind in kinds for each in bindings_of(kind) if each.id}


def read_keymap(path: Path) -> Keymap:
    """Return what a file asks for; an absent one asks for nothing. Ids are checked later, by `unknown`."""
    try:
        with path.open("rb") as file:
            raw = file.read(KEYMAP_BYTES_MAX + 1)
    except FileNotFoundError:
        return Keymap({})
    except OSError as error:
        return Keymap({}, (f"{path}: cannot be read: {error.strerror}.",))
    if len(raw) > KEYMAP_BYTES_MAX:
        return Keymap({}, (f"{path}: is larger than {KEYMAP_BYTES_MAX} bytes, so none of it is used.",))
    return parse_keymap(raw, str(path))


def parse_keymap(raw: bytes, name: str) -> Keymap:
    """Return what the bytes of a file called `name` ask for."""
    try:
        tables = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Keymap({}, (f"{name}: is no text, so none of it is used.",))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Keymap({}, (f"{name}: is no TOML, so none of it is used: {clean(str(error), 200)}.",))
    keys: dict[str, str] = {}
    faults: list[str] = []
    for entry, value in _flat(tables):
        found, fault = _keys(value)
        if fault:
            faults.append(f"{name}: {clean(entry, 80)}: {fault}")
        else:
            keys[entry] = found
    return Keymap(keys, tuple(faults[:KEYMAP_FAULTS_MAX]))


def unknown(keymap: Keymap, known: Mapping[str, Binding], name: str) -> tuple[str, ...]:
    """Return what is wrong with the ids of a keymap: those that do not exist, and those that take a key.

    An entry that takes the key of another binding is used all the same: it is what its writer asked for.
    """
    faults = []
    taken: dict[tuple[str, str], str] = {}
    usual = {
        (entry.split(".")[0], key.strip()): entry
        for entry, binding in known.items()
        if entry not in keymap.keys
        for key in binding.key.split(",")
    }
    for entry, keys in keymap.keys.items():
        if entry not in known:
            near = difflib.get_close_matches(entry, known, n=1)
            hint = f" Near: {near[0]}." if near else " `:keymap` writes down all that there are."
            faults.append(f"{name}: {clean(entry, 80)}: nothing has this name.{hint}")
            continue
        for key in keys.split(","):
            first = taken.setdefault((entry.split(".")[0], key), entry)
            other = usual.get((entry.split(".")[0], key))
            if first != entry:
                faults.append(f"{name}: {entry}: the key {key} is given to {first} already.")
            elif other is not None:
                faults.append(f"{name}: {entry}: takes the key {key} of {other}; give that another one.")
    return tuple(faults[:KEYMAP_FAULTS_MAX])


def example(known: Mapping[str, Binding]) -> str:
    """Return a file that changes nothing and names everything."""
    lines = [_HEAD]
    for scope in sorted({each.split(".")[0] for each in known}, key=lambda each: (each != "app", each)):
        lines.append(f"[{scope}]")
        for entry, binding in sorted(known.items()):
            if entry.split(".")[0] == scope:
                what = binding.description or binding.tooltip
                keys = binding.key.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'# {entry.split(".", 1)[1]} = "{keys}"' + (f"  # {what}" if what else ""))
        lines.append("")
    return "\n".join(lines)


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet, for its owner alone. Raises OSError, FileExistsError above all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        path.chmod(0o600)
        file.write(text)


def _kinds(kind: type[DOMNode]) -> Iterable[type[DOMNode]]:
    """All classes below `kind`, bases before what is made of them."""
    seen: set[type[DOMNode]] = set()
    level: Collection[type[DOMNode]] = kind.__subclasses__()
    while level:
        fresh = [each for each in level if each not in seen]
        seen.update(fresh)
        yield from fresh
        level = [below for each in fresh for below in each.__subclasses__()]


def _scope(kind: type[DOMNode]) -> str:
    if kind.__module__ == "tui.app":
        return "app"
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__.removesuffix("Screen") or "screen").lower()


def _named(scope: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    used: set[str] = set()
    named: list[BindingType] = []
    for each in bindings:
        binding = Binding(*each) if isinstance(each, tuple) else each
        if binding.id is None:
            words = f"{scope}.{_slug(binding.action)}"
            number = 1
            while (words if number == 1 else f"{words}-{number}") in used:
                number += 1
            binding = replace(binding, id=words if number == 1 else f"{words}-{number}")
        used.add(str(binding.id))
        named.append(binding)
    return named


def _slug(action: str) -> str:
    """`app.show('ask')` → show-ask, `move(-1)` → move-back-1."""
    words = action.split(".", 1)[1] if re.match(r"(app|screen|focused)\.", action) else action
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"-(?=\d)", "back ", words.replace("_", "-")).lower()))


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _keys(value: object) -> tuple[str, str]:
    """The keys of one entry, and what is wrong with them."""
    parts: object = ([value] if value == "," else value.split(",")) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
        return "", 'keys are a text such as "ctrl+x,f5", or a list of such texts.'
    names = ["comma" if each == "," else each.strip() for each in parts]
    if not 1 <= len(names) <= KEYS_PER_ACTION_MAX:
        return "", f"name one to {KEYS_PER_ACTION_MAX} keys."
    bad = next((each for each in names if not is_key(each)), None)
    return (",".join(names), "") if bad is None else ("", f"{clean(bad, 40)!r} is no key.")


def is_key(name: str) -> bool:
    """Tell whether a terminal can report a key of this name."""
    *modifiers, last = name.split("+") if name not in ("+", "") else [name]
    if len(set(modifiers)) != len(modifiers) or not set(modifiers) <= set(_MODIFIERS):
        return False
    return (len(last) == 1 and last.isprintable() and last != " ") or last in _NAMED
