"""A draft of any call of the chain: tried by the node on the next block before anything is signed."""

from node.control.actions import Draft, Effect, make_draft
from node.control.amounts import format_amount
from node.control.api import Api
from node.ledger.calls import Call, spec_of
from node.primitives.codec import encode


async def draft_call(
    api: Api, call: Call, sender: str, *, title: str = "", lines: tuple[tuple[str, str], ...] = ()
) -> Draft:
    """Return the draft of `call` for the ss58 account `sender`; `title` and `lines` say more than the call's name.

    Raises:
        RemoteError: the node cannot try it. AddressError: the sender is no address.
    """
    preview = await api.tx_preview(sender, encode(call))
    events = ", ".join(preview.events) or "no event"
    reason = "" if preview.error is None else f"{preview.error.message} ({preview.error.code})"
    told = [*lines, ("would do", "nothing" if reason else events)]
    change_rao = preview.free_change_rao
    if change_rao:
        told.append(("pays" if change_rao < 0 else "gets", format_amount(abs(change_rao))))
    effect = Effect(
        title or spec_of(call).name, call, tuple(told), pays_rao=max(0, -change_rao), gets_rao=max(0, change_rao),
        refusal=reason,
    )  # fmt: skip
    return make_draft(effect, await api.account(sender), await api.tx_context())
