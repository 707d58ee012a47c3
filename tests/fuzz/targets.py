"""Every decoder of bytes from peers, files and local clients as one function of bytes, for Hypothesis and for atheris.

A target returns when the bytes were refused as its decoder says, or gave a sound value; whatever else it raises is a
defect. `covers` names the decoding functions of the program that it reaches: a test compares them with those there are.
"""

import base64
import gzip
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import base58
import msgspec
import numpy as np
import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.pubsub.pb import rpc_pb2
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, StopMessage

from models.bundle import MANIFEST_FILE, encode_card, read_card
from models.card import read_tensor_card
from models.errors import ModelError
from models.gguf import GgufFile
from models.inspection import inspect
from models.macs import parse_formula, write_formula
from models.pixels import read_png, write_png
from models.voice import read_wav
from node.control.amounts import parse_amount
from node.control.errors import BadAnswers, BadRecording, ProtocolError
from node.control.offline import from_text as transaction_file
from node.control.offline import lines_of
from node.control.protocol import BadLine, parse_answer, parse_line
from node.control.recording import Entry, Header, Packer, parse_recording
from node.control.setup import Answers, Saved, read_answers, read_saved, write_saved
from node.gateway.guard import decode_json
from node.gateway.openai import chat, completion
from node.ledger.calls import Transfer, decode_call
from node.ledger.evidence import read_evidence
from node.ledger.genesis import format_genesis, genesis_state, parse_genesis
from node.market.challenge import acknowledged
from node.market.errors import BadRequest, MalformedMessage, Unfit
from node.market.frames import frame, open_frame
from node.market.journal import SignedEntry
from node.market.journal_gate import entry_news, fork_news, open_news
from node.market.record import SeedNotes, decode_notes
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import AddressError as AccountError
from node.primitives.errors import ControlError, LedgerError, NodeError
from node.primitives.types import Rao
from node.service.errors import BadInvite
from node.service.invite import PREFIX, read_invite
from node.service.light_home import parse_checkpoint
from node.subnets.chutes.bundle import canonical as chute_bytes
from node.subnets.chutes.bundle import read_canonical, read_chute
from node.subnets.chutes.errors import BadChute
from node.subnets.chutes.house import demo_chutes, house_chutes
from node.subnets.chutes.png import decode_png, encode_png
from node.subnets.data_universe.adapters.feed import read_feed
from node.subnets.data_universe.entities import Bucket, Entity, Source
from node.subnets.data_universe.errors import SourceFailed
from node.subnets.data_universe.fetching import Page, decoded_text
from node.subnets.data_universe.index import BucketSize, pack_index, unpack_index
from node.subnets.data_universe.markup import html_text
from node.subnets.data_universe.serving import pack_rows, unpack_rows
from node.wallet.container import parse_key_file, parse_public_file, public_file
from node.wallet.errors import WalletError
from p2p import P2PError, blobs, limits, reach, wellknown
from p2p.addresses import check_peer_id, parse_address
from p2p.blob_files import Manifest, blob_id_of, decode_manifest
from p2p.call_frames import Ask, Cancel, Failed, Failure, Part
from p2p.call_frames import decode_call as decode_call_frame
from p2p.call_frames import encode_call as encode_call_frame
from p2p.credit import CreditKind, decode_credit, encode_credit
from p2p.errors import AddressError, BlobError, MalformedFrame, ProtocolRefusedError, StreamFailed
from p2p.framing import BufferedReader, FramedStream
from p2p.hardened import negotiation
from p2p.hardened.pubsub import MalformedRpc, parse_rpc
from p2p.kad import messages as kad
from p2p.peerbook import PeersFile, read_peers_file
from p2p.relay.messages import named_peer, read_message
from tests.fuzz import journals, records, samples
from tests.fuzz.canonical import CANONICAL, Canonical
from tests.unit.models.bundles import embedding_bundle
from tests.unit.models.graphs import linear
from tests.unit.models.speech import wav
from tests.unit.models.synthetic import tiny_bundle, write_tiny_gguf

PEER = "12D3KooWQv8ujmM6ifBgP4rqNEyL1KS8p7JkCon4PznpFMo4qPpD"
ADDRESS = f"/ip4/203.0.113.7/tcp/4001/p2p/{PEER}"


@dataclass(frozen=True)
class Target:
    """`run` takes any bytes; `samples` are sound ones to begin with."""

    run: Callable[[bytes], None]
    samples: tuple[bytes, ...]
    covers: tuple[str, ...]


