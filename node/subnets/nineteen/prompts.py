"""Challenges drawn from a seed: chats of the kind people write, with the parameters their programs send.

Nothing in the form of a challenge may tell it from a user's request: same message type, same field values, topics and
wordings in many combinations, sometimes a system prompt or a second turn. Pure: equal seeds give equal tasks.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from node.market.chat import DEFAULT_REPETITION_PENALTY
from node.primitives.crypto import digest
from node.subnets.nineteen.messages import MILLI, ChatTask, Turn

T = TypeVar("T")


class SeededChoice:
    """Choices that follow from a seed: a counter-based hash stream, the same on every machine."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def below(self, bound: int) -> int:
        """A number in 0..bound-1; the bias of 64 bits over small bounds is far below anything observable."""
        self._count += 1
        return int.from_bytes(digest("draw-choice", self._seed, self._count.to_bytes(8, "big"))[:8], "big") % bound

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]


TOPICS: Final = (
    "photosynthesis", "the water cycle", "compound interest", "how vaccines work", "the French Revolution",
    "black holes", "sourdough bread", "learning to play the guitar", "public libraries", "electric cars",
    "remote work", "chess openings", "the Roman aqueducts", "coral reefs", "time zones", "the printing press",
    "honey bees", "earthquakes", "jazz music", "growing tomatoes", "marathon training", "the moon landing",
    "recycling plastic", "how batteries work", "wind power", "the silk road", "writing a diary", "board games",
    "public speaking", "the immune system", "volcanoes", "migraines", "garbage collection in programming languages",
    "hash tables", "unit testing", "version control", "relational databases", "container shipping", "stock indices",
    "budgeting for a family", "job interviews", "hiking in the Alps", "street food", "impressionist painting",
    "the history of zero", "ocean tides", "sleep and memory", "house plants", "meditation",
    "the Great Wall of China", "penguins", "glass making", "bicycle repair", "national parks", "film photography",
)  # fmt: skip

_ASKS: Final = (
    "Explain {topic} to a ten-year-old.",
    "Write a short paragraph about {topic}.",
    "What are three common misconceptions about {topic}?",
    "Give me five interesting facts about {topic}.",
    "Can you summarise the most important things to know about {topic}?",
    "Write the opening of a blog post on {topic}.",
    "I have an exam about {topic} tomorrow. What should I remember?",
    "What are the advantages and disadvantages of {topic}?",
    "Describe {topic} in simple words.",
    "How did {topic} become important? Keep it brief.",
    "Write a friendly e-mail to a colleague recommending an article about {topic}.",
    "Make a list of questions somebody new to {topic} might ask.",
    "Tell me a short story that involves {topic}.",
    "What would you say to somebody who thinks {topic} is boring?",
    "Compare {topic} and {other}.",
    "I am preparing a talk on {topic}. Suggest an outline.",
    "what's {topic} about? a few sentences are enough",
    "Write a product description for a book about {topic}.",
    "Suggest a title and a first sentence for an essay on {topic}.",
    "How are {topic} and {other} connected, if at all?",
)

_FOLLOW_UPS: Final = (
    "Can you give an example?",
    "Say that again, but shorter.",
    "Why does that matter?",
    "What should I read or try next?",
    "And what is the most difficult part of it?",
    "Could you put that in a list?",
)

_FIRST_REPLIES: Final = (
    "Of course. In short, it is something many people meet every day without thinking much about it.",
    "Happy to help. The basic idea is simple, although the details take a while to learn.",
    "Good question. There are a few things that matter most, and the rest follows from them.",
)

_SYSTEMS: Final = (
    "You are a helpful assistant.",
    "You are a patient teacher who answers in plain language.",
    "Answer briefly and to the point.",
    "You are a friendly writer with a sense of humour.",
)

_MAX_TOKENS: Final = (48, 64, 64, 64, 80, 96)
_TEMPERATURES_MILLI: Final = (700, 700, 800, 900, 1000)
_TOP_P_MILLI: Final = (900, 900, 950, 1000)


def draw_chat(seed: bytes, models: Sequence[str]) -> ChatTask:
    """The chat task that follows from 32 bytes of seed, for one of the models."""
    choice = SeededChoice(seed)
    turns: list[Turn] = []
    if choice.below(4) == 0:
        turns.append(Turn("system", choice.pick(_SYSTEMS)))
    topic, other = choice.pick(TOPICS), choice.pick(TOPICS)
    turns.append(Turn("user", choice.pick(_ASKS).format(topic=topic, other=other)))
    if choice.below(5) == 0:
        turns.append(Turn("assistant", choice.pick(_FIRST_REPLIES)))
        turns.append(Turn("user", choice.pick(_FOLLOW_UPS)))
    return ChatTask(
        model=choice.pick(models),
        turns=tuple(turns),
        seed=digest("task-seed", seed),
        max_tokens=choice.pick(_MAX_TOKENS),
        temperature_milli=choice.pick(_TEMPERATURES_MILLI),
        top_p_milli=choice.pick(_TOP_P_MILLI),
        top_k=0,
        repetition_penalty_milli=round(DEFAULT_REPETITION_PENALTY * MILLI),
        stop=(),
    )
