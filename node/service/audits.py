"""Audits as a node runs them: the record fetched from its validator, the chain's word from its own store, a recount.

Nothing here decides what agrees: `node.market.audit` does. What this node's chain does not know is said, not guessed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import trio

from node.control.views.records import AuditFinding, AuditReport, AuditWeight
from node.economics.clock import first_block_of_epoch
from node.ledger import key_queries, network_queries
from node.ledger.calls import CommitWeights, RevealWeights, SetWeights
from node.ledger.commit_hash import commit_hash
from node.ledger.events import Event, WeightsCommitted, WeightsRevealed, WeightsSet
from node.ledger.queries import Metagraph, NeuronRow
from node.ledger.transaction import decode_transaction
from node.market.audit import audit
from node.market.audit_facts import Audit, ChainFacts, Evidence, Finding, Root, SeedEnd, WeightsAt
from node.market.chain import neuron_of
from node.market.errors import MalformedMessage, RecordUnavailable
from node.market.frames import Receipt, chain_of, decode
from node.market.judge import judge
from node.market.record import decode_kept, decode_notes, judged_of, record_digest
from node.market.record_desk import RecordCopy, RecordReader
from node.market.record_lines import Booked, Started, decode_line
from node.market.weights import WeightVector
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.crypto import verify
from node.primitives.limits import ANSWER_PART_BYTES_MAX, BLOCK_BYTES_MAX
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.service.errors import Unknown
from node.service.roles.host import RoleHost
from node.service.roles.judging import JUDGE_TIMEOUT_S
from node.service.roles.seats import PastSeats
from node.subnets.base import Answer, AnySubnet, decode_message
from storage import ChainStore

if TYPE_CHECKING:
    from node.service.app import Running

EVENT_BYTES_MAX: Final = 4096
BLOCKS_READ_MAX: Final = 20_000  # of an audit: some epochs of a public network; read in a worker thread
SCORE_TOLERANCE: Final = 0.01  # between two machines' judgement of one answer; a lie is larger
_EVENT: Final = cast("type[Any]", Event)


async def audit_view(
    running: Running, netuid: int | None, epoch: int | None, validator: str | None, judged: int
) -> AuditReport:
    """Audit a validator's epoch. Raises Unknown, RecordUnavailable, MalformedMessage."""
    chosen = running.netuid if netuid is None else NetUid(netuid)
    if chosen is None or chosen not in running.services.known():
        raise Unknown(
            "This node has no rules for that subnet, so nothing can be recounted.",
            remedy="Name a subnet that `neurond subnets list` shows as known: --netuid N.",
        )
    graph = running.reader.metagraph(chosen)
    if graph is None:
        raise Unknown(f"There is no subnet {chosen}.", remedy="`neurond subnets list` shows what there is.")
    row = _validator(graph, None if validator is None else from_ss58(validator))
    reader = RecordReader(
        running.network,
        neuron_of(row),
        running.chain.genesis_hash,
        chosen,
        desk=running.services.records(row.hotkey, chosen),
    )
    number = epoch
    if number is None:
        heads = await reader.heads()
        if not heads:
            raise RecordUnavailable("The validator has closed no epoch yet.")
        number = heads[-1].head.epoch
    found = await reader.copy(number)
    evidence = await _evidence(running, reader, found, row.hotkey)
    subnet = _rules(running, chosen, found)
    facts = await trio.to_thread.run_sync(partial(_facts, running, graph, row.hotkey, found))
    result = await trio.to_thread.run_sync(audit, evidence, facts, subnet, verify)
    if judged:
        await _judge_again(running, reader, subnet, chosen, result, judged)
    return report_of(result, evidence, graph)


def _validator(graph: Metagraph, hotkey: AccountId | None) -> NeuronRow:
    if hotkey is None:
        asked = [row for row in graph.rows if row.validator_permit and row.peer_id]
        if not asked:
            raise Unknown(f"No validator of subnet {graph.netuid} has published where it can be asked.")
        return max(asked, key=lambda row: (row.stake_weight_rao, -row.uid))
    row = next((each for each in graph.rows if each.hotkey == hotkey), None)
    if row is None:
        raise Unknown(
            f"{to_ss58(hotkey)} has no seat in subnet {graph.netuid}.",
            remedy=f"`neurond metagraph {graph.netuid}` lists who validates.",
        )
    return row


async def _evidence(running: Running, reader: RecordReader, found: RecordCopy, validator: AccountId) -> Evidence:
    """The record with the epochs around it, and the receipts for challenges that this node holds of the validator."""
    head = found.signed.head
    around = {each.head.epoch: each for each in found.heads}
    earlier, later = around.get(head.epoch - 1), around.get(head.epoch + 1)
    own = running.keys.hotkey_account
    rows = []
    if own is not None:
        given = partial(running.market.receipts.between, validator, own, head.netuid, kind="challenge")
        rows = await trio.to_thread.run_sync(given)
    return Evidence(
        found.signed,
        found.before,
        found.lines,
        earlier,
        None if earlier is None else await reader.lines(earlier),
        None if later is None else await reader.lines(later),
        tuple(_receipts(rows)),
    )