TARGETS: dict[str, Target] = {}


def target(*covers: str, samples: tuple[bytes, ...]) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Enter a function into the targets under its own name."""

    def enter(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS[run.__name__] = Target(run, samples, covers)
        return run

    return enter


def hold(condition: bool, sentence: str) -> None:
    """A promise about what was accepted."""
    if not condition:
        raise AssertionError(sentence)


# --- values with one encoding -----------------------------------------------------------------------------------------

COVERED_BY_CANONICAL = {
    "header": "node.ledger.header.decode_header",
    "block": "node.ledger.header.decode_block",
    "transaction": "node.ledger.transaction.decode_transaction",
    "block news": "node.service.gossip.decode_news",
    "transaction batch": "node.service.gossip.decode_batch",
    "finality message": "node.consensus.messages.decode_message",
    "certificate": "node.consensus.certificate.decode_certificate",
    "lock proof": "node.consensus.certificate.decode_lock_proof",
    "evidence": "node.consensus.evidence.decode_evidence",
    "sync request": "node.sync.messages.decode_request",
    "sync answer": "node.sync.messages.decode_answer",
    "manifest": "node.sync.snapshot.decode_manifest",
    "chunk": "node.sync.snapshot.decode_chunk",
    "light step": "node.light.steps.decode_step",
    "light state": "node.light.chain.restore",
    "chat task": "node.subnets.wire.decode_message",
    "CallRequest": "node.market.frames.decode",
    "journal entry": "node.market.journal.decode_entry",
    "journal fork": "node.market.journal.decode_fork",
    "journal question": "node.market.journal_sync.decode_question",
    "journal heads": "node.market.journal_sync.decode_heads",
    "journal range": "node.market.journal_sync.decode_entries",
    "offer": "node.market.offers.decode_offer",
    "record line": "node.market.record_lines.decode_line",
    "record head": "node.market.record.decode_head",
    "score book": "node.market.standings.decode_book",
    "kept answer": "node.market.record.decode_kept",
}


def canonical(decoder: Canonical) -> Callable[[bytes], None]:
    """A target of a decoder with one encoding."""

    def run(data: bytes) -> None:
        try:
            value = decoder.decode(data)
        except decoder.errors:
            return
        hold(encode(value) == data, "what was accepted encodes to other bytes")

    return run


for name, decoder in CANONICAL.items():
    covered = (COVERED_BY_CANONICAL[name],) if name in COVERED_BY_CANONICAL else ()
    if name == "light step":
        covered = (*covered, "node.light.steps.decode_set")
    TARGETS[name.replace(" ", "_")] = Target(canonical(decoder), decoder.samples, covered)


@target("node.market.journal_gate.open_news", samples=journals.NEWS_BYTES)
def journal_news(data: bytes) -> None:
    try:
        news = open_news(data)
    except MalformedMessage:
        return
    told = entry_news(news) if isinstance(news, SignedEntry) else fork_news(news)
    hold(told == data, "news that were accepted have other bytes")


@target("node.market.record.decode_notes", samples=records.NOTES_BYTES)
def seed_notes(data: bytes) -> None:
    notes = decode_notes(data)
    hold(not notes or encode(SeedNotes(1, notes)) == data, "a commitment to seeds encodes to other bytes")


@target("node.ledger.calls.decode_call", samples=(encode(Transfer(samples.CAROL.public, Rao(10**9))),))
def call(data: bytes) -> None:
    try:
        value = decode_call(data)
    except NodeError:
        return
    hold(encode(value) == data, "a call encodes to other bytes")


@target("node.ledger.evidence.read_evidence", samples=samples.EVIDENCE)
def offence(data: bytes) -> None:
    try:
        read_evidence(data, samples.GENESIS)
    except NodeError:
        return


@target("node.market.frames.open_frame", samples=samples.CALL_FRAMES)
def market_frame(data: bytes) -> None:
    try:
        kind, body = open_frame(data)
    except MalformedMessage:
        return
    hold(frame(kind, body) == data, "a frame of a call changed")


@target("node.market.challenge.acknowledged", samples=(b"\x00",))
def acknowledgement(data: bytes) -> None:
    acknowledged(data)


# --- text and files ---------------------------------------------------------------------------------------------------


@target("node.service.invite.read_invite", samples=(samples.INVITE.encode(),))
def invite(data: bytes) -> None:
    for text in (data.decode("utf-8", "surrogateescape"), PREFIX + base58.b58encode(data[:2000]).decode()):
        try:
            read_invite(text, 1000)
        except BadInvite:
            continue


@target("node.primitives.address.from_ss58", samples=(to_ss58(samples.ALICE.public).encode(),))
def account_address(data: bytes) -> None:
    text = data.decode("latin-1")
    try:
        account = from_ss58(text)
    except AccountError:
        return
    hold(to_ss58(account) == text.strip(), "an address changed")


@target("node.ledger.genesis_file.parse_genesis", samples=(samples.GENESIS_FILE,))
def genesis_file(data: bytes) -> None:
    try:
        spec = parse_genesis(data)
        genesis_state(spec)
    except LedgerError:
        return
    hold(parse_genesis(format_genesis(spec)) == spec, "a genesis changed")


@target("node.control.amounts.parse_amount", samples=(b"12.5", "3 τ".encode(), b"1,000"))
def amount(data: bytes) -> None:
    try:
        hold(parse_amount(data.decode("utf-8", "replace")) > 0, "an amount is not positive")
    except NodeError:
        return


@target("node.service.light_home.parse_checkpoint", samples=(f"7:{'ab' * 32}:{'cd' * 32}".encode(),))
def checkpoint(data: bytes) -> None:
    for needs_set in (True, False):
        try:
            parse_checkpoint(data.decode("utf-8", "replace"), needs_set=needs_set)
        except NodeError:
            continue


@target(
    "node.wallet.container.parse_key_file", "node.wallet.container.parse_public_file",
    samples=(public_file(samples.ALICE.public),),
)  # fmt: skip
def key_files(data: bytes) -> None:
    for parse in (parse_key_file, parse_public_file):
        try:
            parse(data)
        except WalletError:
            continue


@target("node.control.offline.from_text", samples=(b"ntx1:AAAA", b"neurond unsigned transaction\n\nntx1:AAAA\n"))
def transaction_files(data: bytes) -> None:
    whole = base64.urlsafe_b64encode(data + digest("tx-file", data)[:4]).rstrip(b"=")
    for text in (data, b"ntx1:" + whole):  # the second one with a checksum that fits
        try:
            opened = transaction_file(text)
        except WalletError:
            continue
        item = opened.unsigned or opened.signed
        if item is not None:
            lines_of(item)


FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


@target("models.gguf.GgufFile", samples=(write_tiny_gguf(FOLDER / "sample.gguf").read_bytes()[:4000],))
def gguf(data: bytes) -> None:
    path = FOLDER / "model.gguf"
    path.write_bytes(data)
    try:
        with GgufFile(path) as opened:
            for info in opened.tensors.values():
                opened.raw(info)
    except ModelError:
        return


@target("models.bundle.read_card", samples=(encode_card(read_card(tiny_bundle(FOLDER / "bundle"))),))
def model_card(data: bytes) -> None:
    (FOLDER / MANIFEST_FILE).write_bytes(data)
    try:
        read_card(FOLDER)
    except ModelError:
        return


@target("models.card.read_tensor_card", samples=((embedding_bundle(FOLDER / "words") / MANIFEST_FILE).read_bytes(),))
def tensor_card(data: bytes) -> None:
    (FOLDER / MANIFEST_FILE).write_bytes(data)
    try:
        card = read_tensor_card(FOLDER)
    except ModelError:
        return
    hold(not any("/" in name or name.startswith(".") for name in card.files), "a card names a file outside its folder")


@target("models.inspection.inspect", samples=(linear().SerializeToString(),))
def onnx_graph(data: bytes) -> None:
    path = FOLDER / "graph.onnx"
    path.write_bytes(data)
    report = inspect(path, {})
    hold(report.ok or not report.trial, "a graph that breaks rules was run")


@target("models.macs.parse_formula", samples=(b"3/4*H*W + 1024*N^2 - 5", b"0"))
def cost_formula(data: bytes) -> None:
    try:
        found = parse_formula(data.decode("utf-8", "replace"))
    except ModelError:
        return
    kept = {monomial: value for monomial, value in found.items() if value}
    hold(parse_formula(write_formula(found)) == (kept or {(): 0}), "a formula changed")


@target("models.pixels.read_png", samples=(write_png(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)),))
def picture(data: bytes) -> None:
    try:
        pixels = read_png(data)
    except ModelError:
        return
    hold((read_png(write_png(pixels)) == pixels).all(), "a picture changed")


@target("node.subnets.chutes.png.decode_png", samples=(encode_png(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)),))
def sent_picture(data: bytes) -> None:
    try:
        pixels = decode_png(data)
    except Unfit:
        return
    hold((decode_png(encode_png(pixels)) == pixels).all(), "a picture changed")


@target(
    "node.subnets.chutes.bundle.read_chute", "node.subnets.chutes.bundle.read_canonical",
    samples=tuple(chute_bytes(each) for each in (*house_chutes(), *demo_chutes())),
)  # fmt: skip
def chute(data: bytes) -> None:
    try:
        found = read_chute(data)
    except BadChute:
        return
    hold(read_canonical(chute_bytes(found)) == found, "a chute changed on its way")


@target("models.voice.read_wav", samples=(wav(np.zeros(9, np.float32)),))
def sound(data: bytes) -> None:
    try:
        samples = read_wav(data)
    except ModelError:
        return
    hold(len(samples) > 0 and bool((abs(samples) <= 1).all()), "a sound is out of range")


@target("p2p.peerbook.read_peers_file", samples=(msgspec.json.encode(PeersFile(1, (ADDRESS,), ())),))
def peers_file(data: bytes) -> None:
    path = FOLDER / "peers.json"
    path.write_bytes(data)
    try:
        read_peers_file(path)
    except P2PError:
        return


# --- local clients ----------------------------------------------------------------------------------------------------


@target("node.control.protocol.parse_line", samples=samples.CONTROL_CALLS)
def control_line(data: bytes) -> None:
    answer = b"\n"
    try:
        parse_line(data)
    except BadLine as refusal:
        answer = refusal.answer
    hold(answer.count(b"\n") == 1, "a refusal is not one line")


@target("node.control.protocol.parse_answer", samples=samples.CONTROL_ANSWERS)
def control_answer(data: bytes) -> None:
    try:
        parse_answer(data)
    except (ProtocolError, ControlError):
        return


@target("node.gateway.guard.decode_json", samples=(*samples.CHAT_BODIES, b"[[[[1]]]]", b'{"a":' * 40))
def any_json(data: bytes) -> None:
    with suppress(BadRequest):
        decode_json(data)


@target("node.gateway.openai.chat", "node.gateway.openai.completion", samples=samples.CHAT_BODIES)
def chat_body(data: bytes) -> None:
    for read in (chat, completion):
        with suppress(BadRequest):
            read(data)


# --- the network layer ------------------------------------------------------------------------------------------------


class Given:
    """A stream on which exactly these bytes come, in pieces of up to 7 bytes."""

    peer_id = PEER

    def __init__(self, data: bytes) -> None:
        self._left = data

    async def read(self, max_bytes: int) -> bytes:
        taken, self._left = self._left[: min(7, max_bytes)], self._left[min(7, max_bytes) :]
        return taken

    async def write(self, data: bytes) -> None: ...

    async def close_write(self) -> None: ...

    async def aclose(self) -> None: ...

    async def reset(self) -> None: ...


def ended(work: Callable[[], Awaitable[object]], *errors: type[Exception]) -> None:
    """Run something that waits; only `errors` may come out."""

    async def run() -> None:
        try:
            await work()
        except errors:
            return

    trio.run(run)


NOT_TEXT = b"\x32\x02\xff\xfe"  # an agent that is no UTF-8: protobuf hands out bytes
IDENTIFY = wellknown.identify_message(b"key", "agent", [parse_address(ADDRESS)], ["/ipfs/ping/1.0.0"])


@target(
    "p2p.wellknown.read_identify", "p2p.wellknown.text_of", samples=(IDENTIFY, Identify().SerializeToString(), NOT_TEXT)
)
def identify(data: bytes) -> None:
    for stream in (data, wellknown.with_length(data)):
        ended(lambda stream=stream: wellknown.read_identify(BufferedReader(Given(stream)), PEER), StreamFailed)


EXCHANGE = msgspec.json.encode(wellknown.ExchangeRequest((ADDRESS,), 5))


@target("p2p.wellknown.read_exchange_request", "p2p.wellknown.ask_for_peers", samples=(EXCHANGE,))
def exchange(data: bytes) -> None:
    raw = len(data).to_bytes(4, "big") + data
    ended(lambda: wellknown.read_exchange_request(FramedStream(Given(raw))), P2PError)
    ended(lambda: wellknown.ask_for_peers(FramedStream(Given(raw)), [], 5), P2PError)


@target("p2p.framing.FramedStream", samples=(b"\x00\x00\x00\x03abc",))
def frames(data: bytes) -> None:
    async def read() -> None:
        stream = FramedStream(Given(data))
        while True:
            hold(len(await stream.receive(1000)) <= 1000, "a frame is over its bound")

    ended(read, P2PError)


@target(
    "p2p.hardened.negotiation.answer", "p2p.hardened.negotiation._read_line",
    samples=(b"\x13/multistream/1.0.0\n\x06/echo\n", b"\x13/multistream/1.0.0\n\x06/ohce\n"),
)  # fmt: skip
def protocol_choice(data: bytes) -> None:
    async def choose() -> None:
        stream = Given(data)
        await negotiation.answer(stream, BufferedReader(stream), lambda name: name == "/echo")

    ended(choose, StreamFailed, ProtocolRefusedError)


@target("p2p.hardened.negotiation.propose", samples=(b"\x13/multistream/1.0.0\n\x06/echo\nabc",))
def protocol_proposal(data: bytes) -> None:
    async def read() -> None:
        reader = await negotiation.propose(Given(data), "/echo", trio.current_time() + 1)
        await reader.exactly(3)

    ended(read, StreamFailed, ProtocolRefusedError)


REACH = msgspec.json.encode(reach.ReachRequest((ADDRESS,)))


@target("p2p.reach._decode", samples=(REACH, msgspec.json.encode(reach.ReachAnswer((reach.AddressResult("a", "b"),)))))
def reachability(data: bytes) -> None:
    for kind in (reach.ReachRequest, reach.ReachAnswer):
        try:
            reach._decode(data, kind)
        except StreamFailed:
            continue


BLOB = Manifest(3, bytes(32), bytes(32))


@target("p2p.blob_files.decode_manifest", samples=(msgspec.msgpack.encode(BLOB),))
def blob_manifest(data: bytes) -> None:
    try:
        decode_manifest(data, blob_id_of(data), bytes(32), 3)
    except BlobError:
        return


@target(
    "p2p.blobs.Blobs",
    samples=tuple(map(msgspec.msgpack.encode, (blobs.Find(bytes(32)), blobs.GetChunk(bytes(32), 7)))),
)
def blob_question(data: bytes) -> None:
    try:
        question = msgspec.msgpack.decode(data, type=blobs.Question)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    hold(len(msgspec.msgpack.encode(question)) <= 4 * limits.BLOB_QUESTION_MAX_BYTES + len(data) * 4, "it grew")


def asked(data: bytes) -> None:
    try:
        value = decode_call_frame(data)
    except StreamFailed:
        return
    hold(encode_call_frame(value) == data, "a frame of a shared stream changed")


ASKED = (Ask(1, 5, 9, "/a", b"x"), Cancel(2), Part(3, b"y", True), Failed(4, Failure.BUSY))
TARGETS["call_frame"] = Target(
    asked, tuple(map(encode_call_frame, ASKED)), ("p2p.call_frames.decode_call", "p2p.call_frames._decode_ask")
)

RPC = rpc_pb2.RPC(
    publish=[rpc_pb2.Message(data=b"x", topicIDs=["t"], from_id=b"\x00\x24\x08\x01\x12\x20" + bytes(32), seqno=b"1")],
    subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=True, topicid="t")],
    control=rpc_pb2.ControlMessage(ihave=[rpc_pb2.ControlIHave(topicID="t", messageIDs=[b"i"])]),
)


@target("p2p.hardened.pubsub.parse_rpc", samples=(RPC.SerializeToString(),))
def gossip_frame(data: bytes) -> None:
    try:
        rpc = parse_rpc(data)
    except MalformedRpc:
        return
    hold(len(rpc.publish) <= limits.RPC_MESSAGES_MAX, "too many messages were let through")


@target("p2p.addresses.parse_address", "p2p.base58.decode", samples=(ADDRESS.encode(), b"/dns4/a.b/tcp/1"))
def multiaddress(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        address = parse_address(text)
    except AddressError:
        pass
    else:
        hold(parse_address(str(address)) == address, "an address changed")
    try:
        check_peer_id(text)
    except AddressError:
        return


@target(
    "p2p.relay.messages.read_message", "p2p.relay.messages.named_peer",
    samples=tuple(
        kind(type=0, peer={"id": b"\x00\x24\x08\x01\x12\x20" + bytes(32)}).SerializeToString()
        for kind in (HopMessage, StopMessage)
    ),
)  # fmt: skip
def relay_message(data: bytes) -> None:
    for kind in (HopMessage, StopMessage):

        async def read(kind: type = kind) -> None:
            named_peer(await read_message(BufferedReader(Given(wellknown.with_length(data))), kind))

        ended(read, StreamFailed)


@target("p2p.credit.decode_credit", samples=(encode_credit(CreditKind.PART, b"x"), encode_credit(CreditKind.END)))
def credit_frame(data: bytes) -> None:
    try:
        kind, body = decode_credit(data)
    except StreamFailed:
        return
    hold(encode_credit(kind, body) == data, "a frame of a stream with credit changed")


KAD = kad.Query(kad.FIND_NODE, b"k" * 38)


@target(
    "p2p.kad.messages.read_query", "p2p.kad.messages.read_answer",
    samples=(kad.find_node(b"k" * 38)[1:], kad.answer(KAD, [(PEER, (parse_address(ADDRESS),))])[1:]),
)  # fmt: skip
def hash_table(data: bytes) -> None:
    with suppress(MalformedFrame):
        kad.read_query(data)
    try:
        told = kad.read_answer(data, kad.FIND_NODE, 0)
    except MalformedFrame:
        return
    hold(len(told) <= limits.KAD_ANSWER_PEERS_MAX, "too many peers were let through")


# --- collected rows ---------------------------------------------------------------------------------------------------

_BUCKETS = [BucketSize(Bucket(1, "news", hour), 1000 + hour, 7) for hour in range(480_000, 480_020)]
_ROW = Entity("https://e.example/1", Source.FEED, "news", 28_000_000, "ann", "some words")


@target("node.subnets.data_universe.index.unpack_index", samples=(pack_index(_BUCKETS), pack_index(())))
def index_of_buckets(data: bytes) -> None:
    for each in (data, zlib.compress(data)):
        try:
            buckets = unpack_index(each)
        except MalformedMessage:
            continue
        hold(unpack_index(pack_index(buckets)) == buckets, "an index changed")


@target("node.subnets.data_universe.serving.unpack_rows", samples=(pack_rows([_ROW]),))
def rows_of_bucket(data: bytes) -> None:
    for each in (data, zlib.compress(data)):
        try:
            rows = unpack_rows(each)
        except MalformedMessage:
            continue
        hold(unpack_rows(pack_rows(rows)) == rows, "rows changed")


@target(
    "node.subnets.data_universe.markup.parse_xml",
    samples=(b"<rss><channel><title>a</title><item><guid>1</guid></item></channel></rss>", b"<feed><entry/></feed>"),
)
def feed(data: bytes) -> None:
    try:
        read_feed(Page(200, "https://e.example/", data))
    except SourceFailed:
        return


@target(
    "node.subnets.data_universe.fetching.decoded_text",
    samples=(b"utf-8\n<p>a &amp; b</p>", b"koi8-r\n\xc1<!-- b", b"punycode\n<a b='c", b"\n<meta charset=utf-16><p>a"),
)
def page(data: bytes) -> None:
    charset, _, body = data.partition(b"\n")
    text = decoded_text(body, charset.decode("latin-1"))
    hold("<" in text or "&" in text or html_text(text) == text, "a text without marks changed")
    told = Page(200, "https://e.example/", body, f"text/html; charset={charset.decode('latin-1')}")
    hold(told.text()[1] >= 0, "fewer characters than none were replaced")


# --- files of persons -------------------------------------------------------------------------------------------------


def _recording(*entries: Entry) -> bytes:
    packer = Packer(Header(neurond_recording=1, api=1, version="0", started_ms=0))
    for entry in entries:
        packer.add(entry)
    return packer.take() + packer.end(9)


@target(
    "node.control.recording.parse_recording", samples=(_recording(), _recording(Entry(1, "hello"), Entry(2, "link")))
)
def recording_of_session(data: bytes) -> None:
    for each in (data, gzip.compress(data)):  # the second one gets past the packing
        for partial in (False, True):
            with suppress(BadRecording):
                parse_recording(each, partial=partial)


@target("node.control.setup.read_answers", "node.control.setup.read_saved", samples=(write_saved(Saved(Answers())),))
def answers_of_setup(data: bytes) -> None:
    with suppress(BadAnswers):
        read_answers(data, "answers.toml")
    try:
        saved = read_saved(data, "setup.toml")
    except BadAnswers:
        return
    hold(read_saved(write_saved(saved), "setup.toml") == saved, "answers changed")
