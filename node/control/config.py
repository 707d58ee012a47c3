"""What is set, and by whom: flags, then `NEUROND_*` variables, then the profile, then the file, then the default.

Between the file and the default stands what the home did last, for the settings that a home remembers. Flags are the
caller's: they are applied by the command that has them. Reading changes nothing and asks nobody.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from node.control import config_file, config_text
from node.control.config_file import Source
from node.control.config_kinds import NONE, Value, nearest
from node.control.config_settings import (
    BY_KEY,
    BY_VARIABLE,
    OTHER_VARIABLES,
    PROFILE_KEY,
    SECTIONS,
    SETTINGS,
    Setting,
    unknown_words,
)
from node.control.errors import BadConfig, ConfigError, UnknownKey
from node.control.limits import CONFIG_FAULTS_SHOWN_MAX, CONFIG_PROFILES_MAX, LAST_START_BYTES_MAX
from node.control.options import NOWHERE
from node.control.paths import CONFIG_VARIABLE, config_path, settings_path

PROFILE_VARIABLE: Final = "NEUROND_PROFILE"
PROFILES: Final = "profiles"
Where = Literal["environment", "profile", "file", "last start", "default"]
_NONE_AS_TEXT: Final = {"gateway.port"}  # settings.json holds null where the file says none
_OURS: Final = tuple(f"NEUROND_{section.upper()}_" for section in SECTIONS)


@dataclass(frozen=True, slots=True)
class Found:
    """A setting's value with its origin; `place` is a variable, or a file with its line. None: not set anywhere."""

    setting: Setting
    value: Value | None
    where: Where = "default"
    place: str = ""

    @property
    def is_chosen(self) -> bool:
        """Whether a person wrote it down, in whatever place."""
        return self.where in ("environment", "profile", "file")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration: one `Found` a setting, in their order."""

    source: Source
    profile: str = ""
    profiles: tuple[str, ...] = ()
    found: Mapping[str, Found] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Found:
        return self.found[key]

    def value(self, key: str) -> Value | None:
        """Return the value of a known key."""
        return self.found[key].value


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file or the environment; `line` from 1, 0 where there is none."""

    place: str
    line: int
    key: str
    words: str

    @property
    def sentence(self) -> str:
        where = f"{self.place}, line {self.line}" if self.line else self.place
        return f"{where}: {self.words}"


