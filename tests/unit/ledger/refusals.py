"""What tests of fee-free calls ask: why a call would not enter a block."""

import pytest

from node.ledger import errors, queries
from node.ledger.calls import CALLS, Call, is_free
from node.ledger.transition import build_block, check_transaction
from node.primitives.crypto import verify
from node.primitives.types import Slot
from tests.unit.ledger.world import World, who


def refused(world: World, by: str, call: Call) -> str:
    """The error code inside the refusal of a free call that would fail; neither pool nor builder takes it."""
    assert is_free(call)
    raw = world.sign(by, call, nonce=queries.nonce(world.state.view, who(by)))
    with pytest.raises(errors.FreeCallFails) as caught:
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)
    slot = Slot(world.state.slot + 1)
    draft = build_block(world.state, slot, who("authority0"), [raw], world.genesis_hash, verify=verify, enact=True)
    assert draft.transactions == ()
    code = caught.value.message.split(":")[0]
    assert code in listed(call)
    return code


def failed(world: World, by: str, call: Call) -> str:
    """The error code of a paid call that is in the next block and fails; its row of the table names it."""
    code = world.do(by, call)
    assert code in listed(call), f"the table does not list {code!r} for {type(call).__name__}"
    return code


def listed(call: Call) -> set[str]:
    """The error codes that the table of calls lists for a call."""
    return {error.code for spec in CALLS if spec.kind is type(call) for error in spec.errors}
