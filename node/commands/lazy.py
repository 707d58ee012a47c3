"""Groups of commands: one that imports a command only when it runs, one that has a command for when none is named."""

import importlib
from collections.abc import Mapping
from typing import Any, Final

import click

_GROUPS_TOLD_MAX: Final = 3  # a name that many groups have, such as list, says nothing


class LazyGroup(click.Group):
    """A group whose `lazy` maps a name to ("module:attribute", one line of help), in the order of the help page."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    @property
    def lazy(self) -> Mapping[str, tuple[str, str]]:
        """Where each command is, and its one line of help."""
        return self._lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, attribute = self._lazy[cmd_name][0].split(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As the library does, which would not know what to offer for a name that is none. Raises NoSuchCommand."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            name = error.command_name
            where = self._groups_with(ctx, name)
            if 0 < len(where) <= _GROUPS_TOLD_MAX:
                known = " or ".join(f"`{ctx.command_path} {each} {name}`" for each in where)
                raise click.NoSuchCommand(name, f"{error.message} There is {known}.", ctx=ctx) from None
            raise click.NoSuchCommand(name, possibilities=self._lazy, ctx=ctx) from None

    def _groups_with(self, ctx: click.Context, name: str) -> list[str]:
        """The groups in which there is a command of this name."""
        groups = ((each, self.get_command(ctx, each)) for each in self._lazy)
        return [each for each, group in groups if isinstance(group, click.Group) and name in group.list_commands(ctx)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])


class DefaultGroup(click.Group):
    """A group in which `neurond group --json` means `neurond group DEFAULT --json`."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    @property
    def default_name(self) -> str:
        """The command that stands where none is named."""
        return self._default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = bool(args) and args[0] in ctx.help_option_names
        if not args or (args[0].startswith("-") and not asks_for_help):
            args = [self._default, *args]
        return super().parse_args(ctx, args)