def path_of(home: Path, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return where the configuration of a home is; None when $NEUROND_CONFIG says that none is to be read."""
    named = (os.environ if environment is None else environment).get(CONFIG_VARIABLE, "")
    if named == NONE:
        return None
    return Path(named).expanduser().absolute() if named else config_path(home)


def load(home: Path, *, profile: str | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration of a home.

    Raises:
        BadConfig, UnknownKey: something in it does not fit; the message is the first fault. ConfigUnusable.
    """
    chosen = os.environ if environment is None else environment
    path = path_of(home, chosen)
    if path is None:
        return _resolved(home, Source(config_path(home)), {}, None, {})
    source = config_file.read(path)
    return understand(home, source, profile=profile, environment=chosen)


def understand(home: Path, source: Source, *, profile: str | None, environment: Mapping[str, str]) -> Config:
    """Return the configuration that a text and an environment mean. Raises as `load`."""
    document = _document(source)
    problems = [*faults_of(source, document), *environment_faults(environment)]
    if problems:
        more = f" There is more: {len(problems)} in all." if len(problems) > 1 else ""
        unknown = problems[0].words.startswith("There is no setting")
        raise (UnknownKey if unknown else BadConfig)(problems[0].sentence + more)
    named = profile or environment.get(PROFILE_VARIABLE) or document.get(PROFILE_KEY)
    return _resolved(home, source, document, str(named) if named else None, environment)


def faults(home: Path, environment: Mapping[str, str] | None = None) -> tuple[Source, list[Fault]]:
    """Return everything that is wrong with the configuration of a home.

    Raises:
        ConfigUnusable, BadConfig: it cannot be read, or is no TOML at all.
    """
    chosen = os.environ if environment is None else environment
    path = path_of(home, chosen)
    source = Source(config_path(home)) if path is None else config_file.read(path)
    return source, [*faults_of(source, _document(source)), *environment_faults(chosen)]


def faults_of(source: Source, document: config_text.Document) -> list[Fault]:
    """Return what does not fit in a file, at most CONFIG_FAULTS_SHOWN_MAX."""
    found: list[Fault] = []

    def add(path: tuple[str, ...], words: str) -> None:
        if len(found) < CONFIG_FAULTS_SHOWN_MAX:
            line = config_text.line_of(source.text, path) or 0
            found.append(Fault(str(source.path), line, ".".join(path), words))

    for name, value in document.items():
        if name == PROFILE_KEY:
            if not isinstance(value, str) or value not in _profiles(document):
                add((name,), f"profile names {str(value)[:60]!r}, which [profiles] does not have.")
        elif name == PROFILES:
            _check_profiles(value, add)
        else:
            _check_section((), name, value, add)
    return found


def environment_faults(environment: Mapping[str, str]) -> list[Fault]:
    """Return the variables that look like settings and are none, or hold what does not fit."""
    if environment.get(CONFIG_VARIABLE) == NONE:
        return []
    found = []
    for name in sorted(environment):
        setting = BY_VARIABLE.get(name)
        if setting is not None:
            try:
                setting.kind.check(setting.kind.read(environment[name]))
            except ValueError as error:
                found.append(Fault(f"the variable {name}", 0, setting.key, f"{setting.key} {error}."))
        elif name.startswith(_OURS) and name not in OTHER_VARIABLES:
            words = f"There is no setting for it.{nearest(name, list(BY_VARIABLE))}"
            found.append(Fault(f"the variable {name}", 0, "", words))
    return found


def _document(source: Source) -> config_text.Document:
    try:
        return config_text.parse(source.text)
    except BadConfig as error:
        message = error.message
        raise BadConfig(f"{source.path}: {message[:1].lower()}{message[1:]}") from error


def _profiles(document: config_text.Document) -> config_text.Document:
    found = document.get(PROFILES, {})
    return found if isinstance(found, dict) else {}


def _check_profiles(value: object, add: "_Add") -> None:
    if not isinstance(value, dict):
        add((PROFILES,), "profiles must be tables such as [profiles.laptop.node].")
        return
    if len(value) > CONFIG_PROFILES_MAX:
        add((PROFILES,), f"There are {len(value)} profiles; at most {CONFIG_PROFILES_MAX} are allowed.")
    for name, inner in list(value.items())[:CONFIG_PROFILES_MAX]:
        if not isinstance(inner, dict):
            add((PROFILES, name), f"profile {name[:60]!r} must hold tables such as [profiles.{name[:60]}.node].")
            continue
        for section, below in inner.items():
            _check_section((PROFILES, name), section, below, add)


def _check_section(before: tuple[str, ...], section: str, value: object, add: "_Add") -> None:
    if section not in SECTIONS:
        add((*before, section), unknown_words(section))
    elif not isinstance(value, dict):
        add((*before, section), f"{section} must be a table: write [{'.'.join((*before, section))}] above its keys.")
    else:
        for name, each in value.items():
            key = f"{section}.{name}"
            setting = BY_KEY.get(key)
            if setting is None:
                add((*before, section, name), unknown_words(key))
                continue
            try:
                setting.kind.check(each)
            except ValueError as error:
                add((*before, section, name), f"{key} {error}.")


def _resolved(
    home: Path,
    source: Source,
    document: config_text.Document,
    profile: str | None,
    environment: Mapping[str, str],
) -> Config:
    profiles = _profiles(document)
    if profile is not None and profile not in profiles:
        known = ", ".join(profiles) or "none"
        raise BadConfig(
            f"{source.path} has no profile {profile[:60]!r}; it has: {known}.{nearest(profile, list(profiles))}"
        )
    last = last_start(home)
    own = profiles.get(profile, {}) if profile is not None else {}
    found: dict[str, Found] = {}
    for setting in SETTINGS:
        found[setting.key] = (
            _from_environment(setting, environment)
            or _from_table(setting, own, "profile", source, (PROFILES, profile or ""))
            or _from_table(setting, document, "file", source, ())
            or _from_last(setting, last, home)
            or Found(setting, setting.default)
        )
    return Config(source, profile or "", tuple(profiles), found)


def _from_environment(setting: Setting, environment: Mapping[str, str]) -> Found | None:
    text = environment.get(setting.variable)
    if text is None:
        return None
    return Found(setting, setting.kind.check(setting.kind.read(text)), "environment", setting.variable)


def _from_table(
    setting: Setting, table: object, where: Literal["profile", "file"], source: Source, before: tuple[str, ...]
) -> Found | None:
    section = table.get(setting.section) if isinstance(table, dict) else None
    if not isinstance(section, dict) or setting.name not in section:
        return None
    line = config_text.line_of(source.text, (*before, setting.section, setting.name))
    place = f"{source.path}{f', line {line}' if line else ''}"
    return Found(setting, setting.kind.check(section[setting.name]), where, place)


def _from_last(setting: Setting, last: Mapping[str, object], home: Path) -> Found | None:
    """What the home did last, when that differs from the default; a damaged memory counts as none."""
    value = last.get(setting.field) if setting.field else None
    if value is None and setting.key in _NONE_AS_TEXT and setting.field in last:
        value = NONE
    if setting.key == "node.listen" and value == []:
        value = [NOWHERE]
    if value is None or value == [] or setting.field not in last:
        return None
    try:
        checked = setting.kind.check(value)
    except ValueError:
        return None
    return None if checked == setting.default else Found(setting, checked, "last start", str(settings_path(home)))


def last_start(home: Path) -> Mapping[str, object]:
    """Return what the daemon of a home remembers of its last start, by field of `DaemonConfig`; {} without one."""
    try:
        with settings_path(home).open("rb") as file:
            return msgspec.json.decode(file.read(LAST_START_BYTES_MAX), type=dict[str, object])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


class _Add(Protocol):
    """The type of what collects faults."""

    def __call__(self, path: tuple[str, ...], words: str) -> None: ...


__all__ = [
    "PROFILES",
    "PROFILE_VARIABLE",
    "Config",
    "ConfigError",
    "Fault",
    "Found",
    "environment_faults",
    "faults",
    "faults_of",
    "last_start",
    "load",
    "path_of",
    "understand",
]
