"""What travels in subnet Nineteen, the drawing of challenges, and the rules every subnet inherits."""

import math
from collections import Counter

import msgspec
import pytest

from models.limits import MAX_CONTENT_CHARS
from node.market.chat import ChatRequest, ChatTurn, ChatUsage
from node.market.errors import BadRequest, MalformedMessage, UnknownSubnet
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.limits import TASK_BYTES_MAX
from node.primitives.types import ZERO_HASH, Height, NetUid, Uid
from node.subnets.base import (
    Code,
    Entry,
    Message,
    Neuron,
    Part,
    Refusal,
    Spec,
    Standing,
    Subnet,
    Usage,
    View,
    decode_message,
)
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen.messages import ChatPiece, ChatTask, Odds, Turn, to_reply, to_task
from node.subnets.nineteen.prompts import SeededChoice, draw_chat
from node.subnets.registry import cheat_names, known_subnets, name_of, open_subnet
from tests.unit.subnets.support import hotkey, tiny_task

VIEW = View(NetUid(19), Height(1), ZERO_HASH, ())
ENTROPY = bytes(range(32))


def request(**changes: object) -> ChatRequest:
    base: dict[str, object] = {"model": "m", "messages": (ChatTurn("user", "hello"),)}
    return ChatRequest(**(base | changes))  # type: ignore[arg-type]


class Fragile(Message, frozen=True):
    """A message whose check fails by itself, as that of somebody's package may."""

    numbers: tuple[int, ...]

    def check(self) -> None:
        if self.numbers[0] > 1:
            raise MalformedMessage("Too large.")


def test_a_check_that_fails_by_itself_refuses_the_message() -> None:
    assert decode_message(Fragile, encode(Fragile((1,))), max_bytes=100).numbers == (1,)
    for numbers in ((2,), ()):
        with pytest.raises(MalformedMessage):
            decode_message(Fragile, encode(Fragile(numbers)), max_bytes=100)


def test_the_encoding_of_a_task_and_a_piece_is_pinned() -> None:
    task = ChatTask("m", (Turn("user", "hi"),), bytes(32), 64, 700, 900, 0, 1000, ("x",), "", 6)
    assert encode(task).hex() == (
        "9ba16d9192a475736572a26869c420" + "00" * 32 + "40cd02bccd038400cd03e891a178a006"
    )  # fmt: skip
    odds = (Odds(7, 9, b"a"),)
    piece = ChatPiece(2, True, Usage(5, 3), (7, 8), "ab", "stop", (9, 1), (odds, odds), False)
    assert encode(piece).hex() == "9902c393050300920708a26162a473746f7092090192919307" + "09c40161919307" + "09c40161c2"
    assert decode_message(ChatTask, encode(task), max_bytes=TASK_BYTES_MAX) == task
    assert decode_message(ChatPiece, encode(piece), max_bytes=1000) == piece


@pytest.mark.parametrize(
    "change",
    [
        {"turns": ()},
        {"turns": (Turn("robot", "x"),)},
        {"turns": (Turn("text", "x"), Turn("user", "x"))},  # a plain text stands alone
        {"turns": (Turn("user", "a\x00b"),)},
        {"turns": (Turn("user", "e\u0301"),)},  # not in form NFC
        {"turns": (Turn("user", "x" * (MAX_CONTENT_CHARS + 1)),)},
        {"turns": (Turn("user", "x" * 20_000), Turn("user", "x" * 20_000))},
        {"turns": (Turn("user", "x"),) * 200},
        {"seed": bytes(31)},
        {"max_tokens": 0},
        {"max_tokens": 10**6},
        {"temperature_milli": 3000},
        {"temperature_milli": -1},
        {"top_p_milli": 0},
        {"top_k": -1},
        {"top_k": 2**63},
        {"repetition_penalty_milli": 500},
        {"stop": ("",)},
        {"stop": ("x",) * 5},
        {"model": "m" * 500},
        {"form": "{"},
        {"form": '{"type": "string", "pattern": "a"}'},
        {"form": " " * 20_000},
        {"form": '{"const": 1e999}'},
        {"form": '{"enum": [1, [-1e999]]}'},
        {"form": '{"const": ' + "[" * 993 + "]" * 993 + "}"},
        {"logprobs": -1},
        {"logprobs": 22},
    ],
)
def test_a_task_outside_its_bounds_is_refused(change: dict[str, object]) -> None:
    bad = msgspec.structs.replace(tiny_task(), **change)
    with pytest.raises(MalformedMessage):
        decode_message(ChatTask, encode(bad), max_bytes=1_000_000)


