"""The one HTTP client of this subnet: patient with every host, bounded in everything, never led into private networks.

One request a second to a host; a host that fails is left alone for longer and longer times. A name is resolved once and
the connection goes to the address that was checked, so that an answer of DNS cannot change in between.
"""

import codecs
import ipaddress
import re
import ssl
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message as Mail
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

import h11
import trio

from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.limits import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    BODY_BYTES_MAX,
    HOST_INTERVAL_S,
    HOSTS_KEPT_MAX,
    HTTP_TIMEOUT_S,
    REDIRECTS_MAX,
    URI_CHARS_MAX,
)

USER_AGENT = "neurond-data/1 (+collects public text; robots.txt is respected)"
_PORTS = {"http": 80, "https": 443}
_HEADERS_BYTES_MAX = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_READ_BYTES = 64 * 1024
_MARK_CHARS_MAX = 200
_BROKEN = (OSError, trio.TooSlowError, trio.BrokenResourceError, ssl.SSLError, h11.ProtocolError)
_HOST_CHARS_MAX = 253  # of the name service
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_CHARSET = re.compile(
    r"ascii|utf-(8|16|32)(-(le|be|sig))?|iso8859-\d+|cp\d+|koi8-\w|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_ji\w+"
    r"|iso2022_\w+|hz|johab|tis-620|kz1048|ptcp154"
)
"""The character sets of pages; what else this language can decode, punycode for one, takes hours for 10 MB."""
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is routed on the open Internet
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # the last four bytes are an address of the other family


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. `url` is where it came from; `etag` and `modified` make the next request conditional."""

    status: int
    url: str
    body: bytes = b""
    content_type: str = ""
    etag: str = ""
    modified: str = ""

    def text(self) -> tuple[str, int]:
        """The body as text, and how many characters could not be read and were replaced."""
        text = decoded_text(self.body, _charset(self.content_type, self.body))
        return text, text.count("\ufffd")


@dataclass(slots=True)
class _Host:
    next_s: float = 0.0
    failures: int = 0
    quiet_until_s: float = 0.0
    lock: trio.Lock = field(default_factory=trio.Lock)


def decoded_text(data: bytes, charset: str) -> str:
    """Text in a character set that a stranger names; as UTF-8 when it is none of those in which texts are written."""
    try:
        found = codecs.lookup(charset).name
    except (LookupError, ValueError):
        found = ""
    return data.decode(found if _CHARSET.fullmatch(found) else "utf-8", "replace")


def canonical_url(url: str) -> str:
    """The one form of an HTTP address: host in lower case, no fragment, no default port, no tracking; "" for others."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in _PORTS or parts.username or parts.password:
        return ""
    try:
        host = (
            f"[{host}]" if ":" in host else host.encode("idna").decode()
        )  # a name server is asked for it in this form
    except UnicodeError:
        return ""
    if not _HOST.fullmatch(host) or len(host) > _HOST_CHARS_MAX:
        return ""
    scheme = parts.scheme.lower()
    place = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    query = "&".join(pair for pair in parts.query.split("&") if pair and not pair.lower().startswith("utm_"))
    made = urlunsplit((scheme, place, parts.path or "/", query, ""))
    return made if len(made) <= URI_CHARS_MAX and made.isprintable() and " " not in made else ""