def _receipts(rows: list[bytes]) -> Iterator[Receipt]:
    for row in rows:
        try:
            yield decode(Receipt, row)
        except MalformedMessage:  # of an older form
            continue


def _rules(running: Running, netuid: NetUid, found: RecordCopy) -> AnySubnet:
    """The rules that this node has for the subnet, drawing from the models that the record names."""
    subnet = running.services.rules(netuid)
    first = next((line for line in map(decode_line, found.lines[:1]) if isinstance(line, Started)), None)
    if first is None or first.models == subnet.spec.models:
        return subnet
    fitted = copy.copy(subnet)
    fitted.spec = replace(subnet.spec, models=first.models)
    return fitted


# --- the chain's word -----------------------------------------------------------------------------------------------


def _facts(running: Running, graph: Metagraph, hotkey: AccountId, found: RecordCopy) -> ChainFacts:
    """What this node's chain says. Reads old blocks: not for the event loop."""
    netuid, head, store = graph.netuid, found.signed.head, running.chain.store
    view = running.chain.head.executed.state.view
    tempo_blocks = graph.subnet.tempo_blocks
    hyper = graph.subnet.hyperparameters
    last = first_block_of_epoch(head.epoch + 2 + hyper.reveal_period_epochs, netuid, tempo_blocks)
    uid = next((row.uid for row in graph.rows if row.hotkey == hotkey), None)
    weights, commits, whole = weights_in(store, netuid, hotkey, uid, head.first_height, last)
    roots = {
        row.epoch: Root(row.root, row.leaves, row.height) for row in network_queries.receipt_roots(view, netuid, hotkey)
    }
    return ChainFacts(
        genesis=running.chain.genesis_hash,
        netuid=netuid,
        validator=hotkey,
        tempo_blocks=tempo_blocks,
        roots=roots,
        seeds=_seed_ends(running, found, roots, hotkey),
        block_hash=partial(_block_hash, store),
        seats={row.uid: (row.hotkey, row.registered_at) for row in graph.rows},
        weights=weights,
        commits=commits,
        whole=whole,
        seen=PastSeats(running.market.seats, netuid, head.first_height, head.last_height),
    )


def _seed_ends(running: Running, found: RecordCopy, roots: dict[int, Root], hotkey: AccountId) -> tuple[SeedEnd, ...]:
    """Ends of seeds and since when they are public: as the commitment now, and as heads committed to earlier say."""
    head = found.signed.head
    held = key_queries.commitment_of(running.chain.head.executed.state.view, head.netuid, hotkey)
    ends = [] if held is None else [SeedEnd(n.first_round, n.end, held.height) for n in decode_notes(held.data)]
    for signed in found.heads:
        root = roots.get(signed.head.epoch)
        if root is not None and root.digest == record_digest(signed.head):
            ends += [SeedEnd(note.first_round, note.end, root.height) for note in signed.head.seeds]
    return tuple(sorted(ends, key=lambda each: each.height))  # the earliest word counts


def _block_hash(store: ChainStore, height: Height) -> Hash | None:
    found = store.hash_at(height)
    return None if found is None else Hash(found)


def weights_in(
    store: ChainStore, netuid: NetUid, hotkey: AccountId, uid: int | None, first: int, last: int
) -> tuple[tuple[WeightsAt, ...], dict[bytes, Height], bool]:
    """Weights and commits of a hotkey that took effect in final blocks, and whether all those blocks are kept."""
    taken: list[WeightsAt] = []
    commits: dict[bytes, Height] = {}
    whole, height = store.pruning.horizon().bodies_from <= first, max(first, 1)
    stop = min(last, first + BLOCKS_READ_MAX)
    while height < stop:
        rows = store.blocks_from(height, min(256, stop - height))
        if not rows:
            break
        for row in rows:
            events = None
            for raw in decode_canonical(tuple[bytes, ...], row.body, max_bytes=BLOCK_BYTES_MAX):
                transaction = decode_transaction(raw)
                if transaction.sender != hotkey or not isinstance(
                    transaction.call, SetWeights | CommitWeights | RevealWeights
                ):
                    continue
                events = _events(store, row.height) if events is None else events
                _note_weights(transaction.call, events, netuid, hotkey, uid, Height(row.height), taken, commits)
        height = rows[-1].height + 1
    return tuple(taken), commits, whole


