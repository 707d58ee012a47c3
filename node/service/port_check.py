"""Whether others reach a port of this machine, found out before a node is put there: a peer of the network tries.

Works from a network of its own that listens on the port and on nothing else. A peer can lie; so what it says is shown
and stops nobody: a node that cannot be reached works too.
"""

from typing import Final

import trio

from node.control.setup_views import CheckStep
from node.service.errors import BadInvite
from node.service.first_answer import first_answer
from node.service.home import Home
from node.service.invite_preview import preview
from p2p import Network, Reachability

_WAIT_S: Final = 15.0  # a dial-back begins 2 s after the start, again after 4 s, and takes 3 s at most
_POLL_S: Final = 0.05
_WITHOUT: Final = "A node works without: it calls others, and relays carry what comes in."


async def port_answers(network: Network, target: str, home: Home, now_ms: int) -> CheckStep:
    """Connect to whoever `target` names, and return whether it came back in; `network` listens. Never raises for it."""
    try:
        said = preview(target, home, now_ms)
    except BadInvite as error:
        return _untold(error.message)
    outcome = await first_answer(network, said.addresses, _itself)
    if outcome.answer is None:
        return _untold(f"nobody answers: {outcome.tried()}.")
    with trio.move_on_after(_WAIT_S):
        while network.reachability().state == "unknown":
            await trio.sleep(_POLL_S)
    return step_of(network.reachability())


def step_of(found: Reachability) -> CheckStep:
    """Return what was found as a line; ports that nobody reaches are told and are no failure."""
    match found.state:
        case "direct":
            way = next(each.address for each in found.addresses if each.is_direct)
            return CheckStep("reach", True, f"a peer came back in at {way}")
        case "unreachable":
            return CheckStep("reach", None, f"{found.reason}. {_WITHOUT}")
        case _:
            return _untold("nobody dialled back in time.")


async def _itself(peer_id: str) -> str:
    return peer_id


def _untold(why: str) -> CheckStep:
    return CheckStep("reach", None, f"not tested: {why} `neurond doctor` tells it once the node runs.")
