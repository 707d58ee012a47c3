"""A desk of wallets that are only data: what tests and pictures of the wallet screen run against."""

from pathlib import Path

from node.control.errors import ActionRefused
from node.control.wallet_desk import AccountCard, Accounts, HotkeyCard, Paper, WalletDesk
from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer, Signer
from node.wallet import OtherNetwork, WrongPassword
from tests.unit.tui import recorded

_ROOT = "/srv/neurond/wallets"
WATCHED = to_ss58(bytes([31]) * 32)
LABELLED = to_ss58(bytes([32]) * 32)
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PAPER = (
    ("network", f"devnet (genesis {'ab' * 32})"), ("signer", recorded.COLDKEY), ("call", "transfer"),
    ("  to", LABELLED), ("  amount_rao", "12.5 τ (12,500,000,000 rao)"), ("nonce", "4"), ("fee", "about 0.0012 τ"),
)  # fmt: skip


class FakeDesk(WalletDesk):
    """Opens with `password`; writes nothing to a disk."""

    def __init__(self, password: str = "correct horse", *, sealed: bool = True) -> None:
        super().__init__(Path("/srv/neurond"))
        self.password, self.sealed = password, sealed
        self.holding: set[str] = set()
        self.saved: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.tested_on = ""
        self.added: list[tuple[str, str, str]] = []
        self.paper_genesis = "ab" * 32

    def accounts(self) -> Accounts:
        hotkeys = (
            HotkeyCard("default", recorded.HOTKEYS[0], "plain"),
            HotkeyCard("rig-2", recorded.HOTKEYS[1], "sealed"),
        )
        return Accounts(
            (
                AccountCard("default", recorded.COLDKEY, "sealed", hotkeys, self.tested_on, (), f"{_ROOT}/default"),
                AccountCard("cold", WATCHED, "watch", (), "", (), f"{_ROOT}/cold"),
            ),
            (("exchange", LABELLED),),
            (),
        )  # fmt: skip

    def hold(self, coldkey: str, password: str | None) -> None:
        self._check(password)
        self.holding.add(coldkey)

    def held(self, coldkey: str | None) -> Signer | None:
        return Ed25519Signer(bytes(32)) if coldkey in self.holding else None

    def forget(self) -> None:
        self.holding.clear()

    def needs_password(self, coldkey: str) -> bool:
        return self.sealed and coldkey not in self.holding

    def signer(self, coldkey: str, password: str | None) -> Signer:
        if coldkey not in self.holding:
            self._check(password)
        return Ed25519Signer(bytes(32))

    def watch(self, name: str, address: str) -> None:
        self.added.append(("watch", name, address))

    def label(self, label: str, address: str) -> None:
        self.added.append(("label", label, address))

    def test_words(self, coldkey: str, words: str) -> bool:
        if words.split() != WORDS.split():
            return False
        self.tested_on = "2027-01-02"
        return True

    def read_paper(self, path: str, now_ms: int) -> Paper:
        return Paper(PAPER, path.endswith(".signed"), self.paper_genesis, False, b"signed")

    def sign_paper(self, path: str, genesis_hash: str, password: str | None, now_ms: int) -> str:
        if genesis_hash != self.paper_genesis:
            raise OtherNetwork("another network")
        self.signer(recorded.COLDKEY, password)
        return self.save(f"{path}.signed", "signed")

    def load(self, path: str, bytes_max: int) -> bytes:
        if path not in self.files:
            raise ActionRefused(f"{path} cannot be read: No such file or directory.", remedy="Check the path.")
        return self.files[path]

    def save(self, path: str, content: str | bytes) -> str:
        self.saved[path] = content if isinstance(content, str) else content.hex()
        return path

    def _check(self, password: str | None) -> None:
        if self.sealed and password != self.password:
            raise WrongPassword("The password is wrong.")
