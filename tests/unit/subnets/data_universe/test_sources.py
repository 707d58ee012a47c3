"""Sources: what is read from them, and what no page, feed or folder of a stranger can do to a node."""

import gzip
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Look
from node.subnets.data_universe.adapters.feed import FeedAdapter
from node.subnets.data_universe.adapters.files import FilesAdapter
from node.subnets.data_universe.adapters.services import ActivityAdapter, HnAdapter
from node.subnets.data_universe.adapters.web import Robots, WebAdapter
from node.subnets.data_universe.entities import Entity
from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.fetching import Page, WebClient, canonical_url, is_public, minute_of
from node.subnets.data_universe.markup import html_text, parse_xml
from tests.unit.subnets.data_universe.web import Reply, Site, serving

NOW = 28_400_000  # minutes since 1970: the last days of 2023
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Example News</title>
<item><title>First &amp; best</title><description>&lt;p&gt;Some &lt;b&gt;bold&lt;/b&gt; text&lt;/p&gt;</description>
<guid>tag:1</guid><pubDate>Sun, 24 Dec 2023 10:00:00 GMT</pubDate><author>ann</author></item>
<item><title>From tomorrow's tomorrow</title><guid>tag:2</guid><pubDate>Sun, 24 Dec 2079 10:00:00 GMT</pubDate></item>
<item><title>Undated</title><link>https://e.example/3</link></item>
<item><description></description><guid>tag:4</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Ätöm</title><entry><id>urn:x</id><title>Hëllo</title>
<summary>body</summary><updated>2023-12-24T10:00:30Z</updated><author><name>Zoë</name></author></entry></feed>"""


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as running:
        yield running


def client(site: Site) -> WebClient:
    return WebClient(allowed=site.allowed, interval_s=0.0)


async def rows(adapter: object, job: CollectJob, report: CollectReport | None = None) -> list[Entity]:
    return [each async for each in adapter.collect(job, 0, report or CollectReport())]  # type: ignore[attr-defined]


# --- addresses and dates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.ORG:443/a?utm_source=x&b=1#top", "https://example.org/a?b=1"),
        ("http://example.org", "http://example.org/"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/ä"),
        ("ftp://example.org/", ""),
        ("http://user:pw@example.org/", ""),
        ("javascript:alert(1)", ""),
        ("http://exa mple/", ""),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://" + "a" * 3000, ""),
    ],
)
def test_a_web_address_has_one_form(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert not canonical or canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False),
        ("::1", False), ("::ffff:127.0.0.1", False), ("2002:7f00:1::", False), ("fe80::1%eth0", False),
        ("224.0.0.1", False), ("0.0.0.0", False), ("2606:2800:220:1::1", True), ("::7f00:1", False),
        ("64:ff9b::7f00:1", False), ("64:ff9b::a00:1", False), ("64:ff9b::5db8:d822", True), ("fec0::1", False),
        ("64:ff9b:1::a00:1", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_dates_of_feeds_and_services_are_minutes_and_nonsense_is_none() -> None:
    assert minute_of("Thu, 01 Jan 1970 01:00:59 GMT") == 60
    assert minute_of("1970-01-01T00:02:00+00:00") == 2
    assert [minute_of(text) for text in ("", "soon", "99999-13-77", "Mon, 99 Foo 9999")] == [None] * 4


# --- the client -----------------------------------------------------------------------------------------------------


async def test_a_private_address_is_not_connected_to(site: Site) -> None:
    site.replies["/"] = Reply(b"secret")
    with pytest.raises(SourceFailed, match="private network"):
        await WebClient(interval_s=0.0).get(f"{site.base}/")
    assert site.asked == []


async def test_a_redirect_into_a_private_network_is_refused(site: Site) -> None:
    async with serving() as inner:
        inner.replies["/"] = Reply(b"secret")
        site.replies["/go"] = Reply(b"", 302, {"location": f"{inner.base}/"})
        with pytest.raises(SourceFailed, match="private network"):
            await client(site).get(f"{site.base}/go")
        assert inner.asked == []


async def test_a_public_page_cannot_lead_to_the_users_own_private_host(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as inner:
        inner.replies["/"] = Reply(b"secret")
        site.replies["/go"] = Reply(b"", 302, {"location": f"{inner.base}/"})
        looks = iter((True, False))  # the first address is one of the open Internet
        monkeypatch.setattr("node.subnets.data_universe.fetching.is_public", lambda _: next(looks))
        with pytest.raises(SourceFailed, match="private network"):
            await WebClient(allowed=inner.allowed, interval_s=0.0).get(f"{site.base}/go")
        assert inner.asked == []


@pytest.mark.parametrize("host", [f"{'a' * 64}.example", "a..example", ".example", f"x.{'b.' * 126}example"])
async def test_a_name_that_no_name_server_knows_how_to_write_is_no_web_address(site: Site, host: str) -> None:
    assert canonical_url(f"http://{host}/") == ""
    site.replies["/there"] = Reply(status=302, headers={"location": f"http://{host}/"})
    with pytest.raises(SourceFailed, match="no web address"):
        await client(site).get(f"{site.base}/there")


async def test_redirects_are_followed_a_few_times(site: Site) -> None:
    site.replies["/a"] = Reply(b"", 301, {"location": "/b"})
    site.replies["/b"] = Reply(b"here")
    assert (await client(site).get(f"{site.base}/a")).body == b"here"
    site.replies["/loop"] = Reply(b"", 302, {"location": "/loop"})
    with pytest.raises(SourceFailed, match="redirects more than"):
        await client(site).get(f"{site.base}/loop")


async def test_a_body_is_bounded_also_when_it_is_packed(site: Site) -> None:
    site.replies["/big"] = Reply(b"x" * 5000)
    site.replies["/bomb"] = Reply(gzip.compress(bytes(2_000_000)), headers={"content-encoding": "gzip"})
    site.replies["/packed"] = Reply(gzip.compress(b"fine"), headers={"content-encoding": "gzip"})
    web = client(site)
    assert (await web.get(f"{site.base}/packed", bytes_max=100)).body == b"fine"
    for path in ("/big", "/bomb"):
        with pytest.raises(SourceFailed, match="larger"):
            await web.get(site.base + path, bytes_max=1000)


async def test_a_host_that_fails_is_left_alone_for_longer_and_longer(site: Site) -> None:
    now = 0.0
    web = WebClient(allowed=site.allowed, interval_s=0.0, now_s=lambda: now)
    site.replies["/"] = Reply(b"", 503)
    for wait_s in (60.0, 120.0, 240.0):
        with pytest.raises(SourceFailed, match="503"):
            await web.get(f"{site.base}/")
        assert web.quiet_s(site.base) == wait_s
        asked = len(site.asked)
        with pytest.raises(SourceFailed, match="left alone"):
            await web.get(f"{site.base}/")
        assert len(site.asked) == asked
        now += wait_s
    site.replies["/"] = Reply(b"", 429, {"retry-after": "7200"})
    with pytest.raises(SourceFailed):
        await web.get(f"{site.base}/")
    assert web.quiet_s(site.base) == 7200.0


async def test_two_requests_to_one_host_keep_their_distance(site: Site) -> None:
    import trio

    site.replies["/"] = Reply(b"")
    web = WebClient(allowed=site.allowed, interval_s=0.2)
    began = trio.current_time()
    for _ in range(3):
        await web.get(f"{site.base}/")
    assert trio.current_time() - began >= 0.4


async def test_characters_that_cannot_be_read_are_replaced_and_counted(site: Site) -> None:
    site.replies["/"] = Reply(b"caf\xe9", headers={"content-type": "text/plain; charset=utf-8"})
    site.replies["/latin"] = Reply(b"caf\xe9", headers={"content-type": "text/plain; charset=latin-1"})
    site.replies["/odd"] = Reply(b"fine", headers={"content-type": "text/plain; charset=no-such-thing"})
    web = client(site)
    assert (await web.get(f"{site.base}/")).text() == ("caf\ufffd", 1)
    assert (await web.get(f"{site.base}/latin")).text() == ("café", 0)
    assert (await web.get(f"{site.base}/odd")).text() == ("fine", 0)


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "base64", "undefined", "a\x00b", "?"])
async def test_only_character_sets_of_pages_are_taken_for_one(charset: str) -> None:
    began_s = time.process_time()
    body = b"b" * 500_000 + b"-" + b"a" * 500_000
    text, _ = Page(200, "http://e.example/", body, f'text/html; charset="{charset}"').text()
    assert text == body.decode()
    assert time.process_time() - began_s < 2.0  # taking it for punycode takes minutes


async def test_a_content_type_of_any_shape_is_read() -> None:
    assert Page(200, "http://e.example/", b"fine", "text/html; charset*1=x; charset*=").text() == ("fine", 0)


@pytest.mark.parametrize("where", ["http://[", "//[x]y/", "http://a..b/", f"http://{'a' * 70}.example/"])
async def test_a_redirect_to_nonsense_is_a_failed_source(site: Site, where: str) -> None:
    site.replies["/go"] = Reply(b"", 302, {"location": where})
    with pytest.raises(SourceFailed):
        await client(site).get(f"{site.base}/go")


async def test_a_feed_whose_marks_are_no_ascii_is_asked_again(site: Site) -> None:
    site.replies["/feed"] = Reply(RSS, headers={"etag": '"caf\xe9"', "last-modified": "fr\xfcher"})
    adapter = FeedAdapter(client(site), lambda: NOW)
    for _ in range(2):
        assert await rows(adapter, CollectJob("feed", f"{site.base}/feed"))


@pytest.mark.parametrize("rules", ["Crawl-delay: \u00b2", "Disallow: //[", "Crawl-delay: " + "9" * 5000])
async def test_rules_of_a_site_that_cannot_be_read_forbid_it(site: Site, rules: str) -> None:
    site.replies["/robots.txt"] = Reply(f"User-agent: *\n{rules}\n".encode())
    web = client(site)
    adapter = WebAdapter(web, Robots(web, lambda: 0.0), lambda: NOW)
    assert (await adapter.recheck(f"{site.base}/page")).look is Look.UNREACHABLE
    assert [path for path, _ in site.asked] == ["/robots.txt"]


# --- markup ---------------------------------------------------------------------------------------------------------

BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><rss>&y;</rss>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><rss>&x;</rss>'


@pytest.mark.parametrize(
    "xml",
    [BOMB, OUTSIDE, b"<!DOCTYPE a><rss/>", b"<a>" * 100 + b"</a>" * 100, b"<rss>", b"", b"\x00\xff", b"<a>&b;</a>"],
)
def test_hostile_xml_is_refused(xml: bytes) -> None:
    with pytest.raises(SourceFailed):
        parse_xml(xml)


def test_html_becomes_what_a_reader_sees() -> None:
    html = "<html><head><title>T</title><style>x{}</style></head><body><p>a&amp;b</p><script>evil()</script><p>c"
    assert html_text(html).split() == ["T", "a&b", "c"]


@pytest.mark.parametrize(
    ("html", "read"),
    [
        ('<a title="x > y" href=z>link</a>', "link"),
        ("<br/>a<svg/>b<svg><path/>c</svg>d", "abd"),
        ("1 < 2, a<b", "1 < 2, a<b"),
        ("a<!-- > -->b<!-->c<!DOCTYPE x>d<?php x?>e", "abcde"),
        ("<script>var a = '<p>' > 1</script >a<STYLE>p>a{}</style>b", "ab"),
        ("<![if x]>a<![endif]><![x", "a<![x"),
        ("&amp;&#65;&#x41;&copy&#99999999999;&nbsp", "&AA©\ufffd\xa0"),
        ("&#" + "9" * 5000 + ";<p>", "\ufffd"),
    ],
)
def test_markup_of_any_shape_is_read(html: str, read: str) -> None:
    assert html_text(html).strip(" ").replace("  ", " ") == read


@pytest.mark.parametrize(
    "piece", ["<a ", "<a x", "<a '", '<a ="', "<!--", "<![", "<![CDATA[", "</a ", "<script>", "&#"]
)
def test_a_page_of_nothing_but_beginnings_takes_no_longer_than_others(piece: str) -> None:
    began_s = time.process_time()
    html_text(piece * 50_000)
    html_text(piece * 50_000 + ">")
    assert time.process_time() - began_s < 2.0  # once through takes a tenth of that; going back takes minutes


# --- feeds ----------------------------------------------------------------------------------------------------------


async def test_a_feed_gives_rows_with_times_that_can_be(site: Site) -> None:
    site.replies["/rss"] = Reply(RSS, headers={"etag": '"1"'})
    report = CollectReport()
    found = await rows(FeedAdapter(client(site), lambda: NOW), CollectJob("feed", f"{site.base}/rss"), report)
    assert [each.content for each in found] == ["First & best. Some bold text", "From tomorrow's tomorrow", "Undated"]
    assert found[0].label == "example news"
    assert found[0].minute == minute_of("Sun, 24 Dec 2023 10:00:00 GMT")
    assert [each.minute for each in found[1:]] == [NOW, NOW]
    assert (report.items, report.in_the_future, report.without_time, report.without_text) == (4, 1, 2, 1)
    for entity in found:
        entity.check()


async def test_a_feed_is_asked_for_again_only_when_it_changed(site: Site) -> None:
    site.replies["/rss"] = Reply(RSS, headers={"etag": '"1"', "last-modified": "Sun, 24 Dec 2023 10:00:00 GMT"})
    adapter, job = FeedAdapter(client(site), lambda: NOW), CollectJob("feed", f"{site.base}/rss")
    await rows(adapter, job)
    site.replies["/rss"] = Reply(b"", 304)
    report = CollectReport()
    assert await rows(adapter, job, report) == []
    assert report.is_unchanged
    assert site.asked[1][1]["if-none-match"] == '"1"'


async def test_an_item_of_a_feed_can_be_looked_up_again(site: Site) -> None:
    site.replies["/atom"] = Reply(ATOM.encode())
    adapter = FeedAdapter(client(site), lambda: NOW)
    [row] = await rows(adapter, CollectJob("feed", f"{site.base}/atom", "mine"))
    assert (row.content, row.author, row.label) == ("Hëllo. body", "Zoë", "mine")
    assert adapter.canonical(row.uri) == row.uri
    again = await adapter.recheck(row.uri)
    assert again.entity is not None
    assert again.entity.content == row.content
    assert (await adapter.recheck(row.uri + "x")).look is Look.GONE
    site.replies["/atom"] = Reply(b"broken")
    assert (await adapter.recheck(row.uri)).look is Look.UNREACHABLE


# --- services -------------------------------------------------------------------------------------------------------


async def test_stories_and_comments_are_read_once_and_can_be_looked_up(site: Site) -> None:
    site.replies["/v0/newstories.json"] = Reply(b"[3, 2, 1]")
    site.replies["/v0/item/1.json"] = Reply(
        b'{"id":1,"type":"story","by":"pg","time":1703412000,"title":"Y","url":"http://y.example/","score":9}'
    )
    site.replies["/v0/item/2.json"] = Reply(b"null")
    site.replies["/v0/item/3.json"] = Reply(b'{"id":3,"type":"comment","by":"x","time":1703412000,"text":"a <i>b</i>"}')
    adapter = HnAdapter(client(site), lambda: NOW)
    found = await rows(adapter, CollectJob("hn", site.base))
    assert [(each.label, each.author, each.content) for each in found] == [
        ("story", "pg", "Y. http://y.example/"), ("comment", "x", "a b"),
    ]  # fmt: skip
    assert await rows(adapter, CollectJob("hn", site.base)) == []
    assert adapter.canonical(found[0].uri) == found[0].uri
    assert (await adapter.recheck(found[0].uri)).entity is not None
    assert (await adapter.recheck(f"{site.base}/v0/item/2.json")).look is Look.GONE
    assert (await adapter.recheck(f"{site.base}/v0/item/9.json")).look is Look.GONE


async def test_a_kind_that_is_no_label_is_left_out(site: Site) -> None:
    site.replies["/v0/newstories.json"] = Reply(b"[1, 2]")
    site.replies["/v0/item/1.json"] = Reply(b'{"id": 1, "type": "a\\u0000%s", "title": "odd"}' % (b"x" * 200))
    site.replies["/v0/item/2.json"] = Reply(b'{"id": 2, "title": "fine"}')
    adapter = HnAdapter(client(site), lambda: NOW)
    assert [each.content for each in await rows(adapter, CollectJob("hn", site.base))] == ["odd", "fine"]
    assert (await adapter.recheck(f"{site.base}/v0/item/1.json")).look is Look.FOUND


async def test_public_posts_are_read_and_private_ones_are_not(site: Site) -> None:
    site.replies["/api/v1/timelines/public?local=true&limit=40"] = Reply(
        b'[{"id":"12","created_at":"2023-12-24T10:00:00.000Z","content":"<p>hi</p>","visibility":"public",'
        b'"account":{"acct":"ann"},"tags":[{"name":"Science"}]},'
        b'{"id":"11","created_at":"x","content":"<p>dm</p>","visibility":"direct","account":{"acct":"b"}}]'
    )
    site.replies["/api/v1/statuses/12"] = Reply(
        b'{"id":"12","created_at":"2023-12-24T10:00:00.000Z","content":"<p>hi</p>"}'
    )
    adapter = ActivityAdapter(client(site), lambda: NOW)
    [row] = await rows(adapter, CollectJob("activity", site.base))
    assert (row.label, row.author, row.content) == ("#science", "ann", "hi")
    again = await adapter.recheck(row.uri)
    assert again.entity is not None
    assert again.entity.minute == row.minute
    site.replies["/api/v1/timelines/public?local=true&limit=40&since_id=12"] = Reply(b"[]")
    assert await rows(adapter, CollectJob("activity", site.base)) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[1,2", b'{"a":1}', b"[" * 100_000, b"\xff", b'["x"]'])
async def test_json_that_is_not_in_the_known_form_is_a_clear_error(site: Site, body: bytes) -> None:
    site.replies["/v0/newstories.json"] = Reply(body)
    with pytest.raises(SourceFailed):
        await rows(HnAdapter(client(site), lambda: NOW), CollectJob("hn", site.base))


# --- pages ----------------------------------------------------------------------------------------------------------


async def test_a_page_is_read_only_where_the_site_allows_it(site: Site) -> None:
    site.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private")
    site.replies["/page"] = Reply(b"<title>T</title><p>words", headers={"content-type": "text/html"})
    site.replies["/private"] = Reply(b"no")
    web = client(site)
    adapter = WebAdapter(web, Robots(web, lambda: 0.0), lambda: NOW)
    [row] = await rows(adapter, CollectJob("web", f"{site.base}/page"))
    assert (row.content, row.label, row.minute) == ("T words", "127.0.0.1", NOW)
    with pytest.raises(SourceFailed, match="robots"):
        await rows(adapter, CollectJob("web", f"{site.base}/private"))
    assert "/private" not in [path for path, _ in site.asked]
    assert (await adapter.recheck(f"{site.base}/private")).look is Look.UNREACHABLE
    assert (await adapter.recheck(f"{site.base}/absent")).look is Look.GONE
    assert not (await adapter.recheck(row.uri)).is_dated


async def test_what_is_no_text_is_no_row(site: Site) -> None:
    site.replies["/image"] = Reply(b"\x89PNG", headers={"content-type": "image/png"})
    web = client(site)
    with pytest.raises(SourceFailed, match="no page of text"):
        await rows(WebAdapter(web, Robots(web, lambda: 0.0), lambda: NOW), CollectJob("web", f"{site.base}/image"))


# --- folders --------------------------------------------------------------------------------------------------------


def folder(tmp_path: Path) -> Path:
    pool = tmp_path / "pool"
    (pool / "sub").mkdir(parents=True)
    (pool / "a.txt").write_text("first block\n\nsecond block")
    (pool / "t.csv").write_text("Text,Date,Author,Label\nrow one,2023-12-24,ann,News\n,,,\n")
    (pool / "sub" / "lines.jsonl").write_text('{"content":"json row","user":"bob"}\n')
    (pool / "m.mbox").write_text(
        "From a@b Sun Dec 24 10:00:00 2023\nFrom: a@b\nSubject: Hi\n"
        "Date: Sun, 24 Dec 2023 10:00:00 +0000\n\nmail body\n"
    )
    (pool / "ignored.bin").write_bytes(b"\x00")
    for path in pool.rglob("*"):
        os.utime(path, (NOW * 60 - 600, NOW * 60 - 600))
    return pool


async def test_a_folder_gives_rows_of_all_its_kinds_and_each_can_be_looked_up(tmp_path: Path) -> None:
    pool = folder(tmp_path)
    adapter = FilesAdapter(lambda: {"pool": pool}, lambda: NOW)
    found = await rows(adapter, CollectJob("files", str(pool)))
    assert {each.content for each in found} == {"first block", "second block", "row one", "json row", "Hi. mail body"}
    assert {each.label for each in found} == {"pool", "news"}
    assert not any(str(tmp_path) in each.uri for each in found)
    for row in found:
        row.check()
        assert adapter.canonical(row.uri) == row.uri
        again = await adapter.recheck(row.uri)
        assert again.entity is not None
        assert (again.entity.content, again.entity.minute) == (row.content, row.minute)
    assert (await adapter.recheck("files://pool/none.txt#0")).look is Look.GONE
    assert (await adapter.recheck("files://other/a.txt#0")).look is Look.UNREACHABLE


async def test_a_mail_that_cannot_be_read_costs_the_others_nothing(tmp_path: Path) -> None:
    pool = folder(tmp_path)
    (pool / "m.mbox").write_text(
        "From a@b Sun Dec 24 10:00:00 2023\nContent-Type: text/plain; charset=unknown-8bit\n\nodd set\n\n"
        "From a@b Sun Dec 24 10:00:00 2023\nContent-Type: text/plain; charset=latin-1\n\nlast mail\n"
    )
    found = await rows(FilesAdapter(lambda: {"pool": pool}, lambda: NOW), CollectJob("files", str(pool)))
    assert {each.content for each in found} >= {"odd set", "last mail", "first block"}


async def test_a_name_that_no_file_can_have_leads_nowhere(tmp_path: Path) -> None:
    adapter = FilesAdapter(lambda: {"pool": folder(tmp_path)}, lambda: NOW)
    assert (await adapter.recheck("files://pool/%00.txt#0")).look is Look.GONE


async def test_a_folder_does_not_lead_out_of_itself(tmp_path: Path) -> None:
    pool = folder(tmp_path)
    (tmp_path / "secret.txt").write_text("secret")
    (pool / "link.txt").symlink_to(tmp_path / "secret.txt")
    adapter = FilesAdapter(lambda: {"pool": pool}, lambda: NOW)
    assert "secret" not in {each.content for each in await rows(adapter, CollectJob("files", str(pool)))}
    for uri in ("files://pool/../secret.txt#0", "files://pool/link.txt#0", "files://pool/%2e%2e/secret.txt#0"):
        assert (await adapter.recheck(uri)).look is Look.GONE


async def test_a_source_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource):
        await rows(FilesAdapter(dict, lambda: NOW), CollectJob("files", str(tmp_path / "none")))
    with pytest.raises(BadSource):
        await rows(FeedAdapter(WebClient(), lambda: NOW), CollectJob("feed", "not an address"))
