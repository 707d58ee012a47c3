"""One seat of a subnet in words: its facts, its weights, its pay, and why it ranks where it does."""

from collections.abc import Iterable, Sequence
from typing import Final

from textual.content import Content

from node.control.schema import Neuron, ValidatorReason, Why
from node.control.views.inspect import SeatDetail, SeatWeight
from tui.tables import does
from tui.text import alpha, clean, count, cut, duration, fit, gauge, millis, per_cent, plural, short, spark, u16
from tui.widgets.draw import field, rows, say

_BAR_CELLS: Final = 20
_U16_MAX: Final = 65_535
_VERDICTS_MAX: Final = 40


def seat_lines(seat: Neuron, mine: bool) -> list[Content]:
    """Return the facts that the metagraph has."""
    return [
        say((f"uid {seat.uid} ", "strong"), does(seat), ("  ★ this node", "accent") if mine else ""),
        say(""),
        field("incentive", say(u16(seat.incentive_u16))),
        field("dividends", say(u16(seat.dividends_u16))),
        field("consensus", say(u16(seat.consensus_u16))),
        field("trust", say(u16(seat.validator_trust_u16))),
        field("last epoch", say((alpha(seat.emission_alpha, sign=True), "accent"))),
        field("stake", say(alpha(seat.stake_rao), (f"  own {alpha(seat.stake_alpha)}", "dim"))),  # with its root τ
        field("updated", say(f"block {count(seat.last_update)}")),
        field("registered", say(f"block {count(seat.registered_at)}")),
        say(""),
        say(("hotkey", "dim")),
        say(clean(seat.hotkey, 80)),
        say(("coldkey", "dim")),
        say(clean(seat.coldkey, 80)),
        say(("peer", "dim")),
        say(clean(seat.peer_id, 80) or "–"),
        *(say((clean(address, 200), "dim")) for address in seat.addresses[:4]),
    ]


def weight_lines(weights: Sequence[SeatWeight], none: str) -> list[Content]:
    """Return a line and a bar a weight."""
    if not weights:
        return [say((none, "dim"))]
    lines = []
    for each in weights:
        full, empty = gauge(each.share, _BAR_CELLS)
        lines.append(
            say(
                (f"{each.uid:>5} ", "dim"), fit(short(each.hotkey), 10), (full, "accent"), (empty, "dim"),
                f" {per_cent(each.share, 1):>7}", (f"  stake {alpha(each.stake_rao)}", "dim"),
            )
        )  # fmt: skip
    return lines


def history_lines(found: SeatDetail, cells: int) -> list[Content]:
    """Return the pay of past epochs as a spark, its sums, and one line an epoch, the newest first."""
    paid = [each.incentive_alpha + each.dividends_alpha for each in found.history]
    known = f"events are here from block {count(found.history_from)} on"
    if not paid:
        return [say(("no epoch has paid this hotkey yet, as far as this node knows; ", "dim"), (known, "dim"))]
    lines = [
        say((spark(paid, max(10, cells - 4)), "accent")),
        say(plural(len(paid), "epoch"), f" · {alpha(sum(paid))} together", (f" · {known}", "dim")),
        say(""),
    ]
    for each in reversed(found.history):
        parts = [alpha(each.incentive_alpha) + " for work"] if each.incentive_alpha else []
        parts += [alpha(each.dividends_alpha) + " for weights"] if each.dividends_alpha else []
        lines.append(say((f"block {count(each.height):>11}  ", "dim"), " · ".join(parts)))
    return lines


def why_lines(why: Why, now_ms: int) -> list[Content]:
    """Return the place, what the next rank needs, failures, advice, then what each validator says."""
    place = (
        f"rank {why.rank} of {why.ranked}" if why.rank else f"no rank: {why.ranked} seats have incentive, this one none"
    )
    lines = [field("place", say((place, "strong"), f" · incentive {u16(why.incentive_u16)}"))]
    lines.append(field("next rank", _next_rank(why)))
    failures = ", ".join(f"{clean(code, 40)} ×{number}" for code, number in why.failures.items())
    lines.append(
        field("failures", say((failures, "warn")) if failures else say(("none that anybody remembers", "good")))
    )
    lines += [
        field("to do" if at == 0 else "", say((clean(each, 300), "accent"))) for at, each in enumerate(why.advice)
    ]
    if not why.validators:
        lines += [say(""), say(("No validator with a permit has published where it can be asked.", "dim"))]
    for reason in why.validators:
        lines += [say(""), *_reason_lines(reason, now_ms)]
    return lines


