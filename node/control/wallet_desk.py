"""What a window does with wallets: cards of all accounts, a key that is held for a while, messages, files, backups.

Keys are opened in the process that holds the desk and stay there. A held key is dropped by `forget`; who calls that,
and when, is the window's business. Everything here blocks, some of it for seconds: call it from a worker thread.
"""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.control.addresses import address_book, find_address
from node.control.errors import ActionRefused
from node.control.offline import FILE_BYTES_MAX, Opened, check_time, from_text, lines_of, sign_unsigned, to_text
from node.control.signed_for import SignedFor
from node.control.wallets import KeyKind, Wallet, WalletStore, wallet_store
from node.primitives.address import from_ss58
from node.primitives.crypto import Signer
from node.primitives.errors import WalletError
from node.wallet import BadTransactionFile, OtherNetwork, WalletExists
from node.wallet.message import check_message, parse_signature, sign_message

_PRIVATE_FILE: Final = 0o600


@dataclass(frozen=True, slots=True)
class HotkeyCard:
    """A hotkey of a wallet."""

    name: str
    address: str
    kind: KeyKind


@dataclass(frozen=True, slots=True)
class AccountCard:
    """A wallet as it can be told without a password. `backup_tested_on`: YYYY-MM-DD, "" for never."""

    name: str
    address: str
    kind: KeyKind
    hotkeys: tuple[HotkeyCard, ...]
    backup_tested_on: str
    warnings: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """All wallets and labels of a home, and what could not be read."""

    cards: tuple[AccountCard, ...]
    labels: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A transaction file: what it says, decoded from the bytes that count."""

    lines: tuple[tuple[str, str], ...]
    signed: bool
    genesis_hash: str
    known_network: bool
    raw: bytes


class WalletDesk:
    """The wallets of one home; see the module."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: dict[str, Signer] = {}

    def accounts(self) -> Accounts:
        """Return cards of all wallets; damaged ones are told as problems."""
        wallets, wrong = self._store().readable()
        cards = []
        problems = [str(each) for each in wrong]
        for wallet in wallets:
            try:
                cards.append(_card(wallet))
            except WalletError as error:
                problems.append(str(error))
        labels: tuple[tuple[str, str], ...] = ()
        try:
            labels = tuple((each.label, each.address) for each in address_book(self._home).entries())
        except WalletError as error:
            problems.append(str(error))
        return Accounts(tuple(cards), labels, tuple(problems))

    # --- a key that is held -----------------------------------------------------------------------------------------

    def hold(self, coldkey: str, password: str | None) -> None:
        """Open the coldkey of an ss58 address and keep its signer until `forget`. Raises as `Wallet.unlock`."""
        self._held[coldkey] = self._wallet(coldkey).unlock(password)

    def held(self, coldkey: str | None) -> Signer | None:
        """Return the signer of a coldkey that is held."""
        return None if coldkey is None else self._held.get(coldkey)

    def forget(self) -> None:
        """Drop every key that is held."""
        self._held.clear()

    def needs_password(self, coldkey: str) -> bool:
        """Tell whether signing with a coldkey takes its password now. Raises ActionRefused without its wallet."""
        return coldkey not in self._held and self._wallet(coldkey).sealed

    def signer(self, coldkey: str, password: str | None) -> Signer:
        """Return the signer of a coldkey, held or opened. Raises as `Wallet.unlock`, ActionRefused."""
        return self._held.get(coldkey) or self._wallet(coldkey).unlock(password)

    # --- names and backups ------------------------------------------------------------------------------------------

    def watch(self, name: str, address: str) -> None:
        """Make a watch-only wallet. Raises AddressError, WalletError."""
        self._store().watch(name, from_ss58(address))

    def label(self, label: str, address: str) -> None:
        """Add a label to the address book. Raises AddressError, WalletError."""
        address_book(self._home).add(label, address)

    def test_words(self, coldkey: str, words: str) -> bool:
        """Tell whether these are the words of a coldkey; of a right test the day is kept. Raises BadMnemonic."""
        wallet = self._wallet(coldkey)
        if not wallet.matches_words(words):
            return False
        wallet.note_backup_test(datetime.date.today().isoformat())
        return True

    # --- messages ---------------------------------------------------------------------------------------------------

    def sign_message(self, coldkey: str, message: str, password: str | None) -> str:
        """Return the signature over a message in hexadecimal. Raises as `signer`, BadSignedMessage."""
        return sign_message(self.signer(coldkey, password), message.encode()).hex()

    def verify_message(self, who: str, message: str, signature: str) -> str:
        """Return the address whose signature it is, "" when it does not hold. Raises AddressError, WalletError."""
        address = find_address(self._home, who)
        verdict = check_message(from_ss58(address), message.encode(), parse_signature(signature))
        return "" if verdict == "no" else address

    # --- transaction files ------------------------------------------------------------------------------------------

    def read_paper(self, path: str, now_ms: int) -> Paper:
        """Return what a transaction file says. Raises BadTransactionFile, TransactionExpired."""
        opened = _opened(path)
        check_time(opened, now_ms)
        item = opened.unsigned or opened.signed
        if item is None:
            raise BadTransactionFile("The file holds no transaction.")
        raw = opened.signed.raw if opened.signed is not None else b""
        known = opened.genesis_hash in SignedFor(self._home).networks()
        return Paper(tuple(lines_of(item)), opened.signed is not None, opened.genesis_hash, known, raw)

    def sign_paper(self, path: str, genesis_hash: str, password: str | None, now_ms: int) -> str:
        """Sign the file at `path`, write it beside as `.signed`, return that path.

        `genesis_hash` is the network that its owner means, 64 hex digits; never take it from the file.

        Raises:
            OtherNetwork: the file is for another one. As `signer`, `read_paper` and `save`.
        """
        opened = _opened(path)
        check_time(opened, now_ms)
        if opened.unsigned is None:
            raise BadTransactionFile("This transaction is signed already.", remedy="Send it.")
        if opened.genesis_hash != genesis_hash:
            raise OtherNetwork(
                f"The file is for the network with genesis {opened.genesis_hash}, not for the one that you mean."
            )
        sender = dict(lines_of(opened.unsigned))["signer"]
        signed = sign_unsigned(opened.unsigned, self.signer(sender, password))
        SignedFor(self._home).remember(genesis_hash)
        return self.save(f"{path}.signed", to_text(signed, lines_of(signed)))

    # --- other files of the user --------------------------------------------------------------------------------

    def load(self, path: str, bytes_max: int) -> bytes:
        """Return a file's content. Raises ActionRefused: it cannot be read, or it is larger."""
        try:
            with Path(path).expanduser().open("rb") as file:
                content = file.read(bytes_max + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "this is no path"
            raise ActionRefused(f"{path[:200]} cannot be read: {why}.", remedy="Check the path.") from error
        if len(content) > bytes_max:
            raise ActionRefused(f"{path[:200]} is larger than {bytes_max:,} bytes.", remedy="Name a smaller file.")
        return content

    def save(self, path: str, content: str | bytes) -> str:
        """Write a new file for the user alone, return its full path; never over another. Raises WalletExists."""
        target = Path(path).expanduser().absolute()
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
        except FileExistsError as error:
            raise WalletExists(f"{target} exists already.", remedy="Name another file.") from error
        except OSError as error:
            raise BadTransactionFile(
                f"{target} cannot be written: {error.strerror}.", remedy="Name a file in a folder of your own."
            ) from error
        with open(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return str(target)

    def _store(self) -> WalletStore:
        return wallet_store(self._home)

    def _wallet(self, coldkey: str) -> Wallet:
        found = next((each for each in self._store().readable()[0] if each.address == coldkey), None)
        if found is None:
            raise ActionRefused(
                f"The key file of the coldkey {coldkey[:12]}… is not in {self._home}.",
                remedy="Restore it with `neurond wallet restore`, or sign where the key is.",
            )
        return found


def _card(wallet: Wallet) -> AccountCard:
    hotkeys = tuple(HotkeyCard(each.name, each.address, each.kind) for each in wallet.hotkeys())
    return AccountCard(
        wallet.name, wallet.address, wallet.kind, hotkeys, wallet.backup_tested_on(), tuple(wallet.warnings()),
        str(wallet.path),
    )  # fmt: skip


def _opened(path: str) -> Opened:
    try:
        with Path(path).expanduser().open("rb") as file:
            return from_text(file.read(FILE_BYTES_MAX + 1))
    except OSError as error:
        raise BadTransactionFile(f"{path[:200]} cannot be read: {error.strerror}.", remedy="Check the path.") from error
