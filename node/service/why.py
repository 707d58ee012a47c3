"""Why a miner earns what it earns: its place on chain, what its validators say, and what that suggests doing.

Validators are asked at the same time, those with most stake first; one that does not answer is named, not waited for.
Advice follows from the verdict codes alone: nothing here judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import trio
from msgspec.structs import replace

from node.control.schema import ValidatorReason, VerdictInfo, Why
from node.ledger import queries
from node.ledger.queries import Metagraph, NeuronRow
from node.ledger.state import StateView
from node.market.chain import neuron_of
from node.market.limits import WHY_VALIDATORS_MAX
from node.market.reasons import NONE_PPM, PPM, VerdictLine, WhyAnswer, WhyQuestion, ask_why
from node.primitives.address import from_ss58, to_ss58
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, NetUid
from node.service.errors import Unknown
from node.subnets.base import Code
from p2p import P2PError

if TYPE_CHECKING:
    from node.service.app import Running

FULL_PPM: Final = 990_000  # a verdict above it has nothing to explain
ADVICE_MAX: Final = 3

MEANINGS: Final[Mapping[Code, str]] = MappingProxyType({
    Code.OK: "right and in time",
    Code.WRONG: "the answer was wrong",
    Code.PARTIAL: "a part of the answer was right",
    Code.TIMEOUT: "no answer came in time, while other miners answered",
    Code.UNREACHABLE: "the miner could not be connected",
    Code.REFUSED: "the miner refused the task",
    Code.OVERLOADED: "the miner had no room",
    Code.MALFORMED: "the answer broke the form of the subnet's messages",
    Code.TOO_LARGE: "the answer was longer than asked for",
    Code.BAD_SIGNATURE: "the signature did not fit the answer",
    Code.WRONG_MODEL: "another model than the named one seems to have answered",
    Code.UNLIKELY: "the model would hardly have said that: other sampling, other weights, or copied",
    Code.EARLY_END: "the answer ended where the model would have gone on",
    Code.FORGED: "the text was not that of the tokens",
    Code.OVERCLAIM: "more was claimed than was delivered",
    Code.PLAGIARISED: "the answer was somebody else's",
    Code.UNCHECKABLE: "the validator could not check; nobody is blamed",
    Code.VALIDATOR_FAULT: "the validator's own program failed; nobody is blamed",
})  # fmt: skip
_ADVICE: Final[Mapping[Code, str]] = MappingProxyType({
    Code.TIMEOUT: "Answers come late or not at all: `neurond doctor` shows whether peers reach this node; a faster "
    "machine helps too.",
    Code.UNREACHABLE: "Validators do not get through: `neurond doctor` says what is in the way.",
    Code.OVERLOADED: "The miner turns work away: let it use more threads, or a GPU.",
    Code.WRONG_MODEL: "`neurond models verify` tells whether the model file is the right one.",
    Code.UNLIKELY: "`neurond models verify` tells whether the model is the right one; sampling follows the task.",
    Code.MALFORMED: "This node may run other rules than the validators: `neurond --version`, and update.",
})  # fmt: skip


async def why_view(running: Running, netuid: int | None, hotkey: str | None) -> Why:
    """Ask about a miner; by default this node's hotkey in the subnet it knows. Raises Unknown, NodeError."""
    chosen = running.netuid if netuid is None else NetUid(netuid)
    if chosen is None:
        raise Unknown("This network has no subnet that this node knows.", remedy="Name one: --netuid N.")
    graph = running.reader.metagraph(chosen)
    if graph is None:
        raise Unknown(f"There is no subnet {chosen}.", remedy="`neurond subnets list` shows what there is.")
    miner = _hotkey_of(running, hotkey)
    row = next((each for each in graph.rows if each.hotkey == miner), None)
    if row is None:
        raise Unknown(
            f"{to_ss58(miner)} has no seat in subnet {chosen}.",
            remedy=f"`neurond subnets register {chosen}` takes one; `neurond metagraph {chosen}` lists who has.",
        )
    reasons = await _ask_all(running, graph, row)
    failures = failures_of(reasons)
    rank, ranked, ahead = place_of(graph.rows, row)
    return Why(
        netuid=chosen, hotkey=to_ss58(miner), uid=row.uid, height=graph.height, incentive_u16=row.incentive_u16,
        rank=rank, ranked=ranked, ahead_incentive_u16=ahead, validators=tuple(reasons), failures=failures,
        advice=advice_for(failures),
    )  # fmt: skip