def test_a_task_longer_than_the_wire_allows_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedMessage, match="at most"):
        decode_message(ChatTask, bytes(TASK_BYTES_MAX + 1), max_bytes=TASK_BYTES_MAX)


@pytest.mark.parametrize(
    "piece",
    [
        ChatPiece(0, True, Usage(), (), "", ""),
        ChatPiece(0, False, Usage(), (), "", "stop"),
        ChatPiece(0, True, Usage(), (), "", "tired"),
        ChatPiece(0, False, Usage(), (-1,), "", "", (1,)),
        ChatPiece(0, False, Usage(), (2**40,), "", "", (1,)),
        ChatPiece(0, True, Usage(-1, 0), (), "", "stop"),
        ChatPiece(-1, False, Usage(), (), "", ""),
        ChatPiece(0, False, Usage(), (1,), "", "", ()),
        ChatPiece(0, False, Usage(), (1,), "", "", (-1,)),
        ChatPiece(0, False, Usage(), (1,), "", "", (10**9,)),
        ChatPiece(0, False, Usage(), (1,), "", "", (1,), ((), ())),
        ChatPiece(0, False, Usage(), (1,), "", "", (1,), ((Odds(1, 1, bytes(300)),),)),
        ChatPiece(0, False, Usage(), (1,), "", "", (1,), ((Odds(2**40, 1, b""),),)),
        ChatPiece(0, False, Usage(), (1,), "", "", (1,), ((Odds(1, 1, b""),) * 22,)),
    ],
)
def test_a_piece_outside_its_bounds_is_refused(piece: ChatPiece) -> None:
    with pytest.raises(MalformedMessage):
        decode_message(ChatPiece, encode(piece), max_bytes=100_000)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": ()}, "messages"),
        ({"messages": (ChatTurn("robot", "x"),)}, "messages"),
        ({"messages": (ChatTurn("user", "a\x00"),)}, "messages"),
        ({"messages": (ChatTurn("user", "\ud800"),)}, "messages"),
        ({"messages": (ChatTurn("user", "x" * 40_000),)}, "messages"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"repetition_penalty": 0.5}, "repetition_penalty"),
        ({"stop": ("",)}, "stop"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"form": "{"}, "response_format"),
        ({"form": '{"type": "string", "pattern": "a"}'}, "response_format"),
        ({"top_logprobs": 21}, "top_logprobs"),
    ],
)
def test_a_users_mistake_is_named_by_its_field(changes: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        to_task(request(**changes), ENTROPY)
    assert caught.value.param == param


def test_a_users_text_is_normalised_and_the_numbers_become_thousandths() -> None:
    task = to_task(request(messages=(ChatTurn("user", "e\u0301"),), temperature=0.55, top_p=1.0), ENTROPY)
    assert task.turns[0].content == "é"
    assert (task.temperature_milli, task.top_p_milli, task.seed) == (550, 1000, ENTROPY)
    assert to_task(request(seed=5), ENTROPY).seed == to_task(request(seed=5), bytes(32)).seed != ENTROPY


def test_probabilities_reach_users_as_logarithms_with_the_text_of_their_tokens() -> None:
    odds = (Odds(7, 1_234, b"ab"), Odds(9, 500, "é".encode()), Odds(8, 20_000, b"\xc3"))
    reply = to_reply(ChatPiece(0, False, Usage(), (7,), "ab", "", (1_234,), (odds,)), hotkey("m"))
    told = reply.logprobs[0]
    assert (told.token, told.logprob, told.top) == ("ab", -0.1234, (("é", -0.05), ("\ufffd", -2.0)))
    assert to_task(request(top_logprobs=3), ENTROPY).logprobs == 4
    assert to_task(request(top_logprobs=0), ENTROPY).logprobs == 1
    assert to_task(request(), ENTROPY).logprobs == 0


def test_pieces_become_replies_with_the_reasons_users_know() -> None:
    middle = to_reply(ChatPiece(3, False, Usage(), (1,), "x", "", (1,)), hotkey("m"))
    assert (middle.text, middle.index, middle.done, middle.usage) == ("x", 3, False, None)
    ends = {
        reason: to_reply(ChatPiece(0, True, Usage(2, 3), (), "", reason), hotkey("m")).finish_reason
        for reason in ("stop", "length", "stop_string")
    }
    assert ends == {"stop": "stop", "length": "length", "stop_string": "stop"}
    assert to_reply(ChatPiece(0, True, Usage(2, 3), (), "", "stop"), hotkey("m")).usage == ChatUsage(2, 3)


# --- drawing --------------------------------------------------------------------------------------------------------


def drawn(count: int) -> list[ChatTask]:
    return [draw_chat(digest("test-draw", n.to_bytes(4, "big")), ("m",)) for n in range(count)]


def test_equal_seeds_draw_equal_tasks_and_different_seeds_different_ones() -> None:
    assert drawn(50) == drawn(50)
    assert len({encode(task) for task in drawn(300)}) == 300
    assert len({task.turns for task in drawn(300)}) > 250


def test_every_drawn_task_is_within_the_bounds_of_users_tasks() -> None:
    for task in drawn(300):
        task.check()
        user = request(
            messages=tuple(ChatTurn(turn.role, turn.content) for turn in task.turns),
            max_tokens=task.max_tokens,
            temperature=task.temperature_milli / 1000,
            top_p=task.top_p_milli / 1000,
        )
        assert to_task(user, task.seed) == task  # a user could have sent exactly this


def test_challenges_have_noise_enough_to_tell_miners_apart() -> None:
    assert all(task.temperature_milli >= 700 and task.max_tokens >= 48 for task in drawn(300))


def test_drawing_is_pure() -> None:
    subnet = Nineteen()
    assert subnet.draw(ENTROPY, VIEW) == Nineteen().draw(ENTROPY, VIEW)


def test_choices_are_spread_evenly() -> None:
    choice = SeededChoice(b"seed")
    counts = Counter(choice.below(5) for _ in range(5000))
    assert set(counts) == {0, 1, 2, 3, 4}
    assert max(counts.values()) < 1.2 * min(counts.values())


# --- every subnet ---------------------------------------------------------------------------------------------------


class Plain(Subnet[ChatTask, ChatPiece]):
    def __init__(self, power: float = 1.0) -> None:
        self.spec = Spec("plain", "Plain", 1, NetUid(1), (), power=power)


def seats(*names: str) -> View:
    neurons = tuple(
        Neuron(Uid(n), hotkey(name), hotkey("cold"), "p", (), 0, False, Height(0)) for n, name in enumerate(names)
    )
    return View(NetUid(1), Height(1), ZERO_HASH, neurons)


def test_shares_follow_the_power_of_the_score_and_sum_to_one() -> None:
    book = {hotkey("a"): Standing(0.8), hotkey("b"): Standing(0.4), hotkey("gone"): Standing(1.0)}
    shares = Plain(power=2.0).weigh(book, seats("a", "b", "new"))
    assert shares == {hotkey("a"): pytest.approx(0.8), hotkey("b"): pytest.approx(0.2)}


def test_without_any_score_a_validator_abstains() -> None:
    assert Plain().weigh({hotkey("a"): Standing(0.0)}, seats("a")) == {}
    assert Plain().weigh({}, seats("a")) == {}


def test_a_subnet_without_a_journal_refuses_entries() -> None:
    refusal = Plain().apply(Entry(hotkey("a"), 0, Height(1), "offer", b""), {})
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.REFUSED


def test_the_numbers_of_codes_never_change() -> None:
    pinned = [
        Code.OK,
        Code.TIMEOUT,
        Code.OVERLOADED,
        Code.BAD_SIGNATURE,
        Code.ELIMINATED,
        Code.NO_DATA,
        Code.MINER_FAULT,
    ]
    assert pinned == [0, 3, 7, 10, 21, 24, 28]


def test_a_part_says_where_it_belongs() -> None:
    assert [f.name for f in msgspec.structs.fields(ChatPiece)][:3] == [f.name for f in msgspec.structs.fields(Part)]


def test_known_subnets_open_by_the_name_or_seat_the_chain_gives() -> None:
    assert {"nineteen", "chutes"} <= set(known_subnets())
    assert name_of(NetUid(64)) == name_of(NetUid(2), "Chutes") == "chutes"
    assert name_of(NetUid(19)) == name_of(NetUid(1), "Nineteen") == "nineteen"
    assert open_subnet("nineteen", models=("m",)).spec.models == ("m",)
    for name in ("nineteen", "chutes"):
        assert cheat_names(name)
        for cheat in cheat_names(name):
            assert open_subnet(name, cheat=cheat).spec.name == name


@pytest.mark.parametrize("name", ["", "twenty"])
def test_an_unknown_subnet_or_cheat_is_refused(name: str) -> None:
    with pytest.raises(UnknownSubnet):
        open_subnet(name)
    with pytest.raises(UnknownSubnet):
        name_of(NetUid(1), name)
    with pytest.raises(UnknownSubnet):
        open_subnet("nineteen", cheat=name or "none")
