"""The families of exercises: what is asked, in which words, and what must hold of the answer. Pure, drawn from a seed.

At least three conditions each, the format first. Wordings are picked from several, names and numbers are drawn.
"""

from typing import Final

from node.subnets.nineteen import instruct_checks as checks
from node.subnets.nineteen.instruct import Condition, Exercise, Family
from node.subnets.nineteen.messages import Turn
from node.subnets.nineteen.prompts import TOPICS, SeededChoice

_NAMES: Final = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kofi", "Lena",
                 "Mateo", "Nadia", "Olga", "Pavel", "Quinn", "Rosa", "Samir", "Tove")  # fmt: skip
_PLACES: Final = ("Lisbon", "Oslo", "Nairobi", "Quito", "Hanoi", "Turin", "Bergen", "Lagos", "Perth", "Riga")
_THINGS: Final = ("apples", "candles", "lamps", "notebooks", "bicycles", "teapots", "blankets", "maps", "violins",
                  "chairs", "kettles", "scarves", "tents", "globes")  # fmt: skip
_FILLERS: Final = ("Thanks, I have written that down.", "Understood.", "That sounds interesting!")


def bullet_points(choice: SeededChoice) -> Exercise:
    topic, count, most = choice.pick(TOPICS), 3 + choice.below(4), 8 + choice.below(5)
    letter = choice.pick("qxzjv")
    ask = choice.pick((
        "List {n} facts about {topic} as bullet points, each on a line that begins with '- '. No bullet may have more "
        "than {most} words, and the letter '{letter}' must not appear anywhere.",
        "Give me exactly {n} bullet points (use '- ') on {topic}. At most {most} words in each. Avoid the letter "
        "'{letter}' completely. Write nothing else.",
        "I need {n} short notes about {topic}: every note one line starting with '- ', not above {most} words, and "
        "without a single '{letter}'.",
    ))  # fmt: skip
    return _made("bullets", ask.format(n=count, topic=topic, most=most, letter=letter), (
        Condition("bullet points and nothing else", lambda text: checks.bullets(text) is not None),
        Condition(f"{count} of them", checks.has_bullets(count)),
        Condition(f"at most {most} words each", checks.each_bullet_at_most(most)),
        Condition(f"no {letter}", checks.without_letter(letter)),
    ))  # fmt: skip


def json_record(choice: SeededChoice) -> Exercise:
    name, place, age, count = choice.pick(_NAMES), choice.pick(_PLACES), 20 + choice.below(50), 2 + choice.below(3)
    keys = ("name", "city", "age", "hobbies")
    ask = choice.pick((
        "Write a JSON object about {name}, {age} years old, from {place}. Keys: name, city, age (a number) and hobbies "
        "(a list of {n} strings). Answer with the JSON only.",
        "Answer with nothing but one JSON object with the keys name, city, age, hobbies. The person is {name} from "
        "{place}, aged {age} (as a number); invent {n} hobbies as a list.",
    ))  # fmt: skip
    return _made("JSON", ask.format(name=name, place=place, age=age, n=count), (
        Condition("a JSON object", lambda text: checks.json_object(text) is not None),
        Condition("the keys", checks.has_keys(keys)),
        Condition("the name", checks.key_equals("name", name)),
        Condition("the city", checks.key_equals("city", place)),
        Condition("the age as a number", checks.key_equals("age", age)),
        Condition(f"{count} hobbies", checks.key_has_items("hobbies", count)),
    ))  # fmt: skip