def _hotkey_of(running: Running, hotkey: str | None) -> AccountId:
    if hotkey is not None:
        return from_ss58(hotkey)
    own = running.keys.hotkey_account
    if own is None:
        raise Unknown("This node has no hotkey.", remedy="Name a miner: --hotkey ADDRESS.")
    return own


def place_of(rows: Sequence[NeuronRow], row: NeuronRow) -> tuple[int, int, int | None]:
    """Rank by incentive (0 without any), how many have some, and the incentive of the one ahead."""
    paid = sorted({(-each.incentive_u16, each.uid) for each in rows if each.incentive_u16})
    mine = (-row.incentive_u16, row.uid)
    rank = paid.index(mine) + 1 if mine in paid else 0
    above = paid[rank - 2] if rank > 1 else paid[-1] if paid and not rank else None
    return rank, len(paid), None if above is None else -above[0]


def failures_of(reasons: Sequence[ValidatorReason]) -> dict[str, int]:
    """Codes of the verdicts that cost something, the commonest first."""
    counted = Counter(
        verdict.code
        for reason in reasons
        for verdict in reason.verdicts
        if verdict.score is not None and verdict.score * PPM < FULL_PPM
    )
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def advice_for(failures: Mapping[str, int]) -> tuple[str, ...]:
    """What to do about the commonest failures."""
    told = (_ADVICE.get(Code[name]) for name in failures)
    return tuple(dict.fromkeys(each for each in told if each))[:ADVICE_MAX]


async def _ask_all(running: Running, graph: Metagraph, row: NeuronRow) -> list[ValidatorReason]:
    asked = [each for each in graph.rows if each.validator_permit and each.peer_id and each.hotkey != row.hotkey]
    asked = sorted(asked, key=lambda each: (-each.stake_weight_rao, each.uid))[:WHY_VALIDATORS_MAX]
    question = WhyQuestion(running.chain.genesis_hash, graph.netuid, row.hotkey)
    view = running.chain.head.executed.state.view
    found: dict[int, ValidatorReason] = {}
    async with trio.open_nursery() as nursery:
        for validator in asked:
            nursery.start_soon(partial(_ask_one, running, validator, question, row, view, found))
    return [found[validator.uid] for validator in asked]


async def _ask_one(
    running: Running,
    validator: NeuronRow,
    question: WhyQuestion,
    row: NeuronRow,
    view: StateView,
    found: dict[int, ValidatorReason],
) -> None:
    weights = dict(queries.weights_of(view, question.netuid, validator.uid))
    total = sum(weights.values())
    known = ValidatorReason(
        to_ss58(validator.hotkey), validator.uid, validator.stake_weight_rao,
        weights.get(row.uid, 0) / total if total else 0.0,
    )  # fmt: skip
    own = running.services.why(question.netuid, row.hotkey) if validator.hotkey == running.keys.hotkey_account else None
    if own is not None:
        found[validator.uid] = told(known, own)
        return
    try:
        answer = await ask_why(running.network, neuron_of(validator), question)
    except (NodeError, P2PError, trio.TooSlowError) as error:
        problem = error.message if isinstance(error, NodeError) else str(error) or "it did not answer in time"
        found[validator.uid] = replace(known, problem=problem)
        return
    found[validator.uid] = told(known, answer)


def told(known: ValidatorReason, answer: WhyAnswer) -> ValidatorReason:
    """What a validator answered, beside what the chain knows of it."""
    return replace(
        known,
        score=answer.score_ppm / PPM,
        samples=answer.samples_milli / 1000,
        judged_height=answer.last_height,
        share=answer.share_ppm / PPM,
        rank=answer.rank,
        ranked=answer.ranked,
        ahead=None if answer.ahead_ppm == NONE_PPM else answer.ahead_ppm / PPM,
        verdicts=tuple(map(_verdict, answer.verdicts)),
    )


def _verdict(line: VerdictLine) -> VerdictInfo:
    code = Code(line.code)
    return VerdictInfo(
        line.judged_at_ms, line.kind, code.name, MEANINGS.get(code, code.name.lower().replace("_", " ")),
        None if line.score_ppm == NONE_PPM else line.score_ppm / PPM, line.evidence, line.latency_ms,
    )  # fmt: skip
