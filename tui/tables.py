"""Peers, seats and tasks as rows of a live table: one place that decides what a column says."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from node.control.schema import Metagraph, Neuron, NodeStatus, PeerInfo, ProposalView, Stake, SubnetInfo, Task
from tui.model import Model
from tui.text import alpha, clean, count, duration, float_of, millis, price, short, spark, tau, time_of_day, u16
from tui.themes import Tone
from tui.widgets.live_table import Cell, Column, Row

PEER_COLUMNS: Final = (
    Column("peer", 11),
    Column("way", 7, rank=1),
    Column("latency", 8, right=True),
    Column("lately", 8, rank=8),
    Column("height", 9, right=True, rank=2),
    Column("does", 11, rank=5),
    Column("score", 6, right=True, rank=3),
    Column("since", 7, right=True, rank=4),
    Column("agent", 14, grow=True, rank=6),
    Column("hotkey", 9, rank=7),
)
SEAT_COLUMNS: Final = (
    Column("uid", 4, right=True),
    Column("hotkey", 9),
    Column("does", 11),
    Column("incentive", 10, right=True),
    Column("dividends", 10, right=True, rank=3),
    Column("earned α", 11, right=True, rank=1),
    Column("stake", 14, right=True, rank=2),
    Column("trust", 7, right=True, rank=5),
    Column("consensus", 10, right=True, rank=6),
    Column("updated", 9, right=True, rank=4),
    Column("peer", 11, rank=7),
    Column("rank", 5, right=True, rank=8),
    Column("own α", 12, right=True, rank=9),
    Column("coldkey", 9, rank=10),
    Column("since", 9, right=True, rank=11),
)
TASK_COLUMNS: Final = (
    Column("time", 8),
    Column("state", 9),
    Column("kind", 10, rank=4),
    Column("miner", 13),  # and how many more
    Column("latency", 8, right=True),
    Column("tokens", 7, right=True, rank=2),
    Column("score", 6, right=True),
    Column("question or reason", 18, grow=True, rank=3),
)
SUBNET_COLUMNS: Final = (
    Column("net", 4, right=True),
    Column("name", 14, grow=True),
    Column("price τ", 9, right=True),
    Column("market cap", 13, right=True),
    Column("change", 8, right=True, rank=2),
    Column("pool", 13, right=True, rank=3),
    Column("a block", 10, right=True, rank=4),
    Column("seats", 8, right=True, rank=5),
    Column("a seat", 10, right=True, rank=6),
    Column("yours", 12, right=True, rank=1),
)
POSITION_COLUMNS: Final = (
    Column("net", 4, right=True),
    Column("name", 14, grow=True, rank=2),
    Column("validator", 9),
    Column("stake", 14, right=True),
    Column("value", 13, right=True),
    Column("price τ", 9, right=True, rank=3),
)
PROPOSAL_COLUMNS: Final = (
    Column("no", 4, right=True),
    Column("call", 22, grow=True),
    Column("for", 9, right=True),
    Column("against", 8, right=True, rank=1),
    Column("until block", 12, right=True),
    Column("closable", 9, rank=2),
    Column("arguments", 30, grow=True, rank=3),
)


HEAT: Final = "▁▂▄▆█"
_HEAT_TONES: Final[tuple[Tone, ...]] = ("dim", "plain", "second", "accent", "good")
Heat = Callable[[int], tuple[str, Tone]]


def peer_rows(
    peers: Iterable[PeerInfo],
    seats: Mapping[str, Neuron] | None = None,
    lately: Mapping[str, Sequence[float]] | None = None,
    group: Callable[[PeerInfo], str] = lambda _: "",
) -> list[Row]:
    """Return one row a peer, in the columns of PEER_COLUMNS.

    `seats` by hotkey tell what a peer does, `lately` are its latest round trips in ms by peer id, `group` its group.
    """
    rows = []
    for peer in peers:
        seat = (seats or {}).get(peer.hotkey or "")
        past = tuple((lately or {}).get(peer.peer_id, ()))
        rows.append(
            Row(
                clean(peer.peer_id),
                (
                    Cell(short(peer.peer_id, 4, 6), "strong"),
                    Cell(*_way(peer)),
                    Cell(millis(peer.latency_ms), _latency_tone(peer.latency_ms), peer.latency_ms or 0.0),
                    Cell(spark(past, 8) if len(past) > 1 else "–", "dim", past[-1] if past else 0.0),
                    Cell("–" if peer.height is None else count(peer.height), "plain", peer.height or 0),
                    Cell(*(("–", "dim") if seat is None else does(seat))),
                    Cell(f"{peer.score:+.1f}" if peer.score else "0", "bad" if peer.score < 0 else "dim", peer.score),
                    Cell(duration(peer.connected_s), "dim", peer.connected_s),
                    Cell(clean(peer.agent, 80), "dim"),
                    Cell(short(peer.hotkey), "second"),
                ),
                group=group(peer),
            )
        )
    return rows


def _way(peer: PeerInfo) -> tuple[str, Tone]:
    """Who dialled, and whether the bytes take the long way through a relay."""
    arrow = "→" if peer.direction == "out" else "←"
    return (f"{arrow} relay", "warn") if peer.route == "relayed" else (arrow, "dim")


def heat(values: Iterable[int]) -> Heat:
    """Return what gives a value its bar, by how many of the values above zero are not larger, and the bar's tone."""
    ladder = sorted(value for value in values if value > 0)

    def of(value: int) -> tuple[str, Tone]:
        if value <= 0 or not ladder:
            return " ", "dim"
        step = max(0, min(4, (5 * bisect_right(ladder, value) - 1) // len(ladder)))
        return HEAT[step], _HEAT_TONES[step]

    return of


def seat_rows(metagraph: Metagraph, status: NodeStatus | None) -> list[Row]:
    """Return one row a seat, in the columns of SEAT_COLUMNS; this node's own is marked."""
    mine = status.hotkey if status is not None else None
    neurons = metagraph.neurons
    ranks = {
        each.uid: place
        for place, each in enumerate(sorted(neurons, key=lambda each: (-each.incentive_u16, each.uid)), 1)
        if each.incentive_u16 > 0
    }
    heats = (
        heat(each.incentive_u16 for each in neurons),
        heat(each.dividends_u16 for each in neurons),
        heat(each.stake_rao for each in neurons),
    )
    return [_seat(each, metagraph.height, each.hotkey == mine, ranks.get(each.uid), heats) for each in neurons]


def _seat(neuron: Neuron, height: int, mine: bool, rank: int | None, heats: tuple[Heat, Heat, Heat]) -> Row:
    age = max(0, height - neuron.last_update)
    return Row(
        clean(neuron.hotkey) or str(neuron.uid),
        (
            Cell(str(neuron.uid), "dim", neuron.uid),
            Cell(short(neuron.hotkey), "strong"),
            Cell(*does(neuron)),
            _warm(u16(neuron.incentive_u16), neuron.incentive_u16, heats[0]),
            _warm(u16(neuron.dividends_u16), neuron.dividends_u16, heats[1]),
            Cell(alpha(neuron.emission_alpha).removesuffix(" α"), "accent", neuron.emission_alpha),
            _warm(alpha(neuron.stake_rao), neuron.stake_rao, heats[2]),
            Cell(u16(neuron.validator_trust_u16), "dim", neuron.validator_trust_u16),
            Cell(u16(neuron.consensus_u16), "dim", neuron.consensus_u16),
            Cell(f"−{count(age)}", "dim", age),
            Cell(short(neuron.peer_id, 4, 6), "dim"),
            Cell("–" if rank is None else str(rank), "plain", rank or 2**31),
            Cell(alpha(neuron.stake_alpha), "dim", neuron.stake_alpha),
            Cell(short(neuron.coldkey), "second"),
            Cell(count(neuron.registered_at), "dim", neuron.registered_at),
        ),
        mine,
    )


def _warm(text: str, value: int, heat: Heat) -> Cell:
    """A figure with the bar of its fifth among all of its column."""
    bar, tone = heat(value)
    return Cell(f"{text} {bar}", tone, value)


def does(neuron: Neuron) -> tuple[str, Tone]:
    """Return what a seat is, as a sign and a word."""
    if neuron.validator_permit:
        return "⚖ validator", "second"
    return ("⚒ miner", "good") if neuron.active else ("○ idle", "dim")


def market_cap(found: SubnetInfo) -> int:
    """What all α outside the pool would be worth at the present price, in rao."""
    return found.outstanding_alpha * found.price_rao // 10**9


def subnet_rows(model: Model) -> list[Row]:
    """Return one row a subnet, in the columns of SUBNET_COLUMNS; the one this node works in is marked."""
    mine = model.status.netuids if model.status is not None else ()
    own: dict[int, int] = {}
    for stake in model.account.stakes if model.account else ():
        own[stake.netuid] = own.get(stake.netuid, 0) + stake.value_rao
    return [_subnet(each, own.get(each.netuid, 0), _change(model, each.netuid), mine) for each in model.subnets or ()]


def _subnet(found: SubnetInfo, own_rao: int, change: float | None, mine: tuple[int, ...]) -> Row:
    tone: Tone = "dim" if not change else "good" if change > 0 else "bad"
    return Row(
        str(found.netuid),
        (
            Cell(str(found.netuid), "dim", found.netuid),
            Cell(clean(found.name, 80), "strong"),
            Cell(price(found.price_rao), "accent", found.price_rao),
            Cell(tau(market_cap(found)), "plain", market_cap(found)),
            Cell("–" if change is None else f"{100 * change:+.2f} %", tone, change or 0.0),
            Cell(tau(found.pool_rao), "plain", found.pool_rao),
            Cell(tau(found.emission_rao_per_block), "dim", found.emission_rao_per_block),
            Cell(f"{count(found.neurons)}/{count(found.neurons_max)}", "dim", found.neurons),
            Cell(tau(found.burn_rao), "dim", found.burn_rao),
            Cell(tau(own_rao) if own_rao else "–", "good" if own_rao else "dim", own_rao),
        ),
        found.netuid in mine,
    )


def _change(model: Model, netuid: int) -> float | None:
    """The change of a price since this window was opened; None before there are two readings."""
    chart = model.chart(netuid)
    return float_of(chart[-1] / chart[0] - 1) if len(chart) > 1 and chart[0] > 0 else None


def position_key(stake: Stake) -> str:
    """What tells one position from the others."""
    return f"{stake.netuid}:{clean(stake.hotkey)}"


def position_rows(model: Model) -> list[Row]:
    """Return one row a position of the coldkey, in the columns of POSITION_COLUMNS."""
    names = {each.netuid: each.name for each in model.subnets or ()} | {0: "root"}
    own = model.status.hotkey if model.status is not None else None
    return [
        Row(
            position_key(stake),
            (
                Cell(str(stake.netuid), "dim", stake.netuid),
                Cell(clean(names.get(stake.netuid, ""), 80), "strong"),
                Cell(short(stake.hotkey), "second"),
                Cell(
                    tau(stake.stake_alpha) if stake.netuid == 0 else alpha(stake.stake_alpha),
                    "plain",
                    stake.stake_alpha,
                ),
                Cell(tau(stake.value_rao), "accent", stake.value_rao),
                Cell(price(stake.price_rao), "dim", stake.price_rao),
            ),
            stake.hotkey == own,
        )
        for stake in (model.account.stakes if model.account else ())
    ]


def proposal_rows(model: Model) -> list[Row]:
    """Return one row a proposal, in the columns of PROPOSAL_COLUMNS; those this node has voted on are marked."""
    own = model.status.hotkey if model.status is not None else None
    return [_proposal(each, own in (*each.ayes, *each.nays)) for each in model.proposals or ()]


def _proposal(found: ProposalView, voted: bool) -> Row:
    arguments = ", ".join(f"{name}={value}" for name, value in found.arguments.items())
    enough = len(found.ayes) >= found.threshold
    return Row(
        str(found.index),
        (
            Cell(str(found.index), "dim", found.index),
            Cell(clean(found.call, 80), "strong"),
            Cell(f"{len(found.ayes)} of {found.threshold}", "good" if enough else "plain", len(found.ayes)),
            Cell(count(len(found.nays)), "dim", len(found.nays)),
            Cell(count(found.end_height), "plain", found.end_height),
            Cell("yes" if found.closable else "no", "good" if found.closable else "dim"),
            Cell(clean(arguments, 400), "dim"),
        ),
        voted,
    )


def task_rows(tasks: Iterable[Task], utc_offset_s: int, parts: Mapping[str, Mapping[str, Task]]) -> list[Row]:
    """Return one row a task, in the columns of TASK_COLUMNS; `parts` tells how many miners each was given to."""
    return [
        Row(
            clean(task.id),
            (
                Cell(time_of_day(task.started_ms, utc_offset_s), "dim", task.started_ms),
                Cell(*_task_state(task)),
                Cell(clean(task.kind, 40)),
                Cell(_miners(task, len(parts.get(task.id, ()))), "strong"),
                Cell(millis(task.latency_ms), "plain", task.latency_ms or 0.0),
                Cell(count(task.tokens), "plain", task.tokens),
                Cell("–" if task.score is None else f"{task.score:.2f}", _score_tone(task.score), task.score or 0.0),
                _words(task),
            ),
        )
        for task in tasks
    ]


def _words(task: Task) -> Cell:
    """What was asked or answered, or why it did not go well."""
    code = "" if task.code == "OK" and task.preview else task.code
    tone: Tone = "bad" if task.state == "failed" else "dim" if code in ("", "OK") else "warn"
    return Cell(clean(code or task.preview, 400), tone)


def _miners(task: Task, count_of_all: int) -> str:
    return f"{short(task.miner)} +{count_of_all - 1}" if count_of_all > 1 else short(task.miner)


def _task_state(task: Task) -> tuple[str, Tone]:
    match task.state:
        case "running":
            return "… running", "accent"
        case "done":
            return "✓ done", "good"
        case "failed":
            return "✖ failed", "bad"


def _latency_tone(latency_ms: float | None) -> Tone:
    if latency_ms is None:
        return "dim"
    return "good" if latency_ms < 100 else "plain" if latency_ms < 500 else "warn"


def _score_tone(score: float | None) -> Tone:
    return "dim" if score is None else "good" if score >= 0.8 else "warn" if score >= 0.4 else "bad"