def _next_rank(why: Why) -> Content:
    if why.ahead_incentive_u16 is None:
        return say(("this is the first", "good") if why.rank else ("nobody has incentive yet", "dim"))
    ahead, own = why.ahead_incentive_u16, why.incentive_u16
    scores = [(each.ahead - each.score) for each in why.validators if each.ahead is not None and not each.problem]
    gap = f"incentive {u16(ahead)}, {u16(max(0, ahead - own))} more"
    missing = max(scores, default=None)
    if missing is None:
        return say(gap)
    more = f" · in scores {missing:+.3f} at the validator that is furthest" if missing > 0 else " · no score is missing"
    return say(gap, (more, "dim"))


def _reason_lines(reason: ValidatorReason, now_ms: int) -> Iterable[Content]:
    yield say(
        (f"validator {reason.uid} ", "strong"), short(reason.hotkey), (f"  stake {alpha(reason.stake_rao)}", "dim"),
        f"  weight on chain {per_cent(reason.weight_on_chain, 1)}",
    )  # fmt: skip
    if reason.problem:
        yield say(("  could not be asked: ", "warn"), clean(reason.problem, 200))
        return
    ahead = "" if reason.ahead is None else f" · one rank better has {reason.ahead:.3f}"
    rank = f"rank {reason.rank} of {reason.ranked}" if reason.rank else f"no rank of {reason.ranked} yet"
    yield say(f"  score {reason.score:.3f} of {reason.samples:.1f} answers, {rank}{ahead}")
    for verdict in reason.verdicts[:_VERDICTS_MAX]:
        bad = verdict.score is not None and verdict.score < 0.99
        score = "  –  " if verdict.score is None else f"{verdict.score:5.3f}"
        ago = duration(max(0, now_ms - verdict.judged_ms) / 1000)
        yield say(
            (f"  {fit(ago + ' ago', 13)}", "dim"), fit(clean(verdict.kind), 11), (score, "bad" if bad else "good"),
            f"  {clean(verdict.meaning, 120)}",
            (f"  {millis(verdict.latency_ms)}  {clean(verdict.evidence, 120)}", "dim"),
        )  # fmt: skip


def comparison(left: Neuron, right: Neuron) -> Content:
    """Return two seats beside each other, with what the second has more or less."""
    lines = [
        say((fit("", 12), "dim"), (fit(f"uid {left.uid}", 18), "strong"), (fit(f"uid {right.uid}", 18), "strong"),
            ("difference", "dim")),
        say((fit("hotkey", 12), "dim"), fit(short(left.hotkey, 6, 6), 18), fit(short(right.hotkey, 6, 6), 18)),
        say((fit("does", 12), "dim"), fit(does(left)[0], 18), fit(does(right)[0], 18)),
    ]  # fmt: skip
    shares = ("incentive_u16", "dividends_u16", "consensus_u16", "validator_trust_u16")
    for name in shares:
        one, other = getattr(left, name), getattr(right, name)
        change = (other - one) / _U16_MAX
        lines.append(_compared(name.removesuffix("_u16").replace("validator_", ""), u16(one), u16(other),
                               f"{per_cent(change, 1)}", change))  # fmt: skip
    for name, show in (("emission_alpha", alpha), ("stake_rao", alpha), ("stake_alpha", alpha)):
        one, other = getattr(left, name), getattr(right, name)
        label = {"emission_alpha": "last epoch", "stake_rao": "stake", "stake_alpha": "own α"}[name]
        lines.append(_compared(label, show(one), show(other), show(other - one, sign=True), other - one))
    for name, label in (("last_update", "updated"), ("registered_at", "registered")):
        one, other = getattr(left, name), getattr(right, name)
        lines.append(
            _compared(label, count(one), count(other), f"{other - one:+,}" if abs(other - one) < 10**15 else "–", 0)
        )
    same = "the same coldkey" if left.coldkey == right.coldkey else "different coldkeys"
    return rows([*lines, say(""), say((same, "warn" if left.coldkey == right.coldkey else "dim"))])


def _compared(label: str, one: str, other: str, difference: str, sign: float) -> Content:
    sign_text = "" if difference.startswith(("+", "−", "-")) or not sign else "+"
    return say(
        (fit(label, 12), "dim"), fit(cut(one, 17), 18), fit(cut(other, 17), 18),
        (sign_text + difference, "good" if sign > 0 else "bad" if sign < 0 else "dim"),
    )  # fmt: skip
