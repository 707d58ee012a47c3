"""What an intent means before the fee and the balance are known: the call, and all that people should read of it.

Nothing here signs or sends. Effects of stake are made in `node.control.stake_effects`.
"""

from dataclasses import dataclass, replace
from typing import Final

from node.control.amounts import format_amount
from node.control.api import Api
from node.control.errors import ActionRefused
from node.control.intents import CloseIntent, RegisterIntent, TransferIntent, VoteIntent
from node.ledger import calls
from node.primitives.address import from_ss58
from node.primitives.codec import encode
from node.primitives.errors import AddressError
from node.primitives.types import Hash, NetUid, Rao

Lines = tuple[tuple[str, str], ...]
PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Effect:
    """One call and what it would do. `worth_rao` is what stake that only moves is worth; `refusal` says why not."""

    title: str
    call: calls.Call
    lines: Lines
    pays_rao: int = 0
    gets_rao: int = 0
    gets_alpha: int = 0
    impact_ppm: int | None = None
    refusal: str = ""
    worth_rao: int = 0
    warnings: tuple[str, ...] = ()


async def tried(api: Api, sender: str, effect: Effect) -> Effect:
    """The effect, refused with the ledger's own reason where the next block would refuse its call."""
    preview = await api.tx_preview(sender, encode(effect.call))
    if preview.error is None:
        return effect
    return replace(effect, refusal=f"{preview.error.message} {preview.error.hint}".strip())


def transfer(intent: TransferIntent, sender: str) -> Effect:
    """Of sending τ."""
    to = from_ss58(intent.to)
    refusal = "Sender and receiver are the same account." if intent.to == sender else ""
    return Effect(
        f"Transfer {format_amount(intent.amount_rao)}",
        calls.Transfer(to, Rao(intent.amount_rao)),
        (("to", intent.to), ("amount", format_amount(intent.amount_rao))),
        pays_rao=intent.amount_rao,
        refusal=refusal,
    )


async def register(api: Api, intent: RegisterIntent) -> Effect:
    """Of buying a seat. Raises ActionRefused for a subnet that does not exist."""
    subnet = next((each for each in await api.subnets() if each.netuid == intent.netuid), None)
    if subnet is None:
        raise ActionRefused(f"There is no subnet {intent.netuid}.", remedy="See `neurond subnets list`.")
    return Effect(
        f"Register on subnet {intent.netuid}",
        calls.BurnedRegister(NetUid(intent.netuid), from_ss58(intent.hotkey)),
        (("hotkey", intent.hotkey), ("burned", format_amount(subnet.burn_rao))),
        pays_rao=subnet.burn_rao,
    )


async def govern(api: Api, intent: VoteIntent | CloseIntent, sender: str) -> Effect:
    """Of a vote, or of counting votes."""
    proposal = Hash(bytes.fromhex(intent.proposal))
    lines: Lines
    if isinstance(intent, VoteIntent):
        word = "for" if intent.approve else "against"
        call: calls.Call = calls.Vote(from_ss58(intent.hotkey), proposal, intent.index, intent.approve)
        title, lines = f"Vote {word} proposal {intent.index}", (("vote", word), ("seat of", intent.hotkey))
    else:
        call, title = calls.CloseProposal(proposal, intent.index), f"Close proposal {intent.index}"
        lines = (("proposal", str(intent.index)),)
    preview = await api.tx_preview(sender, encode(call))
    refusal = "" if preview.error is None else f"{preview.error.message} {preview.error.hint}".strip()
    return Effect(title, call, (*lines, ("would do", ", ".join(preview.events) or "nothing")), refusal=refusal)


def checked_address(text: str) -> str:
    """Return `text` if it is an address of this network. Raises ActionRefused with what is wrong about it."""
    try:
        from_ss58(text)
    except AddressError as error:
        raise ActionRefused(error.message, remedy=error.hint) from error
    return text
