"""Changing a configuration: values are checked as they are given, reviewed together, and written in one step.

A review says what was, what will be, when each change counts, and what wins over it. Writing refuses a file that
somebody else has changed since it was read.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.control import config_file, config_text
from node.control.config import PROFILES, Config, faults_of, path_of, understand
from node.control.config_file import Source
from node.control.config_kinds import NONE, Value, show
from node.control.config_settings import APPLIES_WORDS, PROFILE_KEY, Applies, Setting, find_setting
from node.control.errors import BadConfig, ConfigUnusable
from node.control.paths import CONFIG_VARIABLE


@dataclass(frozen=True, slots=True)
class Change:
    """One reviewed change; `after` is what will count, `wins` names what hides it, if anything does."""

    setting: Setting
    before: str
    after: str
    wins: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What writing would do: changes in their order, and the text of the file before and after."""

    source: Source
    text: str
    changes: tuple[Change, ...]

    def applying(self, applies: Applies) -> tuple[Change, ...]:
        """Return the changes that count at one time."""
        return tuple(each for each in self.changes if each.setting.applies == applies)


def file_of(home: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the file that a home's changes are written to. Raises ConfigUnusable where none is to be used."""
    found = path_of(home, environment)
    if found is None:
        raise ConfigUnusable(f"${CONFIG_VARIABLE} says that there is no configuration.", remedy="Unset it.")
    return found


def checked_value(key: str, texts: Sequence[str]) -> Value:
    """Return the value that texts mean for a setting (or for the key `profile`). Raises BadConfig, UnknownKey."""
    if key == PROFILE_KEY and len(texts) == 1:
        return texts[0]
    setting = find_setting(key)
    try:
        if setting.kind.many:
            given = [part for text in texts for part in _list(setting.kind.read(text))]
            return setting.kind.check(given)
        if len(texts) != 1:
            raise ValueError(f"takes one value, not {len(texts)}")
        return setting.kind.check(setting.kind.read(texts[0]))
    except ValueError as error:
        raise BadConfig(f"{key} {error}.", remedy="Nothing was written.") from error


def place_of(key: str, profile: str = "") -> config_text.Path:
    """Return where a key stands in the file. Raises UnknownKey."""
    path = (PROFILE_KEY,) if key == PROFILE_KEY else tuple(find_setting(key).key.split("."))
    return (PROFILES, profile, *path) if profile else path


def changed_text(path: Path, text: str, changes: Mapping[config_text.Path, Value | None]) -> str:
    """Return the text of the file with the changes in it.

    Raises:
        BadConfig: the whole would not be right; nothing is ever written into a file with faults.
    """
    for place, value in changes.items():
        text = config_text.with_value(text, place, value)
    faults = faults_of(Source(path, text, "new"), config_text.parse(text))
    if faults:
        raise BadConfig(faults[0].sentence, remedy="Nothing was written.")
    return text


def review(
    home: Path, config: Config, changes: Mapping[str, Value | None], environment: Mapping[str, str] | None = None
) -> Review:
    """Return what writing `changes` (by key; None takes one out) would do to the configuration that was read.

    A setting that the profile in use has is changed there, everything else in the file itself. Raises ConfigError.
    """
    chosen = os.environ if environment is None else environment
    path = file_of(home, chosen)
    places = {place_of(key, config.profile if config[key].where == "profile" else ""): v for key, v in changes.items()}
    text = changed_text(path, config.source.text, places)
    after = understand(home, Source(path, text, "new"), profile=config.profile or None, environment=chosen)
    rows = []
    for key, value in changes.items():
        found = after[key]
        wins = found.place if found.where == "environment" else ""
        rows.append(Change(found.setting, words_of(config, key), _said(found.setting, value, after, key), wins))
    return Review(config.source, text, tuple(rows))


def write(home: Path, wanted: Review, environment: Mapping[str, str] | None = None) -> Path:
    """Write what was reviewed. Raises ConfigChanged when the file is not the one that was read, ConfigUnusable."""
    path = file_of(home, environment)
    config_file.change(path, lambda _: wanted.text, expected=wanted.source.digest)
    return path


def words_of(config: Config, key: str) -> str:
    """Return the value of a setting for people; what happens without one in brackets."""
    found = config[key]
    return show(found.value) or f"({found.setting.otherwise or NONE})"


def when_words(changes: Sequence[Change]) -> list[str]:
    """Return one line for each time at which some of the changes begin to count."""
    lines = []
    for applies, words in APPLIES_WORDS.items():
        keys = [each.setting.key for each in changes if each.setting.applies == applies]
        if keys:
            lines.append(f"{', '.join(keys)}: {words}")
    return lines


def _said(setting: Setting, value: Value | None, after: Config, key: str) -> str:
    if value is None:
        return f"{words_of(after, key)}, from {after[key].where}"
    return show(value) or "(none)"


def _list(given: object) -> list[object]:
    return given if isinstance(given, list) else [given]
