"""What can go wrong with a task, a call or an answer; each leaf has a stable `code` and says what to do.

MarketError
├── MalformedMessage      a task, part or frame that breaks its form or a bound
├── BadRequest            a user's request that no miner could answer; `param` names the field
│   ├── UnknownModel      a model no subnet of this network serves
│   ├── Unsupported       a parameter that would change the answer and that the model cannot honour
│   ├── NotFound          nothing has the name or number that the request gives
│   ├── Gone              there was such a thing, and it was retired
│   ├── Conflict          it contradicts what is there or under way already
│   ├── TooLarge          more than one request may carry
│   └── Unfit             well formed, but not what the named thing takes: expected and got
├── CallRefused           the other side said no; `refusal` is its reason
├── CallTimeout           a deadline passed; `phase` says which
├── CallBroken            the stream ended or lied in the middle of an answer
├── NoToolCall            a call of a function was demanded, and the whole answer is none
├── ForgedAnswer          the answer's signature or digest does not hold
├── OverClaimed           the miner claims more than it delivered, or more than was asked for
├── InsufficientBudget    the money set aside does not reach; required, available, and where to pay in
├── SpendingLimit         a limit of spending by time is used up; limit, used, window, when it ends
├── Unreachable           the miner cannot be connected
├── NoMiner               nobody could be asked; `tried` lists who refused and why
├── NotKept               a voucher could not be written to disk, so it was neither taken nor given
├── ServeFailed           a miner cannot serve a task; `refusal` is what the caller is told
│   └── Unpaid            what was delivered is not paid, or the caller's channel cannot pay for more
├── JournalRefused        an entry of one's own that cannot be written; `refusal` says why
├── PayloadRefused        a large payload that cannot be kept, fetched or believed
├── RecordUnavailable     a validator's record that nobody gives, or that is no longer kept
├── UnknownSubnet         a subnet this build has no rules for
├── BadSubnetPackage      a subnet of the user's own that cannot be loaded
└── BadMix                the description of a simulated economy that makes no sense
"""

from typing import TYPE_CHECKING, Literal

from node.primitives.errors import MarketError

if TYPE_CHECKING:
    from node.subnets.base import Code

Phase = Literal["first part", "whole answer", "receipt"]


class MalformedMessage(MarketError):
    """A message from outside that breaks its form or one of its bounds."""

    code = "market.malformed"
    remedy = "Keep to the form and the bound that the message names."


