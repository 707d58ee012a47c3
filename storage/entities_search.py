"""Questions about collected rows: full text, label, author, time, newest first and by pages.

Full text is indexed behind the rows, in steps, so that taking rows in is not slowed down by it.
"""

import re
from typing import Final

from storage.entities import EntityStore, _set
from storage.entities_rows import QUERY_ROWS_MAX, WORDS_MAX, EntityQuery, EntityRow, Found

_COLUMNS: Final = (
    "e.id, e.uri, e.uri_hash, e.source, e.label, e.hour, e.minute, e.author, e.content, e.text_hash, e.size"
)
_STEP_ROWS: Final = 20_000
_WORD: Final = re.compile(r"[^\W_\u19b0-\u19c9\u1cf2\u1cf3]+")  # the full text index has none of these within a word


def make_searchable(store: EntityStore, *, rows_max: int = _STEP_ROWS) -> int:
    """Take the next rows into the full text index; return how many, 0 when it is complete."""
    with store.database.write() as connection:
        upto = int(store._value(connection, "searchable") or b"0")
        last = connection.execute(
            "SELECT max(id), count(*) FROM (SELECT id FROM entity WHERE id > ? ORDER BY id LIMIT ?)", (upto, rows_max)
        ).fetchone()
        if not last[1]:
            return 0
        connection.execute(
            "INSERT INTO entity_text (rowid, content) SELECT id, content FROM entity WHERE id > ? AND id <= ?",
            (upto, last[0]),
        )
        _set(connection, "searchable", str(last[0]).encode())
        return int(last[1])


def search(store: EntityStore, query: EntityQuery) -> list[Found]:
    """The rows that fit, newest id first; at most QUERY_ROWS_MAX."""
    where, values = ["e.dropped IS NULL"], list[object]()
    words = match_of(query)
    if query.words and not words:
        return []
    for text, value in (
        ("e.source = ?", query.source), ("e.label = ?", query.label), ("e.uri_hash = ?", query.uri_hash),
        ("e.minute >= ?", query.start), ("e.minute < ?", query.end), ("e.id < ?", query.before),
    ):  # fmt: skip
        if value is not None:
            where.append(text)
            values.append(value)
    if query.authors:
        named = [*query.authors, *(author.lower() for author in query.authors)]  # SQLite lowers a to z only
        where.append(f"lower(e.author) IN ({','.join(['lower(?)'] * len(named))})")
        values += named
    if words:
        where.append("e.id IN (SELECT rowid FROM entity_text WHERE entity_text MATCH ?)")
        values.append(words)
    text = f"SELECT {_COLUMNS} FROM entity e WHERE {' AND '.join(where)} ORDER BY e.id DESC LIMIT ?"
    with store.database.read() as connection:
        rows = connection.execute(text, (*values, max(0, min(query.limit, QUERY_ROWS_MAX)))).fetchall()
    return [Found(row[0], EntityRow(*row[1:])) for row in rows]


def match_of(query: EntityQuery) -> str:
    """The words as an expression of the full text index; nothing a person writes is part of its language."""
    return (" AND " if query.all_words else " OR ").join(f'"{word}"' for word in words_of(query))


def words_of(query: EntityQuery) -> list[str]:
    """The single words that are looked for."""
    words = [word for text in query.words[:WORDS_MAX] for word in _WORD.findall(text)]
    return words[:WORDS_MAX]
