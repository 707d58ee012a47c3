"""Services that answer in JSON: news sites in the form of Hacker News, and federated ones in the form of Mastodon.

A row's address is the service's own address of the item, so that everybody can look it up again.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec

from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Look, Recheck
from node.subnets.data_universe.entities import Entity, Source, label_from, make_entity
from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.fetching import Page, WebClient, canonical_url, minute_of
from node.subnets.data_universe.limits import SKEW_HOURS_MAX
from node.subnets.data_universe.markup import html_text

HN_BASE: Final = "https://hacker-news.firebaseio.com"
HN_ITEMS_PER_RUN: Final = 30  # one request each, one a second
PAGE_ITEMS: Final = 40  # of a timeline; the most such servers give
_HN_ITEM: Final = re.compile(r"(.*)/v0/item/(\d{1,15})\.json")
_STATUS: Final = re.compile(r"(.*)/api/v1/statuses/([0-9A-Za-z]{1,64})")


class HnItem(msgspec.Struct, frozen=True):
    """An item as the service writes it; unknown fields are passed over."""

    id: int
    type: str = ""
    by: str = ""
    time: int = 0
    title: str = ""
    text: str = ""
    url: str = ""
    dead: bool = False
    deleted: bool = False


class _Account(msgspec.Struct, frozen=True):
    acct: str = ""


class _Tag(msgspec.Struct, frozen=True):
    name: str = ""


class Status(msgspec.Struct, frozen=True):
    """A public post as such servers write it."""

    id: str
    created_at: str = ""
    content: str = ""
    visibility: str = "public"
    account: _Account = _Account()
    tags: tuple[_Tag, ...] = ()


class _Service:
    """What both have in common."""

    source: Source

    def __init__(self, client: WebClient, now_minute: Callable[[], int]) -> None:
        self._client = client
        self._now_minute = now_minute

    async def _read(self, url: str, kind: Any) -> Any:
        """The decoded answer; None when the place says that there is nothing. Raises SourceFailed."""
        page = await self._client.get(url)
        if page.status in (404, 410):
            return None
        return decoded(page, kind)

    def _minute(self, minute: int | None, report: CollectReport) -> int:
        now = self._now_minute()
        if minute is None:
            report.without_time += 1
            return now
        if minute > now + 60 * SKEW_HOURS_MAX:
            report.in_the_future += 1
            return now
        return min(minute, now + 60)


def decoded(page: Page, kind: Any) -> Any:
    """The JSON of a page as `kind`. Raises SourceFailed, whatever it is."""
    if page.status != 200:
        raise SourceFailed(f"It answered with {page.status}.")
    try:
        return msgspec.json.decode(page.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceFailed("Its JSON is not in the form that is known.") from error


def _base(target: str) -> str:
    base = canonical_url(target).rstrip("/")
    if not base:
        raise BadSource(f"{target[:80]!r} is no web address.")
    return base


class HnAdapter(_Service):
    """Stories and comments, newest first, a few a run."""

    source = Source.HN

    def __init__(self, client: WebClient, now_minute: Callable[[], int]) -> None:
        super().__init__(client, now_minute)
        self._newest: dict[str, int] = {}

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        base = _base(job.target or HN_BASE)
        ids: list[int] | None = await self._read(f"{base}/v0/newstories.json", list[int])
        known = self._newest.get(base, 0)
        fresh = sorted(each for each in (ids or [])[:500] if each > known)[-HN_ITEMS_PER_RUN:]
        report.is_unchanged = not fresh
        for number in fresh:
            item: HnItem | None = await self._read(f"{base}/v0/item/{number}.json", HnItem | None)
            self._newest[base] = number
            report.items += 1
            entity = None if item is None else self._row(base, job.label, item, report)
            if entity is None:
                report.without_text += 1
            else:
                yield entity

    def canonical(self, uri: str) -> str:
        found = _HN_ITEM.fullmatch(canonical_url(uri))
        return f"{found[1]}/v0/item/{int(found[2])}.json" if found else ""

    async def recheck(self, uri: str) -> Recheck:
        try:
            item: HnItem | None = await self._read(uri, HnItem | None)
        except (SourceFailed, BadSource) as error:
            return Recheck(Look.UNREACHABLE, note=error.message)
        found = _HN_ITEM.fullmatch(uri)
        entity = None if item is None or found is None else self._row(found[1], "", item, CollectReport())
        return Recheck(Look.GONE) if entity is None else Recheck(Look.FOUND, entity)

    def _row(self, base: str, label: str, item: HnItem, report: CollectReport) -> Entity | None:
        if item.dead or item.deleted:
            return None
        minute = self._minute(item.time // 60 if item.time > 0 else None, report)
        text = ". ".join(each for each in (item.title, html_text(item.text), item.url) if each)
        name = label or label_from(item.type) or "story"
        return make_entity(f"{base}/v0/item/{item.id}.json", Source.HN, name, minute, item.by, text)


class ActivityAdapter(_Service):
    """Public posts of one federated server, its own authors'."""

    source = Source.ACTIVITY

    def __init__(self, client: WebClient, now_minute: Callable[[], int]) -> None:
        super().__init__(client, now_minute)
        self._newest: dict[str, str] = {}

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        base = _base(job.target)
        since = self._newest.get(base, "")
        query = f"local=true&limit={PAGE_ITEMS}" + (f"&since_id={since}" if since else "")
        posts: list[Status] = await self._read(f"{base}/api/v1/timelines/public?{query}", list[Status]) or []
        report.is_unchanged = not posts
        for post in posts[:PAGE_ITEMS]:
            report.items += 1
            entity = self._row(base, job.label, post, report)
            if entity is None:
                report.without_text += 1
            else:
                yield entity
        if posts and posts[0].id.isalnum():
            self._newest[base] = posts[0].id[:64]

    def canonical(self, uri: str) -> str:
        found = _STATUS.fullmatch(canonical_url(uri))
        return found[0] if found else ""

    async def recheck(self, uri: str) -> Recheck:
        try:
            post: Status | None = await self._read(uri, Status)
        except (SourceFailed, BadSource) as error:
            return Recheck(Look.UNREACHABLE, note=error.message)
        found = _STATUS.fullmatch(uri)
        entity = None if post is None or found is None else self._row(found[1], "", post, CollectReport())
        return Recheck(Look.GONE) if entity is None else Recheck(Look.FOUND, entity)

    def _row(self, base: str, label: str, post: Status, report: CollectReport) -> Entity | None:
        uri = self.canonical(f"{base}/api/v1/statuses/{post.id}")
        if post.visibility != "public" or not uri:
            return None
        tag = post.tags[0].name if post.tags else ""
        name = label or (label_from(f"#{tag}") if tag else "")
        minute = self._minute(minute_of(post.created_at), report)
        return make_entity(uri, Source.ACTIVITY, name, minute, post.account.acct, html_text(post.content))
