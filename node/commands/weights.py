"""`neurond weights`: a validator's opinion, set by hand. A running validator sets its own; this is for one without."""

import click

from node.commands.common import Env
from node.commands.money import MoneyOptions, money_command
from node.commands.options import netuid_option
from node.control.errors import BadArgument
from node.control.options import DEFAULT_HOTKEY


@click.group()
def weights() -> None:
    """Set a validator's weights by hand.

    \b
    Example:
      neurond weights set --netuid 1 --uids 2,3 --weights 0.7,0.3 --dry-run
    """


@weights.command("set")
@netuid_option
@click.option("--uids", required=True, metavar="A,B,C", help="Seats.")
@click.option("--weights", "values", required=True, metavar="X,Y,Z", help="Numbers from 0 up; only ratios count.")
@click.option("--version-key", type=click.IntRange(0, 2**63 - 1), default=0, help="As the subnet asks for.")
@click.option("--hotkey", default=DEFAULT_HOTKEY, show_default=True, help="Hotkey of the wallet that signs.")
@money_command
def set_weights(
    env: Env, money: MoneyOptions, netuid: int, uids: str, values: str, version_key: int, hotkey: str
) -> None:
    """Set weights with a hotkey of the wallet.

    \b
    Example:
      neurond weights set --netuid 1 --uids 2,3 --weights 0.7,0.3
    """
    import asyncio

    from node.commands.tx import send_call
    from node.control.call_form import build_call
    from node.sdk.intents import u16_weights

    seats = [_whole(each) for each in _parts(uids)]
    shares = list(u16_weights(seats, [_number(each) for each in _parts(values)]))
    call = build_call("set_weights", {"netuid": netuid, "uids": seats, "values": shares, "version_key": version_key})
    asyncio.run(send_call(env, money, call, hotkey))


def _parts(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise BadArgument(f"{text[:20]!r} is no seat.")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadArgument(f"{text[:20]!r} is no weight.") from error
