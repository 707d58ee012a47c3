"""One judgement, whatever the subnet's program does: it may raise or hang, and the miner is not to blame for that."""

import logging
from collections.abc import Mapping

import trio

from node.subnets.base import Answer, AnySubnet, Code, Host, Message, Verdict

_log = logging.getLogger(__name__)


async def judge(subnet: AnySubnet, task: Message, answer: Answer, host: Host, *, timeout_s: float) -> Verdict:
    """The subnet's verdict on a complete answer; without a score when its program fails or takes too long."""
    try:
        with trio.move_on_after(timeout_s):
            return _sound(await subnet.judge(task, answer, host))
    except Exception as error:  # a subnet's program may fail in any way
        _log.exception("the subnet %s failed to judge an answer", subnet.spec.name)
        return Verdict(None, Code.VALIDATOR_FAULT, type(error).__name__)
    return Verdict(None, Code.VALIDATOR_FAULT, f"not judged within {timeout_s:.0f} s")


def _sound(verdict: Verdict) -> Verdict:
    """The verdict; the program of a subnet may return anything. Raises TypeError, OverflowError."""
    if not isinstance(verdict, Verdict) or not isinstance(verdict.code, Code) or not isinstance(verdict.evidence, str):
        raise TypeError("a judgement is no verdict, or has no code or no text for evidence")
    numbers = (verdict.weight,) if verdict.score is None else (verdict.weight, verdict.score)
    if not all(isinstance(each, float | int) for each in numbers) or not isinstance(verdict.facts, Mapping):
        raise TypeError("a verdict's score and weight are numbers, its facts are by name")
    for each in numbers:
        float(each)  # no float holds a whole number of 400 digits
    return verdict
