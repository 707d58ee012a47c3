"""`neurond wallet sign` and `verify`: messages signed as the owner of an address."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, facts
from node.commands.errors import NothingThere
from node.commands.wallet_common import old_password, wallet_command
from node.control.options import DEFAULT_WALLET
from node.control.schema import View
from node.primitives.address import from_ss58, to_ss58
from node.primitives.errors import CryptoError
from node.wallet.limits import MESSAGE_BYTES_MAX

if TYPE_CHECKING:
    from node.control.wallets import WalletStore
    from node.primitives.crypto import Signer

_MESSAGE = click.option("-m", "--message", help="The message itself.")
_FILE = click.option(
    "-f", "--file", "path", type=click.Path(path_type=Path), help="A file to sign; - is standard input."
)


class SignedMessageView(View, frozen=True):
    """A signed message; the signature as 128 hex digits."""

    address: str
    signature: str
    message_bytes: int


class VerifiedView(View, frozen=True):
    """What a signature was found to be over: the wrapped message, or its bare bytes."""

    address: str
    form: str


@click.command("sign")
@_MESSAGE
@_FILE
@click.option("-w", "--wallet", "name", default=DEFAULT_WALLET, show_default=True, help="Wallet that signs.")
@click.option("-H", "--hotkey", default=None, help="Sign with this hotkey of the wallet instead of its coldkey.")
@wallet_command
def sign(env: Env, store: WalletStore, message: str | None, path: Path | None, name: str, hotkey: str | None) -> None:
    """Sign a message as the owner of an address. What is signed can never pass for a transaction.

    \b
    Example:
      neurond wallet sign -m "I own this address, 2027-01-02"
    """
    from node.wallet.message import sign_message

    data = _data(message, path)
    wallet = store.open(name)
    signer: Signer = wallet.unlock(old_password(wallet)) if hotkey is None else wallet.hotkey(hotkey)
    shown = SignedMessageView(to_ss58(signer.public), sign_message(signer, data).hex(), len(data))
    env.emit(shown, lambda: facts([("address", shown.address), ("signature", shown.signature)]))


@click.command("verify")
@click.argument("who", metavar="WHO")
@click.argument("signature")
@_MESSAGE
@_FILE
@wallet_command
def verify(env: Env, store: WalletStore, who: str, signature: str, message: str | None, path: Path | None) -> None:
    """Check that WHO (an address, a wallet or a label) has signed a message. Exit code 1 when not.

    \b
    Example:
      neurond wallet verify 5F… 0x12ab… -m "I own this address, 2027-01-02"
    """
    from node.control.addresses import find_address
    from node.wallet.message import check_message, parse_signature

    address = find_address(env.home, who, store)
    verdict = check_message(from_ss58(address), _data(message, path), parse_signature(signature))
    if verdict == "no":
        raise CryptoError(
            f"{address} has not signed this message.", remedy="Every byte counts: compare message and signature."
        )
    shown = VerifiedView(address, verdict)
    form = "" if verdict == "wrapped" else " (over the bare bytes, as older tools sign)"
    env.emit(shown, lambda: click.echo(f"✓ {address} has signed this{form}."))


def _data(message: str | None, path: Path | None) -> bytes:
    """The message's bytes. Raises NothingThere, BadSignedMessage, OSError."""
    from node.wallet import BadSignedMessage

    if (message is None) == (path is None):
        raise NothingThere("Say what is signed.", remedy="Give either --message or --file.")
    if message is not None:
        return message.encode("utf-8", "surrogateescape")
    if str(path) == "-":
        data = sys.stdin.buffer.read(MESSAGE_BYTES_MAX + 1)
    else:
        with Path(str(path)).open("rb") as file:
            data = file.read(MESSAGE_BYTES_MAX + 1)
    if len(data) > MESSAGE_BYTES_MAX:
        raise BadSignedMessage(f"The message has more than {MESSAGE_BYTES_MAX:,} bytes.")
    return data
