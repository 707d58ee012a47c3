"""Judging an answer of subnet Chutes by running the chute again. Nothing here writes down anything but the verdict."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import trio

from models import BadModelFile, BadPrompt, ModelError, PromptTooLong
from node.market.errors import BadRequest, MalformedMessage, ServeFailed
from node.primitives.errors import MarketError
from node.primitives.types import AccountId
from node.subnets.base import Answer, Code, Host, Usage, Verdict
from node.subnets.chutes.bundle import Chute
from node.subnets.chutes.catalogue import Listed, warm_miners
from node.subnets.chutes.chats import chat_usage, content_of_chat, judge_chat
from node.subnets.chutes.limits import ARRAY_BYTES_MAX
from node.subnets.chutes.messages import ChutePart, ChuteTask, mark_of
from node.subnets.chutes.scoring import BOUNTY, CHUTE, RAM_MB, UNITS, bounty, short_id
from node.subnets.chutes.strategies import Tools, hold_proof

if TYPE_CHECKING:
    import numpy as np

    Outputs = Mapping[str, np.ndarray]


async def judge_answer(task: ChuteTask, answer: Answer, host: Host, tools: Tools, round_blocks: int) -> Verdict:
    """The verdict on a complete answer, with the facts that weights are made of."""
    parts = [part for part in answer.parts if isinstance(part, ChutePart)]
    if answer.status is not Code.OK or not parts or len(parts) != len(answer.parts) or not parts[-1].done:
        return Verdict(0.0, Code.MALFORMED if answer.status is Code.OK else answer.status)
    listed = tools.catalogue.find(host.view(), task.chute)
    if listed is None:
        return Verdict(None, Code.UNCHECKABLE, "the chute is not in this validator's catalogue")
    if any(part.chute != task.chute for part in parts):
        return Verdict(0.0, Code.WRONG_MODEL, "the answer is of another chute")
    try:
        verdict = await _judged(listed, task, answer, parts, host, tools)
    except (BadRequest, BadPrompt, PromptTooLong, ServeFailed) as error:
        return Verdict(None, Code.UNCHECKABLE, f"the task does not fit the chute: {error}")
    except (ModelError, MarketError) as error:
        return Verdict(None, Code.UNCHECKABLE, str(error))
    if verdict.score is not None and not task.hold:
        tools.seen.note_judged(listed.id, answer.t_done_ms, passed=verdict.score > 0.0)
    return _with_facts(verdict, listed, answer, host, round_blocks)


def _with_facts(verdict: Verdict, listed: Listed, answer: Answer, host: Host, round_blocks: int) -> Verdict:
    """The verdict with what it says of work, memory and cold starts."""
    if verdict.score is None:
        return verdict
    view = host.view()
    facts = {CHUTE: short_id(listed.id), RAM_MB: float(listed.chute.needs.ram_mb)}
    if verdict.score > 0.0:
        facts[UNITS] = float(answer.usage.units)
        if not warm_miners(view, listed.id, since=view.height - round_blocks):  # nobody was, when it was asked
            facts[BOUNTY] = bounty(answer.t_done_ms / 1000)
    return Verdict(verdict.score, verdict.code, verdict.evidence, verdict.weight, facts)


async def _judged(
    listed: Listed, task: ChuteTask, answer: Answer, parts: list[ChutePart], host: Host, tools: Tools
) -> Verdict:
    if task.hold:
        return await _hold(listed, task, answer, parts, host, tools)
    if task.chat:
        return await _chat(listed, task, answer, parts, host, tools)
    return await _graph(listed, task, answer, parts, host, tools)


async def _hold(
    listed: Listed, task: ChuteTask, answer: Answer, parts: list[ChutePart], host: Host, tools: Tools
) -> Verdict:
    from node.subnets.chutes.hold import proof

    await hold_proof(listed, task, host, tools)  # the file lies here, and the question fits it
    file = next(each for each in listed.chute.files if bytes.fromhex(each.sha256) == task.hold[0].sha256)
    path = await tools.shelf.path(file, host, is_decoder=listed.chute.is_text)
    wanted = await trio.to_thread.run_sync(proof, path, task.hold[0].nonce, answer.miner)
    if parts[-1].mark != mark_of(task, wanted, answer.miner):
        return Verdict(0.0, Code.OVERCLAIM, f"the {file.role} does not lie there")
    return Verdict(1.0, Code.OK, f"holds the {file.role}")


async def _chat(
    listed: Listed, task: ChuteTask, answer: Answer, parts: list[ChutePart], host: Host, tools: Tools
) -> Verdict:
    pieces = [piece for part in parts for piece in part.chat]
    if len(pieces) != len(parts) or not pieces[-1].done:
        return Verdict(0.0, Code.MALFORMED, "an answer without its text")
    if parts[-1].mark != mark_of(task, content_of_chat(pieces), answer.miner):
        return Verdict(0.0, Code.PLAGIARISED, "the mark is not that of this answer, task and miner")
    if not _is_counted(listed.chute, answer.usage):
        return Verdict(0.0, Code.OVERCLAIM, "the units are not those of the tokens")
    runtime = await tools.texts.runtime(listed.chute, host)
    return await judge_chat(task.chat[0], pieces, answer, runtime, host)


def _is_counted(chute: Chute, usage: Usage) -> bool:
    """Whether the units are those of the tokens; more tokens than the formula takes were never read."""
    try:
        return usage == chat_usage(chute, usage)
    except BadModelFile:
        return False


async def _graph(
    listed: Listed, task: ChuteTask, answer: Answer, parts: list[ChutePart], host: Host, tools: Tools
) -> Verdict:
    from node.subnets.chutes.arrays import content
    from node.subnets.chutes.compare import compare
    from node.subnets.chutes.runs import run_graph

    try:
        got = await outputs_of(parts, host, answer.miner)
    except (BadRequest, MalformedMessage) as error:
        return Verdict(0.0, Code.MALFORMED, error.message)
    except MarketError as error:  # as if it had not answered; it is no lie, and the fault may be this node's own
        return Verdict(0.0, Code.UNREACHABLE, f"the answer's arrays cannot be had: {error.message}")
    if parts[-1].mark != mark_of(task, await trio.to_thread.run_sync(content, got), answer.miner):
        return Verdict(0.0, Code.PLAGIARISED, "the mark is not that of this answer, task and miner")
    own = await run_graph(listed.chute, task.inputs, answer.miner, host, tools.shelf)
    finding = await trio.to_thread.run_sync(compare, listed.chute, own.outputs, got)
    if not finding.ok:
        return Verdict(0.0, finding.code, finding.evidence)
    if answer.usage != own.usage:
        claimed = f"{answer.usage.units} units and {answer.usage.prompt_tokens} tokens"
        right = f"{own.usage.units} and {own.usage.prompt_tokens}"
        return Verdict(0.0, Code.OVERCLAIM, f"{claimed} are claimed, {right} are right")
    return Verdict(1.0, Code.OK, finding.evidence)


async def outputs_of(parts: list[ChutePart], host: Host, *holders: AccountId) -> "Outputs":
    """The outputs of an answer, those in blobs fetched, from `holders` first.

    Raises MalformedMessage, Unfit, MarketError.
    """
    from node.subnets.chutes.arrays import from_bytes, join

    slabs = [slab for part in parts for slab in part.slabs]
    if not any(slab.blob for slab in slabs):
        return await trio.to_thread.run_sync(join, slabs)
    found: dict[str, np.ndarray] = {}
    for slab in slabs:
        if not slab.blob or slab.name in found:
            raise MalformedMessage("An answer is sent in its parts or as blobs, each output once.")
        data = await host.blobs.get(slab.blob[0], max_bytes=ARRAY_BYTES_MAX, holders=holders)
        found[slab.name] = from_bytes(slab.name, slab.dtype, slab.shape, data)
    return found