class BadRequest(MarketError):
    """A user's request that cannot be served by anyone; `param` names the field to change."""

    code = "market.bad_request"
    remedy = "Correct the request and send it again."

    def __init__(self, message: str, *, param: str = "", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.param = param


class UnknownModel(BadRequest):
    """The named model is not served on this network."""

    code = "market.unknown_model"
    remedy = "`GET /v1/models` lists the names that can be asked for."


class Unsupported(BadRequest):
    """A parameter that would change the answer and that nobody honours here; ignoring it would be a lie."""

    code = "unsupported_parameter"
    remedy = "Leave the parameter out, or choose a model that takes it."


class NotFound(BadRequest):
    """Nothing has the name, number or digest that the request gives."""

    code = "market.not_found"
    remedy = "Look at the list for names that exist."


class Gone(BadRequest):
    """What the request names was retired by its owner."""

    code = "market.gone"
    remedy = "Choose another one from the list."


class Conflict(BadRequest):
    """The request contradicts what is there or under way already."""

    code = "market.conflict"
    remedy = "Look at what is there now, then decide."


class TooLarge(BadRequest):
    """The request carries more than one request may."""

    code = "market.too_large"
    remedy = "Split it into several requests."


class Unfit(BadRequest):
    """A well-formed request that does not fit what it names, such as an array of the wrong shape."""

    code = "market.unfit"
    remedy = "Correct what the message names: it says what was expected and what came."


class CallRefused(MarketError):
    """The asked node refused the call before an answer began, or gave up with a reason."""

    code = "market.call_refused"
    remedy = "Ask again; another miner may answer."

    def __init__(self, message: str, refusal: "Code", *, short_rao: int = 0) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.short_rao = short_rao
        """What the miner says is owed to it; with the refusal UNPAID alone."""


class CallTimeout(MarketError):
    """The asked node let a deadline pass."""

    code = "market.call_timeout"
    remedy = "Ask again; another miner may be faster."

    def __init__(self, message: str, phase: Phase) -> None:
        super().__init__(message)
        self.phase = phase


class CallBroken(MarketError):
    """The stream broke, or a part of the answer does not fit the ones before."""

    code = "market.call_broken"
    remedy = "Ask again; what was received so far is not signed by anyone."


class NoToolCall(MarketError):
    """The answer is whole and signed, and not the call of a function that the request demands. It is paid for."""

    code = "market.no_tool_call"
    remedy = "Allow more `max_tokens`, describe the functions more simply, or ask a larger model."


class ForgedAnswer(CallBroken):
    """The final part does not carry the miner's signature over what was received."""

    code = "market.forged_answer"


class OverClaimed(CallBroken):
    """The usage that the miner claims is not the usage of the parts, or goes beyond the task. It is not paid."""

    code = "market.over_claimed"
    remedy = "Ask again; this miner is asked last for a while. What was paid so far was delivered."


class InsufficientBudget(MarketError):
    """What this node may spend on a call, or what lies in its channel, does not reach for it."""

    code = "market.insufficient_budget"
    remedy = "`neurond budget show` and `neurond channels list` show what there is; raise a limit or pay in."

    def __init__(self, message: str, *, required_rao: int, available_rao: int, topup_address: str) -> None:
        super().__init__(message)
        self.required_rao = required_rao
        self.available_rao = available_rao
        self.topup_address = topup_address
        """The ss58 account that pays: send τ there."""


class SpendingLimit(MarketError):
    """The limit of a window of time is used up. Amounts in rao, times in seconds and Unix milliseconds."""

    code = "market.spending_limit"
    remedy = "Wait until the window ends, or raise the limit with `neurond budget set`."

    def __init__(self, message: str, *, limit_rao: int, used_rao: int, window_s: int, reset_at_ms: int) -> None:
        super().__init__(message)
        self.limit_rao = limit_rao
        self.used_rao = used_rao
        self.window_s = window_s
        self.reset_at_ms = reset_at_ms


class NotKept(MarketError):
    """A voucher that is not on disk counts for nothing, and is neither taken nor given."""

    code = "market.not_kept"
    remedy = "Make room on the disk, or see the node's log for what is wrong with the payment book."


class Unreachable(MarketError):
    """No connection to the miner could be made."""

    code = "market.unreachable"
    remedy = "Ask again; another miner may be reachable."


class NoMiner(MarketError):
    """Nobody could be asked; `tried` holds one line for each miner that was."""

    code = "market.no_miner"
    remedy = "Wait for miners to come online, or start one with `neurond role set miner`."

    def __init__(self, message: str, tried: tuple[str, ...] = (), *, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.tried = tried


class ServeFailed(MarketError):
    """A miner's own reason why a task gets no answer."""

    code = "market.serve_failed"
    remedy = "`neurond doctor` on the miner shows whether its model and its subnet are in order."

    def __init__(self, message: str, refusal: "Code") -> None:
        super().__init__(message)
        self.refusal = refusal


class Unpaid(ServeFailed):
    """The caller owes `short_rao` more than its vouchers cover, or its channel cannot pay for what it asks."""

    code = "market.unpaid"
    remedy = "Pay with the next voucher, or top the channel up."

    def __init__(self, message: str, refusal: "Code", *, short_rao: int = 0) -> None:
        super().__init__(message, refusal)
        self.short_rao = short_rao


class JournalRefused(MarketError):
    """An entry for this node's own journal that breaks a rule, or that nobody would take; nothing was written."""

    code = "market.journal_refused"
    remedy = "`neurond journal list` shows the journals of a subnet and who may write in it."

    def __init__(self, message: str, refusal: "Code") -> None:
        super().__init__(message)
        self.refusal = refusal


class PayloadRefused(MarketError):
    """A large payload for which there is no room, that nobody gives, or that is larger than allowed."""

    code = "market.payload_refused"
    remedy = "Try again when more peers are connected; `neurond peers` lists them."


class RecordUnavailable(MarketError):
    """A validator's record cannot be had: it is not kept, not closed yet, or the validator does not answer."""

    code = "market.record_unavailable"
    remedy = "Records of the last eight epochs are kept; choose one of those, or another validator."


class UnknownSubnet(MarketError):
    """The chain names a subnet whose rules are not part of this build."""

    code = "market.unknown_subnet"
    remedy = "Update neurond, or choose a subnet that `neurond subnets list` shows as known."


class BadSubnetPackage(MarketError):
    """A package or folder that should hold a subnet's rules does not."""

    code = "market.bad_subnet_package"
    remedy = "`neurond subnet new NAME` writes one that works; docs/subnet-tutorial.md explains it."


class BadMix(MarketError):
    """A simulated economy that cannot be set up as described."""

    code = "market.bad_mix"
    remedy = "docs/subnet-tutorial.md shows a mix with every word it may have."
