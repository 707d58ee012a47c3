"""RSS and Atom feeds. A row's address is its feed's with the item's own id behind it: there it is looked up."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import trio

from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Look, Recheck
from node.subnets.data_universe.entities import Entity, Source, label_from, label_of, make_entity
from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.fetching import Page, WebClient, canonical_url, minute_of
from node.subnets.data_universe.limits import ITEMS_PER_COLLECT_MAX, SKEW_HOURS_MAX
from node.subnets.data_universe.markup import Element, html_text, parse_xml

_MARK = "#item="


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a feed, before it is a row."""

    id: str
    title: str
    text: str
    author: str
    minute: int | None


class FeedAdapter:
    """Feeds of news, blogs and forums."""

    source = Source.FEED

    def __init__(self, client: WebClient, now_minute: Callable[[], int]) -> None:
        self._client = client
        self._now_minute = now_minute
        self._seen: dict[str, tuple[str, str]] = {}  # validators of the last answer, by feed

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        url = canonical_url(job.target)
        if not url:
            raise BadSource(f"{job.target[:80]!r} is no web address.")
        etag, modified = self._seen.get(url, ("", ""))
        page = await self._client.get(url, etag=etag, modified=modified)
        if page.status == 304:
            report.is_unchanged = True
            return
        rows = await trio.to_thread.run_sync(self._rows, url, job, page, report)
        self._seen[url] = (page.etag, page.modified)
        for row in rows:
            yield row

    def canonical(self, uri: str) -> str:
        feed, mark, item = uri.partition(_MARK)
        made = canonical_url(feed)
        return f"{made}{_MARK}{quote(unquote(item), safe='')}" if mark and made and item else ""

    async def recheck(self, uri: str) -> Recheck:
        feed, _, item = uri.partition(_MARK)
        try:
            page = await self._client.get(feed)
            if page.status in (404, 410):
                return Recheck(Look.GONE)
            _, items = await trio.to_thread.run_sync(read_feed, page)
        except (SourceFailed, BadSource) as error:
            return Recheck(Look.UNREACHABLE, note=error.message)
        wanted = unquote(item)
        found = next((each for each in items if each.id == wanted), None)
        entity = None if found is None else self._row(feed, "", found, CollectReport())
        if entity is None:
            return Recheck(Look.GONE, note="the feed does not list it any more")
        return Recheck(Look.FOUND, entity, is_dated=found is not None and found.minute is not None)

    def _rows(self, url: str, job: CollectJob, page: Page, report: CollectReport) -> list[Entity]:
        """The rows of a feed: seconds of a processor for a large one, so in a worker thread. Raises SourceFailed."""
        name, items = read_feed(page)
        label = label_of(job.label) or label_from(name) or label_from(urlsplit(url).hostname or "")
        report.items += len(items[:ITEMS_PER_COLLECT_MAX])
        found = [self._row(url, label, item, report) for item in items[:ITEMS_PER_COLLECT_MAX]]
        report.without_text += found.count(None)
        return [each for each in found if each is not None]

    def _row(self, feed: str, label: str, item: Item, report: CollectReport) -> Entity | None:
        now = self._now_minute()
        minute = item.minute
        if minute is None:
            report.without_time += 1
            minute = now
        elif minute > now + 60 * SKEW_HOURS_MAX:
            report.in_the_future += 1
            minute = now
        text = f"{item.title}. {item.text}" if item.text and item.title else item.title or item.text
        uri = self.canonical(f"{feed}{_MARK}{quote(item.id, safe='')}")
        return make_entity(uri, Source.FEED, label, min(minute, now + 60), item.author, text)


def read_feed(page: Page) -> tuple[str, list[Item]]:
    """Name and items of a feed. Raises SourceFailed when it is none."""
    if page.status != 200:
        raise SourceFailed(f"It answered with {page.status}.")
    root = parse_xml(page.body)
    if root.name == "feed":
        return html_text(root.say("title")), [_atom(entry) for entry in root.all("entry")]
    channel = root.first("channel")
    if root.name == "RDF" and channel is not None:
        return channel.say("title"), [_rss(item) for item in root.all("item")]
    if root.name == "rss" and channel is not None:
        return html_text(channel.say("title")), [_rss(item) for item in channel.all("item")]
    raise SourceFailed("It is neither RSS nor Atom.")


def _rss(item: Element) -> Item:
    name = item.say("guid") or item.say("link") or item.say("title")
    text = item.say("encoded", "description")
    return Item(
        name, html_text(item.say("title")), html_text(text), item.say("creator", "author"),
        minute_of(item.say("pubDate", "date")),
    )  # fmt: skip


def _atom(entry: Element) -> Item:
    link = next((each.attributes.get("href", "") for each in entry.all("link")), "")
    author = entry.first("author")
    return Item(
        entry.say("id") or link, html_text(entry.say("title")), html_text(entry.say("content", "summary")),
        author.say("name") if author is not None else "", minute_of(entry.say("published", "updated")),
    )  # fmt: skip