def table_as_csv(choice: SeededChoice) -> Exercise:
    rows = [(choice.pick(_NAMES), 10 + choice.below(90)) for _ in range(3 + choice.below(3))]
    said = "; ".join(f"{name} has {points} points" for name, points in rows)
    ask = choice.pick((
        "{said}. Write this as CSV with the header name,points, one row a person, ordered by points from low to high. "
        "Only the CSV.",
        "Turn this into CSV (header: name,points), sorted by points ascending, and write nothing besides: {said}.",
    ))  # fmt: skip
    return _made("CSV", ask.format(said=said), (
        Condition("CSV", lambda text: checks.csv_rows(text) is not None),
        Condition("header and rows", checks.csv_shape(("name", "points"), len(rows))),
        Condition("ordered", checks.csv_sorted_by(1)),
        *(Condition(f"the row of {name}", checks.csv_row((name, str(points)))) for name, points in rows[:2]),
    ))  # fmt: skip


def shaped_text(choice: SeededChoice) -> Exercise:
    topic, start, end = choice.pick(TOPICS), choice.pick(("Well,", "Listen:", "In short,")), "That is all."
    count, most = 2 + choice.below(3), 40 + choice.below(30)
    ask = choice.pick((
        "Tell me about {topic} in at most {most} words. Begin with '{start}' and end with '{end}'. Use {n} sentences.",
        "Write {n} sentences on {topic}. The first words are '{start}', the last sentence is '{end}', and there are no "
        "more than {most} words.",
    ))  # fmt: skip
    return _made("shape", ask.format(topic=topic, most=most, start=start, end=end, n=count), (
        Condition(f"at most {most} words", checks.at_most_words(most)),
        Condition("the beginning", checks.begins_with(start)),
        Condition("the end", checks.ends_with(end)),
        Condition(f"{count} sentences", checks.sentences(count)),
        Condition("more than a phrase", checks.at_least_words(10)),
    ))  # fmt: skip


def addresses(choice: SeededChoice) -> Exercise:
    found = sorted({f"{choice.pick(_NAMES).lower()}{choice.below(90)}@{choice.pick(_PLACES).lower()}.example"
                    for _ in range(2 + choice.below(3))})  # fmt: skip
    story = " ".join(
        f"{choice.pick(('Write to', 'You reach us at', 'Questions go to', 'Please copy'))} {each} "
        f"{choice.pick(('about the', 'when the', 'for the'))} {choice.pick(_THINGS)}." for each in found
    )  # fmt: skip
    ask = choice.pick((
        "Extract all e-mail addresses from this text, one a line, in alphabetical order, and nothing else:\n{story}",
        "{story}\n\nList the e-mail addresses above in alphabetical order, each on its own line, without other words.",
    ))  # fmt: skip
    return _made("extraction", ask.format(story=story), (
        Condition("one a line", checks.each_line_one_address()),
        Condition("all of them and no others", checks.lists_items(found, "\n")),
        Condition("in order", checks.lists(found, "\n")),
    ))  # fmt: skip


def sorted_list(choice: SeededChoice) -> Exercise:
    drawn = [choice.pick(_THINGS) for _ in range(5 + choice.below(4))]
    wanted = sorted(set(drawn))
    ask = choice.pick((
        "Sort these words alphabetically, leave out repetitions, and answer with a comma-separated list only: {words}",
        "Here are some words: {words}. Remove duplicates, put them in alphabetical order, separate them with commas. "
        "No other text.",
    ))  # fmt: skip
    return _made("sorting", ask.format(words=", ".join(drawn)), (
        Condition("one line of commas", lambda text: checks.one_line()(text) and "," in text),
        Condition("no repetitions", checks.separated(",", len(wanted))),
        Condition("the words", checks.lists_items(wanted, ",")),
        Condition("in order", checks.lists(wanted, ",")),
    ))  # fmt: skip


def table_question(choice: SeededChoice) -> Exercise:
    names = [choice.pick(_NAMES[n::4]) for n in range(4)]
    sold = [5 + choice.below(60) for _ in names]
    total, thing = sum(sold), choice.pick(_THINGS)
    rows = "\n".join(f"{name} | {count}" for name, count in zip(names, sold, strict=True))
    ask = choice.pick((
        "seller | {thing} sold\n{rows}\n\nHow many {thing} were sold in total? Answer with the number in one short "
        "sentence that names {who} too.",
        "This is how many {thing} each sold:\n{rows}\nWhat is the total? One sentence, please, and mention {who}.",
    ))  # fmt: skip
    who = choice.pick(names)
    return _made("table", ask.format(thing=thing, rows=rows, who=who), (
        Condition("one line", checks.one_line()),
        Condition("the total", checks.holds_number(total)),
        Condition("the seller", checks.mentions(who)),
        Condition("short", checks.at_most_words(30)),
    ))  # fmt: skip


