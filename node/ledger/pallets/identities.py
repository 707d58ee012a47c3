"""Who coldkeys say they are: a few short texts for screens, checked for form only."""

from typing import Final

from node.ledger import errors
from node.ledger.calls import SetIdentity
from node.ledger.context import Context
from node.ledger.events import ChainIdentitySet
from node.ledger.pallets import staking
from node.ledger.state import Map, Overlay
from node.primitives.codec import Wire
from node.primitives.limits import IDENTITY_NAME_BYTES_MAX, IDENTITY_TEXT_BYTES_MAX
from node.primitives.types import AccountId


class Identity(Wire, frozen=True):
    """What a coldkey says of itself; nobody has checked it."""

    name: str
    url: str
    github_repo: str
    image: str
    discord: str
    description: str
    additional: str


IDENTITY: Final[Map[AccountId, Identity]] = Map(
    "identities", "identity", AccountId, Identity, about="Who a coldkey says it is"
)
_HIDDEN: Final = ((0, 0x1F), (0x7F, 0x9F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF))
"""Control characters, and those that hide text or turn its direction."""


def set_identity(context: Context, sender: AccountId, call: SetIdentity) -> None:
    """Publish or, with an empty name, withdraw the sender's identity; only an owner of hotkeys has one."""
    if staking.OWNED.count(context.state, sender) == 0:
        raise errors.HotKeyNotRegisteredInNetwork("The coldkey owns no hotkey.")
    short, long = (call.name, call.url, call.github_repo, call.discord), (call.image, call.description, call.additional)
    if not all(_is_shown(text, IDENTITY_NAME_BYTES_MAX) for text in short):
        raise errors.InvalidIdentity
    if not all(_is_shown(text, IDENTITY_TEXT_BYTES_MAX) for text in long):
        raise errors.InvalidIdentity
    if call.name:
        identity = Identity(
            call.name, call.url, call.github_repo, call.image, call.discord, call.description, call.additional
        )
        IDENTITY.put(context.state, sender, identity)
    else:
        IDENTITY.delete(context.state, sender)
    context.emit(ChainIdentitySet(sender))


def rename(overlay: Overlay, old: AccountId, new: AccountId) -> None:
    """The new coldkey is who the old one said it was."""
    identity = IDENTITY.find(overlay, old)
    if identity is not None:
        IDENTITY.delete(overlay, old)
        IDENTITY.put(overlay, new, identity)


def _is_shown(text: str, bytes_max: int) -> bool:
    """Whether a text fits, and has only characters that a screen shows as they are."""
    hidden = any(first <= ord(character) <= last for character in text for first, last in _HIDDEN)
    return len(text.encode("utf-8")) <= bytes_max and not hidden
