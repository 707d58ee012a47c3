"""`neurond update-check`: asks the configured address for the newest version; installs nothing."""

import click

from node.commands.common import Env, facts, home_command
from node.commands.options import from_config
from node.control.errors import BadUpdate


@click.command("update-check")
@click.option(
    "--url", default=from_config("update.url"), show_default="update.url: none at first", metavar="ADDRESS",
    help="Where to ask: https:// or file:///.",
)  # fmt: skip
@home_command
def update_check(env: Env, url: str | None) -> None:
    """Ask whether there is a newer version. Off until you say whom to ask.

    \b
    Examples:
      neurond config set update.url https://example.org/neurond.json
      neurond update-check
    """
    from node.control.update import check_own

    if not url:
        raise BadUpdate(
            "Nobody is asked: no address is set.", remedy="Set one you trust: neurond config set update.url ADDRESS"
        )
    found = check_own(url)

    def render() -> None:
        rows = [("this version", found.current), ("newest", found.latest)]
        rows += [(label, text) for label, text in (("notes", found.notes), ("page", found.page)) if text]
        facts(rows)
        click.echo("There is a newer version." if found.newer else "This is the newest version.")

    env.emit(found, render)
