"""One judgement, whatever the subnet's program does: it may raise or hang, and the miner is not to blame for that."""

import logging

import trio

from node.subnets.base import Answer, AnySubnet, Code, Host, Message, Verdict

_log = logging.getLogger(__name__)


async def judge(subnet: AnySubnet, task: Message, answer: Answer, host: Host, *, timeout_s: float) -> Verdict:
    """The subnet's verdict on a complete answer; without a score when its program fails or takes too long."""
    try:
        with trio.move_on_after(timeout_s):
            return await subnet.judge(task, answer, host)
    except Exception as error:  # a subnet's program may fail in any way
        _log.exception("the subnet %s failed to judge an answer", subnet.spec.name)
        return Verdict(None, Code.VALIDATOR_FAULT, type(error).__name__)
    return Verdict(None, Code.VALIDATOR_FAULT, f"not judged within {timeout_s:.0f} s")
