"""`neurond tx build`, `sign` and `submit`: transactions as files, for keys on a machine without a node."""

from __future__ import annotations

import datetime
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from node.commands.common import Env, confirm, facts, narrate
from node.commands.errors import Declined
from node.commands.money import refuse, send_signed, show_draft
from node.commands.options import GENESIS_HASH, Duration
from node.commands.wallet_common import old_password, wallet_command
from node.control.options import DEFAULT_WALLET
from node.control.schema import View
from node.primitives.types import ACCOUNT_BYTES

if TYPE_CHECKING:
    from node.control.actions import Draft
    from node.control.offline import Opened, SignedTx, Unsigned
    from node.control.signed_for import SignedFor
    from node.control.wallets import WalletStore
    from node.primitives.crypto import Signer

_HASH: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_DAY_S: Final = 86_400.0
_QR_COLUMNS, _QR_ROWS = 120, 70
_FILE = click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
_OUT = click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it into this new file. Default: print it.",
)
_QR = click.option("--qr", is_flag=True, help="Also draw it as a QR code on standard error, when it is small enough.")


class TransactionFileView(View, frozen=True):
    """A transaction file: the line that counts, and what it says."""

    line: str
    signed: bool
    genesis_hash: str
    network: str
    expires_ms: int
    says: tuple[tuple[str, str], ...]


@click.command("build")
@click.argument("name", metavar="CALL")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--from", "who", default=DEFAULT_WALLET, show_default=True, help="Who signs: a wallet, label or address.")
@click.option(
    "--valid-for", type=Duration(60.0, _DAY_S), default="6h", show_default=True, help="Time to sign and send."
)
@_OUT
@_QR
@wallet_command
def build(
    env: Env,
    store: WalletStore,
    name: str,
    words: tuple[str, ...],
    who: str,
    valid_for: float,
    out: Path | None,
    qr: bool,
) -> None:
    """Write CALL as a file for a machine that has the key. Nothing is signed and nothing is sent.

    \b
    Example:
      neurond tx build transfer to=5F… amount_rao=12.5 --from cold --out payment.tx
    """
    import asyncio

    from node.control.addresses import find_address
    from node.control.call_draft import draft_call
    from node.control.call_form import build_call, parse_arguments
    from node.control.client_async import AsyncClient
    from node.control.offline import unsigned_of

    call = build_call(name, addressed(env, name, parse_arguments(words), store))
    sender = find_address(env.home, who, store)

    async def prepared() -> Draft:
        async with AsyncClient(env.home) as client:
            return await draft_call(client, call, sender)

    draft = asyncio.run(prepared())
    show_draft(draft, err=True)
    refuse(draft)
    _emit(env, unsigned_of(draft, _now_ms(), valid_for), out, qr=qr)
    narrate("Next, on the machine with the key: neurond tx sign FILE --out signed.tx")