def _note_weights(
    call: SetWeights | CommitWeights | RevealWeights,
    events: list[Any],
    netuid: NetUid,
    hotkey: AccountId,
    uid: int | None,
    height: Height,
    taken: list[WeightsAt],
    commits: dict[bytes, Height],
) -> None:
    """Note what a transaction did; its event tells that it succeeded."""
    if call.netuid != netuid:
        return
    match call:
        case SetWeights() if any(isinstance(e, WeightsSet) and (e.netuid, e.uid) == (netuid, uid) for e in events):
            taken.append(WeightsAt(height, WeightVector(call.uids, call.values), call.version_key))
        case CommitWeights() if WeightsCommitted(hotkey, netuid, call.commit_hash) in events:
            commits[call.commit_hash] = height
        case RevealWeights():
            named = commit_hash(hotkey, netuid, call.uids, call.values, call.salt, call.version_key)
            if WeightsRevealed(hotkey, netuid, named) in events:
                taken.append(WeightsAt(height, WeightVector(call.uids, call.values), call.version_key, named))
        case _:
            pass


def _events(store: ChainStore, height: int) -> list[Any]:
    return [decode_canonical(_EVENT, raw, max_bytes=EVENT_BYTES_MAX) for raw in store.events_at(height)]


# --- judging again --------------------------------------------------------------------------------------------------


async def _judge_again(
    running: Running, reader: RecordReader, subnet: AnySubnet, netuid: NetUid, result: Audit, wanted: int
) -> None:
    """Judge some kept answers here, chosen at random, and note where the verdict is another."""
    candidates = [line for line in result.booked if line.answer and line.question in result.tasks]
    context = running.services.context(netuid)
    host = RoleHost(context, subnet, running.models)
    for line in random.sample(candidates, min(wanted, len(candidates))):
        try:
            body = await reader.answer(line.question, line.miner)
            answer = None if body is None else _answer(subnet, line, body)
        except (MalformedMessage, RecordUnavailable) as error:
            result.findings.append(
                Finding("judge", f"A kept answer is not what it was: {error.message}", -1, line.miner)
            )
            continue
        if answer is None:
            continue
        task = result.tasks[line.question]
        verdict = await judge(subnet, task, answer, host, timeout_s=JUDGE_TIMEOUT_S)
        result.counts["judged"] = result.counts.get("judged", 0) + 1
        told = judged_of(line).verdict
        if verdict.score is None or told.score is None:
            text = f"An answer cannot be judged here ({verdict.code.name}), or was not there ({told.code.name})."
            result.findings.append(Finding("judge", text, -1, line.miner, note=True))
        elif abs(verdict.score - told.score) > SCORE_TOLERANCE:
            text = f"Judged {told.score:.3f} ({told.code.name}); here it is {verdict.score:.3f} ({verdict.code.name})."
            result.findings.append(Finding("judge", text, -1, line.miner))


def _answer(subnet: AnySubnet, line: Booked, body: bytes) -> Answer:
    """The kept answer, once it is proven to be the judged one. Raises MalformedMessage."""
    kept = decode_kept(body)
    chain = chain_of(line.question, kept.parts)
    if chain.digest != line.answer:
        raise MalformedMessage("The parts are not those that the miner has signed.")
    parts = tuple(decode_message(subnet.Part, part, max_bytes=ANSWER_PART_BYTES_MAX) for part in kept.parts)
    return Answer(line.miner, parts, line.usage, chain.digest, line.signature, line.t_first_ms, line.t_done_ms)


# --- the report -----------------------------------------------------------------------------------------------------


def report_of(result: Audit, evidence: Evidence, graph: Metagraph) -> AuditReport:
    """An audit as it is shown."""
    head = evidence.signed.head
    computed = {} if result.computed is None else dict(zip(result.computed.uids, result.computed.values, strict=True))
    at = result.on_chain
    on_chain = {} if at is None else dict(zip(at.vector.uids, at.vector.values, strict=True))
    names = {row.uid: row.hotkey for row in graph.rows} | result.names
    weights = tuple(
        AuditWeight(
            uid, to_ss58(names[uid]) if uid in names else "",
            result.book[names[uid]].score if names.get(uid) in result.book else 0.0,
            computed.get(uid), on_chain.get(uid),
        )
        for uid in sorted({*computed, *on_chain})
    )  # fmt: skip
    findings = tuple(
        AuditFinding(each.kind, each.text, each.line, None if each.miner is None else to_ss58(each.miner), each.note)
        for each in result.findings
    )
    return AuditReport(
        netuid=head.netuid, epoch=head.epoch, validator=to_ss58(head.validator), outcome=result.outcome,  # type: ignore[arg-type]
        weights_agree=result.weights_agree, record=record_digest(head).hex(), lines=head.lines,
        first_height=head.first_height, last_height=head.last_height, set_at=None if at is None else at.height,
        counts=dict(result.counts), weights=weights, findings=findings,
    )  # fmt: skip
