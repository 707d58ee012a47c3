"""Offline signing: what is signed is what is shown, for the right network, in time, with the right key, or nothing."""

from pathlib import Path

import msgspec
import pytest

from node.control import offline
from node.control.offline import FILE_BYTES_MAX, Unsigned, from_text, lines_of, to_line, to_text
from node.control.wallet_desk import WalletDesk
from node.ledger.calls import Propose, SetIdentity, Transfer
from node.ledger.transaction import decode_transaction, is_signed
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.types import Hash, Rao
from node.wallet import BadTransactionFile, OtherNetwork
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import BOB, CONTEXT, GENESIS, TAO, Served

SEED = bytes(range(32))
COLD = to_ss58(Ed25519Signer(SEED).public)


@pytest.fixture
def built(run: Run, node: Served, tmp_path: Path) -> Path:
    """A payment of 12.5 τ, built for an address that this home only watches."""
    assert run("wallet", "watch", COLD, "cold").code == 0
    made = run("tx", "build", "transfer", f"to={BOB}", "amount_rao=12.5", "--from", "cold")
    assert made.code == 0, made.err
    path = tmp_path / "payment.tx"
    path.write_text(made.out)
    return path


@pytest.fixture
def offline_home(tmp_path: Path) -> Path:
    """Another machine: no node, but the key."""
    from node.control.wallets import wallet_store

    home = tmp_path / "offline"
    wallet_store(home).store_seed("default", SEED, None)
    return home


def test_a_payment_is_built_signed_elsewhere_and_sent(
    run: Run, node: Served, built: Path, offline_home: Path, tmp_path: Path
) -> None:
    signed = run("tx", "sign", str(built), "--genesis", GENESIS, "-y", "--home", str(offline_home))
    assert signed.code == 0, signed.err
    for words in ("12.5 τ", BOB, COLD, GENESIS, "transfer"):
        assert words in signed.err
    assert not node.api.submitted
    (tmp_path / "signed.tx").write_text(signed.out)
    sent = run("tx", "submit", str(tmp_path / "signed.tx"), "-y")
    assert sent.code == 0, sent.err
    transaction = decode_transaction(node.api.submitted[0])
    assert transaction.call == Transfer(from_ss58(BOB), Rao(12_500_000_000))
    assert is_signed(transaction, Hash(bytes.fromhex(GENESIS)), Hash(bytes.fromhex(CONTEXT.era_hash)), verify=verify)
    again = run("tx", "send", str(tmp_path / "signed.tx"), "--dry-run")
    assert BOB in again.out
    assert len(node.api.submitted) == 1


