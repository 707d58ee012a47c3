"""The validator's side: proofs first, then truth, then what it says about the miner, as facts of a verdict.

A proof that does not hold is forged, whatever the rows say. Truth is judged by bytes: the share that is right of what
could be checked. Nothing that could not be checked moves a score.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.primitives.codec import encode
from node.primitives.types import AccountId
from node.subnets.base import Answer, Code, Host, Neuron, Verdict
from node.subnets.data_universe import pay
from node.subnets.data_universe.entities import Entity, size_of, uri_hash
from node.subnets.data_universe.evidence import Finding, find_out, rows_in
from node.subnets.data_universe.index import BucketSize, bucket_leaf, row_leaf, sample_offsets
from node.subnets.data_universe.ledger import Kept, index_at, others_with_root
from node.subnets.data_universe.limits import CONTENT_CHARS_MAX, MINUTES_PER_HOUR, SAMPLE_ROWS, SEARCH_BYTES_MAX
from node.subnets.data_universe.messages import (
    DataPart,
    DataTask,
    LookupAsk,
    ProvenRow,
    RowsAsk,
    SearchAsk,
    row_of,
    sealed_of,
)
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.scoring import speed, volume
from node.subnets.data_universe.shelf import query_of
from node.subnets.data_universe.similar import mentions
from node.subnets.data_universe.sumtree import follow
from storage.entities_search import words_of

_LOTS: Final = random.SystemRandom()
_SEARCH_CHECKED: Final = 5  # rows of a search whose truth is looked into
_ROW_BYTES_MAX: Final = 4 * CONTENT_CHARS_MAX + 8 * 1024  # the longest text, and the longest names around it


async def judge_answer(task: DataTask, answer: Answer, host: Host, room: Room) -> Verdict:
    """The verdict on a complete answer to any question."""
    if answer.status is not Code.OK:
        return Verdict(0.0, answer.status)
    if not all(isinstance(part, DataPart) for part in answer.parts):
        return Verdict(0.0, Code.MALFORMED)
    miner = host.view().find(answer.miner)
    if miner is None:
        return Verdict(None, Code.UNCHECKABLE, "the miner has no seat any more")
    match task.ask:
        case RowsAsk() as ask:
            return await _judge_rows(ask, answer, miner, host, room)
        case SearchAsk() as ask:
            return await _judge_search(ask, answer, miner, host, room)
        case LookupAsk() as ask:
            strangers = [e for e in rows_in(answer) if uri_hash(e.uri) not in ask.uris]
            return Verdict(0.0, Code.WRONG, "rows that were not asked for") if strangers else Verdict(None, Code.OK)
        case _:
            return Verdict(None, Code.UNCHECKABLE, "whole buckets are for who asked")


# --- samples --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Promise:
    kept: Kept
    buckets: Sequence[BucketSize]


async def _judge_rows(ask: RowsAsk, answer: Answer, miner: Neuron, host: Host, room: Room) -> Verdict:
    found = await _promise(ask, miner, host, room)
    if isinstance(found, Verdict):
        return found
    offsets = await in_thread(
        sample_offsets, ask.seed, miner.hotkey, found.kept.note.root, found.buckets, min(ask.count, SAMPLE_ROWS)
    )
    proven = [each for part in answer.parts if isinstance(part, DataPart) for each in part.proven]
    problem = await in_thread(check_proofs, proven, offsets, miner.hotkey, found.kept, frozenset(found.buckets))
    if problem:
        is_anothers = others_with_root(host.view(), found.kept.note.root, miner.hotkey)
        return Verdict(0.0, Code.PLAGIARISED if is_anothers else Code.FORGED, problem)
    if answer.usage.units != len(proven):
        return Verdict(0.0, Code.OVERCLAIM, "the usage is not that of the rows")
    if not proven:
        return Verdict(None, Code.NO_DATA, "an empty index")
    distinct = {each.row.uri: each.row.entity() for each in proven}
    findings = await find_out(list(distinct.values()), miner, host, room, ask.seed[0])
    facts = await _facts(findings, miner.hotkey, room)
    facts[pay.VALUE] = await room.value_of(miner.hotkey, found.kept.sequence, host.view())
    return verdict_of(findings, facts)


async def _promise(ask: RowsAsk, miner: Neuron, host: Host, room: Room) -> "_Promise | Verdict":
    """The index that the question is about and its buckets, or why there is nothing to judge."""
    view = host.view()
    sequence = next((each.sequence for each in ask.committed if each.miner == miner.hotkey), None)
    if sequence is None:
        return Verdict(None, Code.NO_DATA, "it had promised nothing when the question was drawn")
    kept = index_at(view.state, miner.hotkey, sequence)
    if kept is None:
        return Verdict(None, Code.UNCHECKABLE, "the index it is about is too old by now")
    problem = await room.fetch(host, miner.hotkey, kept)
    if problem:
        is_theirs = problem.startswith("malformed")
        return Verdict(0.0 if is_theirs else None, Code.FORGED if is_theirs else Code.UNCHECKABLE, problem)
    buckets = await in_thread((await room.holdings()).buckets, miner.hotkey, sequence)
    return Verdict(None, Code.UNCHECKABLE, "its index is not here") if buckets is None else _Promise(kept, buckets)


def check_proofs(
    proven: Sequence[ProvenRow], offsets: Sequence[int], holder: AccountId, kept: Kept, buckets: frozenset[BucketSize]
) -> str:
    """Why the rows are not those that were asked for and promised; "" when they are."""
    if len(proven) != len(offsets):
        return f"{len(proven)} rows where {len(offsets)} were asked for"
    for each, offset in zip(proven, offsets, strict=True):
        entity = each.row.entity()
        leaf, size = row_leaf(holder, entity)
        inner = follow(leaf, size, each.in_bucket)
        if inner is None or inner.total != each.bucket_size:
            return "a row's way to its bucket is broken, or its size is not what it counts for"
        sealed = sealed_of(each, inner.root)
        outer = follow(*bucket_leaf(sealed), each.in_index)
        if outer is None or outer.root != kept.note.root or outer.total != kept.note.total:
            return "a bucket is not part of the promised index"
        if BucketSize(sealed.bucket, sealed.size, sealed.rows) not in buckets:
            return "a bucket is another one than the published index lists"
        start = outer.before + inner.before
        if not start <= offset < start + size:
            return "another row than the one that was asked for"
    return ""


# --- searches -------------------------------------------------------------------------------------------------------


async def _judge_search(ask: SearchAsk, answer: Answer, miner: Neuron, host: Host, room: Room) -> Verdict:
    rows = rows_in(answer)
    facts: dict[str, float] = {pay.DEMAND: 0.0, pay.asked_fact(ask.source): 1.0}
    if problem := _misfit(ask, rows):
        return Verdict(0.0, Code.WRONG, problem, facts=facts)
    if answer.usage.units != len(rows):
        return Verdict(0.0, Code.OVERCLAIM, "the usage is not that of the rows", facts=facts)
    if not rows:
        if not await _could_answer(ask, miner.hotkey, room):
            return Verdict(None, Code.NO_DATA, "it holds nothing of that")
        return Verdict(0.0, Code.NO_DATA, "it holds that label and shows nothing of it", facts=facts)
    looked_at = _LOTS.sample(rows, min(len(rows), _SEARCH_CHECKED))  # which ones, nobody knew who made the answer
    findings = await find_out(looked_at, miner, host, room, _LOTS.getrandbits(8))
    if any(finding.is_right is False for finding in findings):
        return verdict_of(findings, facts)
    facts[pay.answered_fact(ask.source)] = 1.0
    asked = len(rows) if _is_full(rows) else ask.limit
    facts[pay.DEMAND] = speed(answer.t_done_ms / 1000) * volume(len(rows), asked)
    return Verdict(min(1.0, facts[pay.DEMAND]), Code.OK, f"{len(rows)} rows of {ask.limit}", facts=facts)


def _is_full(rows: Sequence[Entity]) -> bool:
    """Whether one more row might not have fitted into the answer."""
    return sum(len(encode(row_of(row))) for row in rows) > SEARCH_BYTES_MAX - _ROW_BYTES_MAX


def _misfit(ask: SearchAsk, rows: Sequence[Entity]) -> str:
    """Why rows are no answer to a search; "" when they are."""
    query = query_of(ask)
    if len(rows) > ask.limit or len({row.uri for row in rows}) != len(rows):
        return "more rows than asked for, or one twice"
    authors, words = {name.lower() for name in ask.usernames}, words_of(query)
    for row in rows:
        fits = (
            (query.source is None or row.source == query.source)
            and (query.label is None or row.label == query.label)
            and (query.start is None or row.minute >= query.start)
            and (query.end is None or row.minute < query.end)
            and (not authors or row.author.lower() in authors)
            and (query.uri_hash is None or uri_hash(row.uri) == query.uri_hash)
            and (not query.words or mentions(row.content, words, all_words=query.all_words))
        )
        if not fits:
            return "a row that does not fit the question"
    return ""


async def _could_answer(ask: SearchAsk, miner: AccountId, room: Room) -> bool:
    """Whether a miner's own index says that it holds rows that fit; it lists no words or authors."""
    if not ask.label or ask.keywords or ask.usernames or ask.url:
        return False
    holdings = await room.holdings()
    newest = await in_thread(holdings.newest, miner)
    return any(
        each.bucket.label == ask.label
        and ask.source in (0, each.bucket.source)
        and ask.start <= MINUTES_PER_HOUR * each.bucket.hour
        and (not ask.end or MINUTES_PER_HOUR * (each.bucket.hour + 1) <= ask.end)
        for each in newest
    )