def memory(choice: SeededChoice) -> Exercise:
    name, place, thing = choice.pick(_NAMES), choice.pick(_PLACES), choice.pick(_THINGS)
    fact = choice.pick(("My friend {name} moved to {place} last year and collects {thing}.",
                        "By the way, {name} lives in {place} now and sells {thing}."))  # fmt: skip
    asked = choice.pick(
        ("Where does {name} live? One word only.", "In which city is {name}? Answer with the city alone.")
    )
    turns = (
        Turn("user", fact.format(name=name, place=place, thing=thing)), Turn("assistant", choice.pick(_FILLERS)),
        Turn("user", f"Tell me one thing about {choice.pick(TOPICS)}."), Turn("assistant", "It is worth a look."),
        Turn("user", asked.format(name=name)),
    )  # fmt: skip
    return Exercise("memory", turns, (
        Condition("one line", checks.one_line()),
        Condition("the city", checks.mentions(place)),
        Condition("nothing but the city", checks.is_exactly(place)),
        Condition("no digits", checks.no_digits()),
    ))  # fmt: skip


def not_told(choice: SeededChoice) -> Exercise:
    name, place, thing = choice.pick(_NAMES), choice.pick(_PLACES), choice.pick(_THINGS)
    missing = choice.pick(("how old", "in which year", "for how much money"))
    question = {"how old": f"How old is {name}?", "in which year": f"In which year did {name} come to {place}?",
                "for how much money": f"For how much money does {name} sell {thing}?"}[missing]  # fmt: skip
    ask = choice.pick((
        "Text: {name} has a shop for {thing} in {place}, near the station.\n\n{question} If the text does not say, "
        "answer exactly: not stated",
        "{name} sells {thing} in {place} and opens every morning.\n{question} Use only this text; if it is not there, "
        "reply with the two words: not stated",
    ))  # fmt: skip
    return _made("not told", ask.format(name=name, place=place, thing=thing, question=question), (
        Condition("one line", checks.one_line()),
        Condition("says so", checks.mentions("not stated")),
        Condition("exactly so", checks.is_exactly("not stated")),
        Condition("invents no number", checks.no_digits()),
    ))  # fmt: skip


def function(choice: SeededChoice) -> Exercise:
    a, b = 2 + choice.below(8), 1 + choice.below(20)
    kind = choice.below(3)
    said = (f"{a} times x plus {b}", f"the square of x minus {b}", f"the remainder of x divided by {a}")[kind]
    cases = [(x, (a * x + b, x * x - b, x % a)[kind]) for x in (choice.below(50) for _ in range(6))]
    ask = choice.pick((
        "Write a Python expression in the variable x for {said}. One line, the expression alone, no text.",
        "Give me only a Python expression that computes {said}; the variable is called x. Nothing else, one line.",
    ))  # fmt: skip
    return _made("code", ask.format(said=said), (
        Condition("one expression", lambda text: checks.expression(text) is not None),
        Condition("in x", checks.mentions("x")),
        Condition("right", checks.computes(cases)),
        Condition("short", lambda text: len(text) <= 60),
    ))  # fmt: skip


FAMILIES: Final[tuple[Family, ...]] = (
    bullet_points, json_record, table_as_csv, shaped_text, addresses, sorted_list, table_question, memory, not_told,
    function,
)  # fmt: skip


def _made(family: str, ask: str, conditions: tuple[Condition, ...]) -> Exercise:
    return Exercise(family, (Turn("user", ask),), conditions)
