"""`neurond config`: what is set and by whom, and changing it. The node is not asked; it need not run."""

import difflib
import os
from typing import Final

import click
import msgspec

from node.commands.common import Env, home_command, table
from node.control import config as configuration
from node.control import config_file
from node.control.config import PROFILE_VARIABLE, Config
from node.control.config_changes import changed_text, checked_value, file_of, place_of, words_of
from node.control.config_kinds import Value, show
from node.control.config_settings import APPLIES_WORDS, PROFILE_KEY, SETTINGS, Setting, find_setting, json_schema

_PROFILE: Final = click.option(
    "--profile", envvar=PROFILE_VARIABLE, show_envvar=True, metavar="NAME",
    help="Profile of the file. Default: the one that the file names.",
)  # fmt: skip
_DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Show what would change in the file and stop there.")


class Row(msgspec.Struct, frozen=True):
    """One setting for programs. `origin`: environment, profile, file, last start or default; `place` says where."""

    key: str
    value: Value | None
    origin: str
    place: str
    variable: str
    flag: str
    applies: str
    help: str


class Fault(msgspec.Struct, frozen=True):
    """Something wrong; `line` from 1, 0 where there is none."""

    place: str
    line: int
    key: str
    message: str


@click.group()
def config() -> None:
    """What is set and by whom, and changing it.

    In this order: flags, NEUROND_* variables, the profile, the file, what the home did last, the default.

    \b
    Examples:
      neurond config show --origin
      neurond config set gateway.port 8080
    """


@config.command("show")
@click.argument("section", required=False)
@click.option("--origin", is_flag=True, help="Say for each value where it comes from.")
@_PROFILE
@home_command
def show_config(env: Env, section: str | None, origin: bool, profile: str | None) -> None:
    """Show every setting, or those of one section.

    \b
    Examples:
      neurond config show --origin
      neurond config show money --json
    """
    found = configuration.load(env.home, profile=profile)
    chosen = [each for each in SETTINGS if section in (None, each.section)]
    if not chosen:
        find_setting(str(section))  # says what there is instead
        chosen = [each for each in SETTINGS if each.key == section]
    rows = [_row(found, each) for each in chosen]

    def render() -> None:
        columns = ("setting", "value", "from") if origin else ("setting", "value")
        table(columns, [_cells(found, each, origin) for each in chosen], empty="There are no settings.")

    env.emit(rows, render)


@config.command("get")
@click.argument("key")
@_PROFILE
@home_command
def get(env: Env, key: str, profile: str | None) -> None:
    """Print the value of one setting; nothing when it has none.

    \b
    Example:
      neurond config get gateway.port
    """
    setting = find_setting(key)
    found = configuration.load(env.home, profile=profile)
    env.emit(_row(found, setting), lambda: click.echo(show(found.value(key))))


@config.command("set")
@click.argument("key")
@click.argument("values", metavar="VALUE…", nargs=-1, required=True)
@_PROFILE
@_DRY_RUN
@home_command
def set_value(env: Env, key: str, values: tuple[str, ...], profile: str | None, dry_run: bool) -> None:
    """Write a value into the file; comments and order stay as they are. Of a list, give all values.

    \b
    Examples:
      neurond config set gateway.port 8080
      neurond config set node.listen /ip4/0.0.0.0/tcp/4001 /ip6/::/tcp/4001
      neurond config set node.role miner --profile laptop
    """
    _write(env, key, place_of(key, profile or ""), checked_value(key, values), dry_run)


@config.command("unset")
@click.argument("key")
@_PROFILE
@_DRY_RUN
@home_command
def unset(env: Env, key: str, profile: str | None, dry_run: bool) -> None:
    """Take a setting out of the file, so that the next place in the order counts.

    \b
    Example:
      neurond config unset gateway.port
    """
    _write(env, key, place_of(key, profile or ""), None, dry_run)


@config.command("path")
@home_command
def path(env: Env) -> None:
    """Print where the file is, whether or not it exists.

    \b
    Example:
      $EDITOR "$(neurond config path)"
    """
    found = file_of(env.home)
    env.emit({"path": str(found), "exists": found.exists()}, lambda: click.echo(str(found)))


@config.command("validate")
@home_command
def validate(env: Env) -> int:
    """Say everything that is wrong with the file and the environment, each with its line; exit code 1 then.

    \b
    Example:
      neurond config validate
    """
    source, faults = configuration.faults(env.home)
    if not faults:
        configuration.load(env.home)  # the profile that the environment names, too
    rows = [Fault(each.place, each.line, each.key, each.words) for each in faults]

    def render() -> None:
        for each in faults:
            click.echo(each.sentence)
        if not faults:
            click.echo(f"{source.path}: {'nothing is wrong with it.' if source.exists else 'there is none.'}")

    env.emit({"path": str(source.path), "exists": source.exists, "faults": rows}, render)
    return 1 if faults else 0


@config.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors.

    \b
    Example:
      neurond config schema > config.schema.json
    """
    click.echo(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2))


def _row(found: Config, setting: Setting) -> Row:
    each = found[setting.key]
    return Row(
        setting.key, each.value, each.where, each.place, setting.variable, setting.flag,
        APPLIES_WORDS[setting.applies], setting.help,
    )  # fmt: skip


def _cells(found: Config, setting: Setting, origin: bool) -> tuple[object, ...]:
    each = found[setting.key]
    value = words_of(found, setting.key)
    place = f"{each.where}: {each.place}" if each.place else each.where
    return (setting.key, value, place) if origin else (setting.key, value)


def _write(env: Env, key: str, path: tuple[str, ...], value: Value | None, dry_run: bool) -> None:
    file = file_of(env.home)

    def edit(text: str) -> str:
        return changed_text(file, text, {path: value})

    before = config_file.read(file) if dry_run else config_file.change(file, edit)
    after = edit(before.text)
    difference = list(
        difflib.unified_diff(before.text.splitlines(), after.splitlines(), str(file), str(file), "", "", 1, "")
    )
    outcome = {"path": str(file), "key": key, "changed": bool(difference), "written": bool(difference) and not dry_run}

    def render() -> None:
        for each in difference:
            click.echo(each)
        if not difference:
            click.echo(f"{file} says so already.")
        elif not dry_run and key != PROFILE_KEY:
            setting = find_setting(key)
            click.echo(f"It counts {APPLIES_WORDS[setting.applies]}.", err=True)
            if setting.variable in os.environ:
                click.echo(f"The variable {setting.variable} is set too and wins over the file.", err=True)

    env.emit(outcome, render)