# --- verdicts -------------------------------------------------------------------------------------------------------


async def _facts(findings: Sequence[Finding], miner: AccountId, room: Room) -> dict[str, float]:
    """Rows by source, how much of the sample nobody has shown elsewhere, and how much of it is still to be found."""
    facts: dict[str, float] = {}
    sampled = own = 0.0
    for finding in findings:
        source = finding.entity.source
        size = float(size_of(finding.entity.content))
        again, elsewhere = await in_thread(room.witnesses.copies, miner, finding.entity)
        sampled, own = sampled + size, own + (0.0 if again else size / (1 + elsewhere))
        if finding.is_right is not None:
            facts[pay.checked_fact(source)] = facts.get(pay.checked_fact(source), 0.0) + 1.0
            facts[pay.right_fact(source)] = facts.get(pay.right_fact(source), 0.0) + float(finding.is_right)
    facts[pay.UNIQUE] = own / sampled if sampled else 0.0
    gone = sum(size_of(finding.entity.content) for finding in findings if finding.is_gone)
    there = sum(size_of(finding.entity.content) for finding in findings if finding.is_right is not None)
    facts[pay.FOUND] = there / (there + gone) if there else 0.0
    return facts


def verdict_of(findings: Sequence[Finding], facts: dict[str, float]) -> Verdict:
    """The share of right bytes among those that could be checked; no score when none could."""
    sizes = {True: 0, False: 0}
    unknown = 0
    for finding in findings:
        size = size_of(finding.entity.content)
        if finding.is_right is None:
            unknown += size
        else:
            sizes[finding.is_right] += size
    checked = sizes[True] + sizes[False]
    if not checked:
        return Verdict(None, Code.UNCHECKABLE, findings[0].why if findings else "nothing to check")
    wrong = next((finding.why for finding in findings if finding.is_right is False), "")
    share = sizes[True] / checked
    told = f"{len(findings)} rows, {100 * share:.0f} % of the checked bytes right"
    if wrong:
        return Verdict(share, Code.FORGED, f"{told}: {wrong}", checked / (checked + unknown), facts)
    return Verdict(share, Code.OK, told, checked / (checked + unknown), facts)