class WebClient:
    """Fetches pages. `allowed` are hosts (`name:port`) that may lie in a private network: the user's own ones."""

    def __init__(
        self,
        *,
        allowed: frozenset[str] = frozenset(),
        interval_s: float = HOST_INTERVAL_S,
        now_s: Callable[[], float] = trio.current_time,
    ) -> None:
        self._allowed = allowed
        self._interval_s = interval_s
        self._now_s = now_s
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    async def get(self, url: str, *, etag: str = "", modified: str = "", bytes_max: int = BODY_BYTES_MAX) -> Page:
        """The answer after redirects, whatever its status below 500. Raises SourceFailed, BadSource."""
        is_own = _place(url) in self._allowed  # a stranger's page does not lead to what is the user's own
        for _ in range(REDIRECTS_MAX + 1):
            page, where = await self._one(url, etag, modified, bytes_max, is_own)
            if not where:
                return page
            url = _joined(url, where)
            if not url:
                raise SourceFailed("It redirects to something that is no web address.")
        raise SourceFailed(f"It redirects more than {REDIRECTS_MAX} times.")

    def quiet_s(self, url: str) -> float:
        """For how many seconds the host of an address is left alone because it failed."""
        host = self._hosts.get(urlsplit(url).netloc)
        return max(0.0, host.quiet_until_s - self._now_s()) if host is not None else 0.0

    # --- one request ------------------------------------------------------------------------------------------------

    async def _one(self, url: str, etag: str, modified: str, bytes_max: int, is_own: bool) -> tuple[Page, str]:
        """The answer to one request, and where it redirects to."""
        if canonical_url(url) == "":
            raise BadSource(f"{url[:80]!r} is no web address.")
        host = self._host(urlsplit(url).netloc)
        async with host.lock:
            if (left_s := host.quiet_until_s - self._now_s()) > 0:
                raise SourceFailed(f"{urlsplit(url).netloc} failed and is left alone for {left_s:.0f} s more.")
            await trio.sleep(max(0.0, host.next_s - self._now_s()))
            host.next_s = self._now_s() + self._interval_s
            try:
                with trio.fail_after(HTTP_TIMEOUT_S):
                    page, where, retry_s = await self._ask(url, etag, modified, bytes_max, is_own)
            except (*_BROKEN, UnicodeError) as error:  # the last: a name that DNS cannot be asked for
                self._failed(host, 0.0)
                raise SourceFailed(f"{urlsplit(url).netloc} cannot be read ({type(error).__name__}).") from error
            if page.status == 429 or page.status >= 500:
                self._failed(host, retry_s)
                raise SourceFailed(f"{urlsplit(url).netloc} answered with {page.status}.")
            host.failures = 0
            return page, where

    def _host(self, name: str) -> _Host:
        host = self._hosts.setdefault(name, _Host())
        self._hosts.move_to_end(name)
        while len(self._hosts) > HOSTS_KEPT_MAX:
            self._hosts.popitem(last=False)
        return host

    def _failed(self, host: _Host, retry_s: float) -> None:
        host.failures += 1
        wait_s = max(retry_s, BACKOFF_FIRST_S * 2.0 ** min(host.failures - 1, 20))
        host.quiet_until_s = self._now_s() + min(BACKOFF_MAX_S, wait_s)

    async def _ask(
        self, url: str, etag: str, modified: str, bytes_max: int, is_own: bool
    ) -> tuple[Page, str, float]:  # fmt: skip
        parts = urlsplit(url)
        stream = await self._connect(url, is_own)
        try:
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_BYTES_MAX)
            target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            headers = [("Host", parts.netloc), ("User-Agent", USER_AGENT), ("Accept-Encoding", "gzip, deflate"),
                       ("Accept", "*/*"), ("Connection", "close")]  # fmt: skip
            headers += [("If-None-Match", etag)] if etag else []
            headers += [("If-Modified-Since", modified)] if modified else []
            request = h11.Request(method="GET", target=_ascii(target), headers=headers)
            await stream.send_all((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
            return await _answer(connection, stream, url, bytes_max)
        finally:
            await trio.aclose_forcefully(stream)

    async def _connect(self, url: str, is_own: bool) -> trio.abc.Stream:
        """A connection to an address that was checked; a private one only where `is_own` and allowed."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not is_own or _place(url) not in self._allowed:
            addresses = [each for each in addresses if is_public(each)]
        if not addresses:
            raise SourceFailed(f"{host} lies in a private network.")
        stream: trio.abc.Stream = await trio.open_tcp_stream(addresses[0], port)
        if parts.scheme == "https":
            return trio.SSLStream(stream, ssl.create_default_context(), server_hostname=host, https_compatible=True)
        return stream


def _place(url: str) -> str:
    """Host and port of a web address, as the user's own ones are named; "" for what is none."""
    parts = urlsplit(canonical_url(url))
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}" if parts.hostname else ""


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet, also when it wears another family's clothes."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(ip.packed[-4:])
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


async def _answer(
    connection: h11.Connection, stream: trio.abc.Stream, url: str, bytes_max: int
) -> tuple[Page, str, float]:  # fmt: skip
    response: h11.Response | None = None
    body, unpacked = bytearray(), _Unpacker("", bytes_max)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
        elif isinstance(event, h11.Response):
            response = event
            unpacked = _Unpacker(_header(response, "content-encoding"), bytes_max)
        elif isinstance(event, h11.Data):
            body += unpacked.take(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if response is None:
        raise SourceFailed("It closed without an answer.")
    page = Page(
        response.status_code, url, bytes(body), _header(response, "content-type")[:200],
        _mark(response, "etag"), _mark(response, "last-modified"),
    )  # fmt: skip
    where = _header(response, "location")[: 2 * URI_CHARS_MAX] if page.status in _REDIRECTS else ""
    return page, where, _retry_s(_header(response, "retry-after"))


class _Unpacker:
    """Takes a body in, unpacked and bounded."""

    def __init__(self, encoding: str, bytes_max: int) -> None:
        self._left = bytes_max
        packed = encoding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._zlib = zlib.decompressobj(47) if packed else None

    def take(self, data: bytes) -> bytes:
        if self._zlib is not None:
            try:
                data = self._zlib.decompress(data, self._left + 1)
            except zlib.error as error:
                raise SourceFailed("Its packed answer is broken.") from error
        self._left -= len(data)
        if self._left < 0:
            raise SourceFailed("Its answer is larger than this node reads.")
        return data


def _ascii(target: str) -> bytes:
    return b"".join(bytes([b]) if 0x20 < b < 0x7F else b"%%%02X" % b for b in target.encode())


def _header(response: h11.Response, name: str) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key == name.encode()), "")


def _mark(response: h11.Response, name: str) -> str:
    """A header that is sent back with the next request; "" for one that could not be, or is longer than any."""
    value = _header(response, name)
    return value if value.isascii() and len(value) <= _MARK_CHARS_MAX else ""


def _joined(url: str, where: str) -> str:
    try:
        return canonical_url(urljoin(url, where))
    except ValueError:
        return ""


def _retry_s(value: str) -> float:
    if value.isdecimal() and len(value) < 8:
        return float(value)
    return BACKOFF_FIRST_S if value else 0.0


def _charset(content_type: str, body: bytes) -> str:
    """What an answer says of its characters: in its header, at its begin, or in its first lines."""
    mail = Mail()
    mail["Content-Type"] = content_type or "text/plain"
    try:
        if named := mail.get_content_charset():
            return named
    except (TypeError, ValueError):  # parameters in pieces that do not belong together
        return "utf-8-sig"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    told = re.search(rb"""(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_-]{2,40})""", body[:1024])
    return told[1].decode() if told else "utf-8-sig"


def minute_of(date: str) -> int | None:
    """Minutes since 1970 of a date as mails and feeds, or as JSON services write it; None when it is none."""
    from datetime import UTC, datetime

    text = date.strip()[:64]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    try:
        return max(0, int(found.timestamp())) // 60
    except (ValueError, OverflowError):
        return None
