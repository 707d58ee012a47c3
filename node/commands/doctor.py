"""`neurond doctor`: what is wrong, and what to do about it."""

from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, table
from node.control.api import DoctorRequest
from node.control.client_sync import SyncClient
from node.control.errors import NotRunning
from node.control.limits import DOCTOR_TIMEOUT_S
from node.control.schema import Checkup

_MARKS: Final = {"ok": "✓ ok", "warn": "! look", "bad": "✗ bad"}


@click.command()
@command
def doctor(env: Env) -> int:
    """Look for what is wrong with the node and say what to do; exit code 1 when something is bad.

    Works with the node stopped too, and then looks at files, disk, memory and GPU alone.

    \b
    Example:
      neurond doctor
    """
    try:
        with SyncClient(env.home, timeout_s=DOCTOR_TIMEOUT_S) as client:
            found = client.call(DoctorRequest())
    except NotRunning:
        found = _look_at_home(env)
    env.emit(found, lambda: _render(found))
    return 0 if found.healthy else 1


def _look_at_home(env: Env) -> Checkup:
    from node.service.doctor import checkup, stopped_checks
    from node.service.home import Home
    from node.service.local_checks import local_checks
    from node.service.model_store import ChosenModel, shared_model_store

    home = Home(env.home)
    last = home.settings_of_last_start()
    store = shared_model_store() if last.model_store is None else Path(last.model_store)
    return checkup([*stopped_checks(last.listen), *local_checks(home, ChosenModel.of(last.model), store)])


def _render(found: Checkup) -> None:
    rows = [(_MARKS[check.state], check.name, check.found) for check in found.checks]
    table(("", "what", "found"), rows, empty="Nothing was looked at.")
    todo = [check for check in found.checks if check.fix]
    if todo:
        click.echo()
    for check in todo:
        click.echo(f"{_MARKS[check.state][0]} {check.name}: {check.fix}")
