"""What people write where an address is asked for: an address, a wallet, WALLET/HOTKEY, or a label of the address book.

An address always wins, so that no wallet and no label can be made to stand in its place. Nothing is guessed: what is
none of these is refused, with the names that look like it.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.control.paths import wallets_path
from node.primitives.address import from_ss58, to_ss58
from node.primitives.errors import AddressError
from node.wallet import WalletStore
from node.wallet.book import AddressBook

_ADDRESS_LIKE_CHARS: Final = 40  # shorter words are meant as names
_SHOWN_CHARS: Final = 40


def address_book(home: Path) -> AddressBook:
    """Return the address book of a home; nothing is created before the first label is."""
    return AddressBook(home / "addresses.json")


def find_address(home: Path, text: str, store: WalletStore | None = None) -> str:
    """Return the ss58 address that `text` stands for; `store`: other wallets than the home's.

    Raises:
        AddressError: nothing is called so; or it is a mistyped address, and says what is wrong with it.
        WalletError: the wallet or the address book is damaged.
    """
    wallets = WalletStore(wallets_path(home)) if store is None else store
    try:
        return to_ss58(from_ss58(text))
    except AddressError as error:
        if len(text) >= _ADDRESS_LIKE_CHARS and "/" not in text:
            raise AddressError(error.message, remedy="Copy the whole address again.") from error
    names = {each.name for each in wallets.readable()[0]}
    name, slash, hotkey = text.partition("/")
    if slash and name in names:
        return _hotkey_of(wallets, name, hotkey)
    book = address_book(home)
    own = wallets.open(text).address if text in names else None
    found = book.find(text)
    if own is not None and found not in (None, own):
        raise AddressError(
            f"{text!r} is both a wallet ({own}) and a label ({found}).",
            remedy=f"Write the address, or take the label away: neurond wallet book remove {text}",
        )
    answer = own or found
    if answer is not None:
        return answer
    raise AddressError(
        f"Nothing is called {text[:_SHOWN_CHARS]!r}: it is no address, no wallet, no WALLET/HOTKEY and no label.",
        remedy=_near(text, (*names, *(each.label for each in book.entries()))),
    )


def _hotkey_of(wallets: WalletStore, name: str, hotkey: str) -> str:
    known = {each.name: each.address for each in wallets.open(name).hotkeys()}
    if hotkey not in known:
        raise AddressError(
            f"The wallet {name} has no hotkey {hotkey[:_SHOWN_CHARS]!r}.",
            remedy=_near(hotkey, known, prefix=f"{name}/"),
        )
    return known[hotkey]


def _near(text: str, names: Iterable[str], prefix: str = "") -> str:
    near = [f"{prefix}{each}" for each in difflib.get_close_matches(text, list(names), 3)]
    listed = "`neurond wallet list` and `neurond wallet book list` show the names."
    return f"Did you mean {' or '.join(near)}? {listed}" if near else f"Write an address (5…) or a name; {listed}"
