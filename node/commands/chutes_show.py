"""How chutes, checks and answers are shown to people."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from node.commands.common import duration, facts, short, table
from node.control.amounts import format_amount

if TYPE_CHECKING:
    from node.subnets.chutes.bundle import Chute
    from node.subnets.chutes.checking import CheckReport
    from node.subnets.chutes.listing import ChuteInfo, ChuteStats
    from node.subnets.chutes.requests import InferReply
    from node.subnets.chutes.shop import ChuteCard

_NUMBERS_SHOWN = 8


def render_list(found: "list[ChuteInfo]") -> None:
    """A table of chutes."""
    rows = [
        (each.name, each.kind, short(each.owner) if each.owner else "program", format_amount(each.price_rao),
         f"{each.ram_mb} MB", each.instances, f"{100 * each.demand:.1f} %", each.calls, each.p50_ms or "-")
        for each in found
    ]  # fmt: skip
    columns = ("name", "kind", "owner", "price", "memory", "warm", "demand", "calls", "ms")
    empty = "There are no chutes. Deploy one: `neurond chutes deploy chute.json`."
    table(columns, rows, right=("price", "memory", "warm", "demand", "calls", "ms"), empty=empty)


def render_card(card: "ChuteCard") -> None:
    """One chute, and a line with which it can be called."""
    info, chute = card.info, card.chute
    facts(
        [
            ("name", f"{info.name}, version {info.version}"),
            ("id", info.id),
            ("kind", f"{info.kind}: {info.about}" if info.about else info.kind),
            ("owner", info.owner or "comes with the program"),
            ("licence", info.licence),
            ("price", f"{format_amount(info.price_rao)} for a million units of a million multiply-accumulates"),
            ("creator", f"{info.creator_share_percent} %"),
            ("work", chute.macs),
            ("limits", ", ".join(f"{name} ≤ {size}" for name, size in sorted(chute.limits.items())) or "none"),
            ("tolerance", f"{chute.eps_ppm / 1e6:g}"),
            ("kept warm", f"{duration(chute.warm_seconds)} after the last call"),
            *((f"input {each.name}", f"{each.dtype} {_shape(each.shape)}") for each in chute.inputs),
            *((f"output {each.name}", f"{each.dtype} {_shape(each.shape)}") for each in chute.outputs),
            *(("warm at", miner) for miner in card.warm),
        ]
    )


def _shape(shape: "tuple[int | str, ...]") -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def render_stats(stats: "ChuteStats") -> None:
    """What this node saw of a chute."""
    rate = "-" if stats.pass_rate is None else f"{100 * stats.pass_rate:.1f} %"
    facts(
        [
            (
                "judged here",
                f"{stats.judged}, {rate} right, half within {stats.p50_ms} ms, 95 % within {stats.p95_ms} ms",
            ),
            ("served here", f"{stats.served} calls, {stats.served_units} units"),
            ("owed to the creator", f"{format_amount(stats.creator_rao)} at the recommended price"),
        ]
    )


def render_report(chute: "Chute", report: "CheckReport") -> None:
    """What a check found."""
    rows: list[tuple[str, object]] = [("name", chute.name), ("id", report.id), ("work", report.macs or "-")]
    rows += [("memory", f"{report.memory_mb} MB"), ("operators", ", ".join(sorted(report.operators)) or "-")]
    rows += [("FAILED", failed) for failed in report.failed] or [("result", "every rule holds")]
    facts(rows)


def save_pictures(reply: "InferReply", out: Path | None) -> tuple[Path, ...]:
    """Write the pictures of an answer, the first under the name itself; nothing without a name."""
    if out is None:
        return ()
    files = [file for output in reply.outputs for file in output.png]
    paths = [out if not n else out.with_stem(f"{out.stem}-{n + 1}") for n in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(base64.b64decode(file))
    return tuple(paths)


def render_outputs(reply: "InferReply", written: tuple[Path, ...]) -> None:
    """The answer of a chute: labels where it has them, else its first numbers."""
    for path in written:
        click.echo(f"written: {path}")
    for output in reply.outputs:
        if output.png and not written:
            click.echo(f"{output.name}: {len(output.png)} pictures; --out FILE keeps them")
        ranked = output.shown if isinstance(output.shown, list) else []
        for row in ranked:
            _row(row)
        if not ranked and output.data is not None:
            numbers = ", ".join(f"{number:.6g}" for number in output.data[:_NUMBERS_SHOWN])
            more = " …" if len(output.data) > _NUMBERS_SHOWN else ""
            click.echo(f"{output.name} {output.datatype}{list(output.shape)}: {numbers}{more}")
    click.echo(f"{reply.units} units")


def _row(row: object) -> None:
    if isinstance(row, list) and row and isinstance(row[0], dict):
        for each in row:
            click.echo(f"{100 * float(each['value']):6.2f} %  {each['label'] or each['place']}")
    else:
        click.echo(msgspec.json.encode(row).decode())