@click.command("sign")
@_FILE
@click.option("-w", "--wallet", "name", default=DEFAULT_WALLET, show_default=True, help="Wallet that signs.")
@click.option("-H", "--hotkey", default=None, help="Sign with this hotkey of the wallet instead of its coldkey.")
@click.option("--genesis", type=GENESIS_HASH, help="The network it must be for. Default: one signed for before.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_OUT
@_QR
@wallet_command
def sign(
    env: Env,
    store: WalletStore,
    path: Path,
    name: str,
    hotkey: str | None,
    genesis: str | None,
    yes: bool,
    out: Path | None,
    qr: bool,
) -> None:
    """Show what FILE says (- for standard input), and sign it. Needs no node and no network.

    \b
    Example:
      neurond tx sign payment.tx -w savings --out signed.tx
    """
    from node.control.offline import check_time, from_text, lines_of, sign_unsigned
    from node.control.signed_for import SignedFor
    from node.wallet import BadTransactionFile

    opened = from_text(_read(path))
    unsigned = opened.unsigned
    if unsigned is None:
        raise BadTransactionFile("This transaction is signed already.", remedy="Send it: neurond tx submit FILE.")
    narrate("This is what will be signed, read from the bytes themselves:")
    facts(lines_of(unsigned), err=True)
    check_time(opened, _now_ms())
    known = SignedFor(env.home)
    _check_network(opened, known, genesis, yes=yes)
    wallet = store.open(name)
    confirm("Sign it?", yes=yes)
    signer: Signer = wallet.unlock(old_password(wallet)) if hotkey is None else wallet.hotkey(hotkey)
    signed = sign_unsigned(unsigned, signer)
    known.remember(opened.genesis_hash)
    _emit(env, signed, out, qr=qr)
    narrate("Next, where a node is: neurond tx submit FILE")


@click.command("submit")
@_FILE
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what it says.")
@wallet_command
def submit(env: Env, _store: WalletStore, path: Path, yes: bool, dry_run: bool) -> None:
    """Send the signed transaction in FILE (- for standard input) and follow it until it is final.

    \b
    Example:
      neurond tx submit signed.tx
    """
    submit_file(env, path, yes=yes, dry_run=dry_run)


def submit_file(env: Env, path: Path, *, yes: bool, dry_run: bool) -> None:
    """Send the signed transaction in a file; see `submit`."""
    import asyncio

    from node.control.offline import check_time, from_text, lines_of
    from node.wallet import BadTransactionFile

    opened = from_text(_read(path))
    signed = opened.signed
    if signed is None:
        raise BadTransactionFile("This transaction is not signed.", remedy="Sign it: neurond tx sign FILE.")
    if dry_run:
        shown = _view(signed)
        env.emit(shown, lambda: facts(list(shown.says)))
        return
    facts(lines_of(signed), err=True)
    check_time(opened, _now_ms())
    confirm("Send it?", yes=yes)
    asyncio.run(_send(env, opened, signed))


async def _send(env: Env, opened: Opened, signed: SignedTx) -> None:
    from node.control.actions import Signed
    from node.control.client_async import AsyncClient
    from node.ledger.transaction import transaction_hash
    from node.wallet import OtherNetwork

    async with AsyncClient(env.home) as client:
        context = await client.tx_context()
        if context.genesis_hash != opened.genesis_hash:
            raise OtherNetwork(
                f"The transaction is for the network {opened.genesis_hash[:16]}…, this node is on "
                f"{context.network} ({context.genesis_hash[:16]}…).",
                remedy="Name the home of a node of the other network with --home.",
            )
        sent = Signed(signed.raw, transaction_hash(signed.raw).hex())
        status = await send_signed(client, context, sent)
    env.emit(status, lambda: click.echo(f"Done in block {status.height:,}."))


def addressed(env: Env, name: str, arguments: dict[str, object], store: WalletStore | None = None) -> dict[str, object]:
    """Return a call's arguments with wallets, WALLET/HOTKEY and labels as addresses where accounts are asked for.

    Raises:
        AddressError: nothing is called so. BadArgument: an unknown call.
    """
    from node.control.addresses import find_address
    from node.control.call_form import spec_named

    found = dict(arguments)
    for field in msgspec.structs.fields(spec_named(name).kind):
        value, kind = arguments.get(field.name), msgspec.inspect.type_info(field.type)
        account = isinstance(kind, msgspec.inspect.BytesType) and kind.min_length == kind.max_length == ACCOUNT_BYTES
        if account and isinstance(value, str) and not _HASH.fullmatch(value):
            found[field.name] = find_address(env.home, value, store)
    return found


def _check_network(opened: Opened, known: SignedFor, genesis: str | None, *, yes: bool) -> None:
    """Return when the file is for a network that the user means. Raises OtherNetwork, Declined."""
    from node.wallet import OtherNetwork

    wanted = (genesis,) if genesis is not None else known.networks()
    if opened.genesis_hash in wanted:
        return
    if wanted:
        raise OtherNetwork(
            f"The file is for the network {opened.network} with genesis {opened.genesis_hash}; this is not one that "
            f"{'you named' if genesis is not None else 'this machine has signed for'}."
        )
    if yes:
        raise Declined(
            "This machine has signed for no network yet, so nobody has compared the genesis hash.",
            remedy="Name it with --genesis, or leave out --yes.",
        )
    confirm(f"Is {opened.genesis_hash} the genesis of your network? It is remembered.", yes=False)


def _read(path: Path) -> bytes:
    from node.control.offline import FILE_BYTES_MAX

    if str(path) == "-":
        return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def _emit(env: Env, item: Unsigned | SignedTx, out: Path | None, *, qr: bool) -> None:
    from node.control.offline import lines_of, to_line, to_text
    from node.control.wallet_desk import WalletDesk

    expires = datetime.datetime.fromtimestamp(item.expires_ms / 1000, datetime.UTC)
    lines = [*lines_of(item), ("valid until", f"{expires:%Y-%m-%d %H:%M:%S} UTC, about")]
    text = to_text(item, lines)
    if out is not None:
        narrate(f"written: {WalletDesk(env.home).save(str(out), text)}")
        text = ""
    env.emit(_view(item), lambda: click.echo(text, nl=False))
    if qr:
        from node.control.qr import inverted, qr_lines

        drawn = inverted(qr_lines(to_line(item), _QR_COLUMNS, _QR_ROWS))
        narrate("\n".join(drawn) if drawn else "It is too large for a QR code: carry the file.")


def _view(item: Unsigned | SignedTx) -> TransactionFileView:
    from node.control.offline import SignedTx, lines_of, to_line

    return TransactionFileView(
        to_line(item), isinstance(item, SignedTx), item.genesis_hash.hex(), item.network, item.expires_ms,
        tuple(lines_of(item)),
    )  # fmt: skip


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
