"""Web pages that the user listed, one row a page; robots.txt is asked first and obeyed."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import trio

from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Look, Recheck
from node.subnets.data_universe.entities import Entity, Source, make_entity
from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.fetching import USER_AGENT, WebClient, canonical_url
from node.subnets.data_universe.limits import HOSTS_KEPT_MAX, ROBOTS_BYTES_MAX, ROBOTS_KEPT_S
from node.subnets.data_universe.markup import html_text

_TEXT_TYPES: Final = ("text/html", "application/xhtml+xml", "text/plain")


class Robots:
    """What sites allow; their rules are kept for a day."""

    def __init__(self, client: WebClient, now_s: Callable[[], float]) -> None:
        self._client = client
        self._now_s = now_s
        self._rules: OrderedDict[str, tuple[float, RobotFileParser]] = OrderedDict()

    async def allows(self, url: str) -> bool:
        """Whether this page may be read; a site without rules allows all. Raises SourceFailed."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        known = self._rules.get(site)
        if known is None or self._now_s() - known[0] > ROBOTS_KEPT_S:
            page = await self._client.get(f"{site}/robots.txt", bytes_max=ROBOTS_BYTES_MAX)
            rules = RobotFileParser()
            try:
                rules.parse(page.text()[0].splitlines() if page.status == 200 else [])
            except ValueError as error:
                raise SourceFailed("Its robots.txt cannot be read.") from error
            if page.status in (401, 403):
                rules.parse(["User-agent: *", "Disallow: /"])
            known = self._rules[site] = (self._now_s(), rules)
            while len(self._rules) > HOSTS_KEPT_MAX:
                self._rules.popitem(last=False)
        return known[1].can_fetch(USER_AGENT, url)


class WebAdapter:
    """Single pages. They rarely say when they were written: a row has the time it was first read."""

    source = Source.WEB

    def __init__(self, client: WebClient, robots: Robots, now_minute: Callable[[], int]) -> None:
        self._client = client
        self._robots = robots
        self._now_minute = now_minute

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        url = self.canonical(job.target)
        if not url:
            raise BadSource(f"{job.target[:80]!r} is no web address.")
        report.items += 1
        report.without_time += 1
        entity, _ = await self._read(url, job.label, report)
        if entity is None:
            report.without_text += 1
        else:
            yield entity

    def canonical(self, uri: str) -> str:
        return canonical_url(uri)

    async def recheck(self, uri: str) -> Recheck:
        try:
            entity, status = await self._read(uri, "", CollectReport())
        except (SourceFailed, BadSource) as error:
            return Recheck(Look.UNREACHABLE, note=error.message)
        if entity is None:
            return Recheck(Look.GONE if status in (404, 410) else Look.UNREACHABLE)
        return Recheck(Look.FOUND, entity, is_dated=False)

    async def _read(self, url: str, label: str, report: CollectReport) -> tuple[Entity | None, int]:
        if not await self._robots.allows(url):
            raise SourceFailed("Its robots.txt does not allow this page to be read.")
        page = await self._client.get(url)
        if page.status != 200:
            return None, page.status
        if page.content_type and not page.content_type.lower().startswith(_TEXT_TYPES):
            raise SourceFailed("It is no page of text.")
        text, broken = page.text()
        report.badly_encoded += broken
        host = urlsplit(url).hostname or ""
        return await trio.to_thread.run_sync(
            lambda: make_entity(url, Source.WEB, label or host[:140], self._now_minute(), "", html_text(text))
        ), 200
