"""`neurond receipts`: what both sides of a call have signed; shown, checked, and exported for anybody to check."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import click

from node.commands.common import Env, command, facts, narrate, short, table
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.record_api import RECEIPTS_PER_PAGE_MAX, ReceiptRequest, ReceiptsRequest
from node.control.views.records import ReceiptKind, ReceiptView
from node.primitives.errors import NodeError

KINDS: Final[tuple[ReceiptKind, ...]] = get_args(ReceiptKind)
FILE_BYTES_MAX: Final = 256 * 1024 * 1024  # fifty thousand receipts take 100 MB
LINE_BYTES_MAX: Final = 64 * 1024


class BadReceiptFile(NodeError):
    """A file that should hold exported receipts and does not."""

    code = "cli.bad_receipt_file"
    remedy = "`neurond receipts export FILE` writes one; each line is a JSON object with the field `raw`."


@click.group()
def receipts() -> None:
    """What both sides of a call have signed: who asked whom, for what, when, and how fast.

    \b
    Examples:
      neurond receipts list
      neurond receipts export receipts.jsonl
    """


@receipts.command("list")
@click.option("--limit", type=click.IntRange(1, RECEIPTS_PER_PAGE_MAX), default=20, show_default=True)
@click.option("--kind", type=click.Choice(KINDS), help="Calls of users here, calls served, or answers to challenges.")
@command
def list_receipts(env: Env, limit: int, kind: ReceiptKind | None) -> None:
    """List the newest receipts of this node.

    \b
    Examples:
      neurond receipts list --kind challenge --limit 50
    """
    with SyncClient(env.home) as client:
        found = client.call(ReceiptsRequest(limit, 0, kind))
    env.emit(found, lambda: _render_list(found))


@receipts.command("show")
@click.argument("digest")
@command
def show(env: Env, digest: str) -> None:
    """Show one receipt; DIGEST may be cut short, at least four hex digits.

    \b
    Examples:
      neurond receipts show 3fa2b1
    """
    with SyncClient(env.home) as client:
        found = client.call(ReceiptRequest(_hex(digest)))
    env.emit(found, lambda: _render_one(found))


@receipts.command("verify")
@click.argument("digest", required=False)
@click.option(
    "--file", "path", type=click.Path(dir_okay=False, path_type=Path),
    help="Check every receipt of an exported file instead; needs no node.",
)  # fmt: skip
@command
def verify(env: Env, digest: str | None, path: Path | None) -> int:
    """Check the signatures of a receipt, or of all receipts in a file.

    Exit status 1 when one does not hold.

    \b
    Examples:
      neurond receipts verify 3fa2
      neurond receipts verify --file receipts.jsonl
    """
    if (digest is None) == (path is None):
        raise click.UsageError("Name either a digest or --file FILE.")
    if path is not None:
        checked = [{"digest": name, "holds": holds} for name, holds in check_file(path)]
        bad = [each for each in checked if not each["holds"]]
        env.emit(checked, lambda: click.echo(f"{len(checked) - len(bad)} of {len(checked)} receipts hold."))
        for each in bad:
            narrate(f"{each['digest']} does not hold.")
        return int(bool(bad))
    with SyncClient(env.home) as client:
        found = client.call(ReceiptRequest(_hex(digest or "")))
    env.emit(found, lambda: click.echo(f"{found.digest} {'holds' if found.holds else 'does not hold'}."))
    return int(not found.holds)


@receipts.command("export")
@click.argument("path", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--kind", type=click.Choice(KINDS))
@command
def export(env: Env, path: Path, kind: ReceiptKind | None) -> None:
    """Write all receipts to a file, one JSON object a line, newest first; it can be verified without this node.

    \b
    Examples:
      neurond receipts export receipts.jsonl
      neurond receipts export served.jsonl --kind served
    """
    count = 0
    with SyncClient(env.home) as client, path.open("x", encoding="utf-8") as file:
        for each in _all(client, kind):
            file.write(json.dumps(_plain(each), sort_keys=True) + "\n")
            count += 1
            if count % RECEIPTS_PER_PAGE_MAX == 0:
                narrate(f"{count} receipts written")
    env.emit({"path": str(path), "receipts": count}, lambda: click.echo(f"{count} receipts are in {path}."))


def check_file(path: Path) -> Iterator[tuple[str, bool]]:
    """Digest of each receipt in an exported file and whether both its signatures hold. Raises BadReceiptFile."""
    from node.market.errors import MalformedMessage
    from node.market.frames import Receipt, decode, receipt_digest, receipt_holds
    from node.primitives.crypto import verify as check

    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadReceiptFile(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadReceiptFile(f"{path} has more than {FILE_BYTES_MAX >> 20} MB.")
        for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX), ""), 1):
            try:
                told = json.loads(line)
                raw = bytes.fromhex(told["raw"])
                receipt = decode(Receipt, raw)
            except (ValueError, KeyError, TypeError, RecursionError, MalformedMessage) as error:
                raise BadReceiptFile(f"Line {number} of {path} holds no receipt.") from error
            name = receipt_digest(receipt).hex()
            yield name, told.get("digest", name) == name and receipt_holds(receipt, check)


def _all(client: SyncClient, kind: ReceiptKind | None) -> Iterator[ReceiptView]:
    skip = 0
    while True:
        page = client.call(ReceiptsRequest(RECEIPTS_PER_PAGE_MAX, skip, kind))
        yield from page
        if len(page) < RECEIPTS_PER_PAGE_MAX:
            return
        skip += len(page)


def _plain(each: ReceiptView) -> dict[str, object]:
    return {name: getattr(each, name) for name in each.__struct_fields__}


def _hex(digest: str) -> str:
    cut = digest.lower()[: len(digest) // 2 * 2]
    if len(cut) < 4 or len(cut) > 64 or any(char not in "0123456789abcdef" for char in cut):
        raise click.UsageError("A digest is written in hex digits, at least four of them.")
    return cut


def _render_list(found: tuple[ReceiptView, ...]) -> None:
    columns = ("digest", "kind", "subnet", "caller", "miner", "model", "tokens", "units", "took", "block", "spent")
    table(
        columns,
        [
            (each.digest[:12], each.kind, each.netuid, short(each.caller), short(each.miner), each.model,
             f"{each.prompt_tokens}+{each.completion_tokens}", each.units or "", f"{each.t_done_ms / 1000:.1f} s",
             each.height, format_amount(each.spent_rao) if each.spent_rao else "")
            for each in found
        ],
        right=("subnet", "tokens", "units", "took", "block", "spent"),
        empty="No receipts yet: they come with calls and with answers to challenges.",
    )  # fmt: skip


def _render_one(each: ReceiptView) -> None:
    facts([
        ("receipt", each.digest),
        ("kind", each.kind),
        ("subnet", f"{each.netuid}, rules version {each.rules}"),
        ("caller", each.caller),
        ("miner", each.miner),
        ("model", each.model or "-"),
        ("request", each.request),
        ("answer", each.answer),
        ("usage", f"{each.prompt_tokens} prompt tokens, {each.completion_tokens} tokens, {each.units} units"),
        ("timing", f"first part after {each.t_first_ms} ms, done after {each.t_done_ms} ms"),
        ("asked at", f"block {each.height}"),
        ("spent", format_amount(each.spent_rao)),
        ("signatures", "both hold" if each.holds else "do not hold"),
    ])  # fmt: skip
