"""`neurond wallet book`: labels that stand for addresses of others."""

import click

from node.commands.common import Env, command, table
from node.commands.lazy import DefaultGroup
from node.control.schema import View


class LabelView(View, frozen=True):
    """A label and the address that it stands for."""

    label: str
    address: str


@click.group(cls=DefaultGroup, default="list")
def book() -> None:
    """Labels for addresses; a label may be written wherever an address is asked for.

    \b
    Example:
      neurond wallet book add exchange 5F…
    """


@book.command("list")
@command
def list_labels(env: Env) -> None:
    """List the labels.

    \b
    Example:
      neurond wallet book list
    """
    from node.control.addresses import address_book

    found = tuple(LabelView(each.label, each.address) for each in address_book(env.home).entries())
    rows = [(each.label, each.address) for each in found]
    env.emit(found, lambda: table(("label", "address"), rows, empty="No labels yet: neurond wallet book add LABEL 5F…"))


@book.command("add")
@click.argument("label")
@click.argument("address", metavar="SS58")
@command
def add(env: Env, label: str, address: str) -> None:
    """Let LABEL stand for an address. A label never comes to mean another one without being removed first.

    \b
    Example:
      neurond wallet book add exchange 5F…
    """
    from node.control.addresses import address_book, find_address
    from node.control.wallets import wallet_store
    from node.wallet import LabelTaken

    if any(each.name == label for each in wallet_store(env.home).readable()[0]):
        raise LabelTaken(f"There is a wallet {label} in this home.")
    entry = address_book(env.home).add(label, find_address(env.home, address))
    shown = LabelView(entry.label, entry.address)
    env.emit(shown, lambda: click.echo(f"{shown.label} is {shown.address}."))


@book.command("remove")
@click.argument("label")
@command
def remove(env: Env, label: str) -> None:
    """Remove a label.

    \b
    Example:
      neurond wallet book remove exchange
    """
    from node.control.addresses import address_book

    entry = address_book(env.home).remove(label)
    shown = LabelView(entry.label, entry.address)
    env.emit(shown, lambda: click.echo(f"{shown.label} ({shown.address}) is removed."))