def test_the_lines_for_people_are_not_what_is_signed(run: Run, built: Path, offline_home: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.tx"
    forged.write_text(built.read_text().replace(BOB, COLD).replace("12.5", "0.1"))
    shown = run("tx", "sign", str(forged), "--genesis", GENESIS, "--home", str(offline_home), "--json")
    assert BOB in shown.err
    assert "12.5 τ" in shown.err
    assert shown.json()["error"]["code"] == "declined"


def test_another_network_is_refused(run: Run, built: Path, offline_home: Path) -> None:
    home = ("--home", str(offline_home))
    other = run("tx", "sign", str(built), "--genesis", "cd" * 32, "-y", *home, "--json")
    assert other.json()["error"]["code"] == "other_network"
    unknown = run("tx", "sign", str(built), "-y", *home, "--json")
    assert unknown.json()["error"]["code"] == "declined"
    assert run("tx", "sign", str(built), "--genesis", GENESIS, "-y", *home).code == 0
    assert run("tx", "sign", str(built), "-y", *home).code == 0, "it is remembered"
    opened = from_text(built.read_bytes()).unsigned
    assert opened is not None
    built.write_text(to_text(msgspec.structs.replace(opened, genesis_hash=Hash(b"\xcd" * 32)), []))
    assert run("tx", "sign", str(built), "-y", *home, "--json").json()["error"]["code"] == "other_network"


def test_a_node_of_another_network_takes_nothing(
    run: Run, node: Served, built: Path, offline_home: Path, tmp_path: Path
) -> None:
    signed = run("tx", "sign", str(built), "--genesis", GENESIS, "-y", "--home", str(offline_home))
    (tmp_path / "s.tx").write_text(signed.out)
    node.api.context = msgspec.structs.replace(CONTEXT, genesis_hash="99" * 32)
    assert run("tx", "submit", str(tmp_path / "s.tx"), "-y", "--json").json()["error"]["code"] == "other_network"
    assert not node.api.submitted


def test_what_has_expired_is_neither_signed_nor_sent(
    run: Run, built: Path, offline_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = from_text(built.read_bytes()).unsigned
    assert opened is not None
    built.write_text(to_text(msgspec.structs.replace(opened, expires_ms=1), []))
    outcome = run("tx", "sign", str(built), "--genesis", GENESIS, "-y", "--home", str(offline_home), "--json")
    assert outcome.json()["error"]["code"] == "transaction_expired"


def test_another_key_signs_nothing(run: Run, built: Path, offline_home: Path) -> None:
    from node.control.wallets import wallet_store

    wallet_store(offline_home).store_seed("other", bytes(32), None)
    arguments = ("tx", "sign", str(built), "--genesis", GENESIS, "-y", "-w", "other", "--home", str(offline_home))
    outcome = run(*arguments)
    assert outcome.code == 1
    assert COLD in outcome.err
    assert "ntx1" not in outcome.out


def test_unsigned_is_not_sent_and_signed_is_not_signed_again(
    run: Run, node: Served, built: Path, offline_home: Path, tmp_path: Path
) -> None:
    assert "not signed" in run("tx", "submit", str(built), "-y").err
    signed = run("tx", "sign", str(built), "--genesis", GENESIS, "-y", "--home", str(offline_home))
    (tmp_path / "s.tx").write_text(signed.out)
    assert "signed already" in run("tx", "sign", str(tmp_path / "s.tx"), "-y", "--home", str(offline_home)).err


def test_a_call_that_would_fail_is_not_built(run: Run, node: Served) -> None:
    from node.control.schema import ErrorView, TransactionPreview

    run("wallet", "watch", COLD, "cold")
    node.api.preview = TransactionPreview(False, error=ErrorView("SubnetNotExists", "There is no such subnet."))
    outcome = run("tx", "build", "transfer", f"to={BOB}", "amount_rao=1", "--from", "cold")
    assert outcome.code == 1
    assert "ntx1" not in outcome.out


def test_names_stand_for_accounts_and_for_nothing_else(run: Run, node: Served, tmp_path: Path) -> None:
    run("wallet", "watch", COLD, "cold")
    run("wallet", "book", "add", "exchange", BOB)
    made = run("tx", "build", "transfer", "to=exchange", "amount_rao=1", "--from", "cold").out
    opened = from_text(made.encode()).unsigned
    assert opened is not None
    assert opened.call == Transfer(from_ss58(BOB), Rao(TAO))
    unknown = run("tx", "build", "transfer", "to=exchanje", "amount_rao=1", "--from", "cold")
    assert "exchange" in unknown.err
    words = ("name=cold", "url=", "github_repo=", "image=", "discord=", "description=", "additional=")
    identity = from_text(run("tx", "build", "set_identity", *words, "--from", "cold").out.encode()).unsigned
    assert identity is not None
    assert b"cold" in msgspec.msgpack.encode(identity.call)


def test_a_file_is_written_for_the_user_alone_and_never_over_another(run: Run, node: Served, tmp_path: Path) -> None:
    run("wallet", "watch", COLD, "cold")
    out = tmp_path / "payment.tx"
    arguments = ("tx", "build", "transfer", f"to={BOB}", "amount_rao=1", "--from", "cold", "--out", str(out))
    assert run(*arguments).code == 0
    assert from_text(out.read_bytes()).unsigned is not None
    assert out.stat().st_mode & 0o777 == 0o600
    before = out.read_bytes()
    assert run(*arguments).code == 1
    assert out.read_bytes() == before


def test_a_small_one_fits_a_qr_code(run: Run, node: Served) -> None:
    run("wallet", "watch", COLD, "cold")
    outcome = run("tx", "build", "transfer", f"to={BOB}", "amount_rao=1", "--from", "cold", "--qr")
    assert "▀" in outcome.err
    assert "▀" not in outcome.out


def _unsigned() -> Unsigned:
    return Unsigned(
        1, "net", Hash(b"g" * 32), Ed25519Signer(SEED).public, 3, 9, Hash(b"e" * 32), 64, 10**13, Rao(1),
        Transfer(from_ss58(BOB), Rao(TAO)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-30],
        lambda text: text + text,
        lambda text: text.replace("ntx1:", "ntx2:"),
        lambda text: text[:-9] + ("AAAA" if text[-9:-5] != "AAAA" else "BBBB") + text[-5:],
        lambda text: "ntx1:AAAA",
        lambda text: "\x00\xff" * 100,
        lambda text: "x" * (FILE_BYTES_MAX + 1),
    ],
)
def test_a_damaged_file_is_refused(spoil: object) -> None:
    text = to_text(_unsigned(), [("a", "b")])
    assert from_text(text.encode()).unsigned == _unsigned()
    with pytest.raises(BadTransactionFile):
        from_text(spoil(text).encode("utf-8", "surrogateescape"))  # type: ignore[operator]


def test_lines_for_people_cannot_smuggle_in_a_second_transaction() -> None:
    other = to_line(msgspec.structs.replace(_unsigned(), nonce=4))
    text = to_text(_unsigned(), [("memo", f"hello\n{other}")])
    assert from_text(text.encode()).unsigned == _unsigned()


def test_text_inside_a_transaction_cannot_pass_for_lines_of_it() -> None:
    forged = "Ada\nsigner      5F…\ncall        transfer"
    identity = SetIdentity(forged, "", "", "", "", "", "")
    told = lines_of(msgspec.structs.replace(_unsigned(), network="net\ncall  transfer", call=identity))
    assert [text for _, text in told if "\n" in text] == []


def test_a_proposal_shows_the_call_that_it_carries() -> None:
    inner = encode(Transfer(from_ss58(BOB), Rao(TAO)))
    told = dict(lines_of(msgspec.structs.replace(_unsigned(), call=Propose(inner, 60))))
    assert told["  call"] == "Transfer"
    assert BOB in told["    to"]
    broken = dict(lines_of(msgspec.structs.replace(_unsigned(), call=Propose(b"\xff" * 9, 60))))
    assert broken["  call"] == "0x" + "ff" * 9


def test_every_line_of_a_file_has_room_between_its_name_and_its_value() -> None:
    assert "amount_rao  1 τ" in to_text(_unsigned(), lines_of(_unsigned()))


def test_a_life_beyond_the_chains_bound_is_refused() -> None:
    with pytest.raises(BadTransactionFile, match="live"):
        from_text(to_line(msgspec.structs.replace(_unsigned(), era_blocks=10**6)).encode())


def test_other_rules_are_not_signed() -> None:
    with pytest.raises(BadTransactionFile, match="rules"):
        offline.sign_unsigned(msgspec.structs.replace(_unsigned(), spec_version=2), Ed25519Signer(SEED))


def test_a_desk_signs_a_file_only_for_the_network_that_its_owner_means(tmp_path: Path) -> None:
    path = tmp_path / "payment.tx"
    path.write_text(to_text(_unsigned(), [("a", "b")]))
    desk = WalletDesk(tmp_path / "home")
    with pytest.raises(OtherNetwork):
        desk.sign_paper(str(path), "cd" * 32, None, 0)
    assert list(tmp_path.iterdir()) == [path]
