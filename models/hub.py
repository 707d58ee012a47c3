"""Download of one file from a Hugging Face compatible hub over HTTP, resumable, bounded by the pinned size."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

from models.errors import BadModelFile, ModelUnavailable
from models.limits import COPY_CHUNK_BYTES, HTTP_TIMEOUT_S
from models.sources import HuggingFaceFile, Report
from models.transfer import Meter, check_content, pieces

DEFAULT_ENDPOINT: Final = "https://huggingface.co"
_PARTIAL: Final = 206


def endpoint_or_default(endpoint: str | None) -> str:
    """The endpoint to use: the argument, else HF_ENDPOINT, else the public hub. Raises ModelUnavailable if no URL."""
    chosen = (endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    if urllib.parse.urlsplit(chosen).scheme not in ("http", "https"):
        raise ModelUnavailable(f"hub endpoint {chosen!r:.80} is no http or https URL; correct HF_ENDPOINT")
    return chosen


def download(
    source: HuggingFaceFile, endpoint: str, target: Path, size_bytes: int, sha256: str, report: Report
) -> None:
    """Fetch to `target`; an interrupted download stays beside it and is continued. Raises ModelError, OSError."""
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    if have > size_bytes:
        part.unlink()
        have = 0
    if have < size_bytes:
        _append(_url(source, endpoint), part, have, size_bytes, report)
    digest = hashlib.sha256()
    with part.open("rb") as file:
        for chunk in pieces(file):
            digest.update(chunk)
    try:
        check_content(part.stat().st_size, digest.hexdigest(), size_bytes, sha256)
    except Exception:
        part.unlink()  # complete and wrong: nothing to continue from
        raise
    part.replace(target)


def _url(source: HuggingFaceFile, endpoint: str) -> str:
    path = f"{source.repository}/resolve/{source.revision}/{source.file}"
    return f"{endpoint}/{urllib.parse.quote(path)}"


def _append(url: str, part: Path, have: int, size_bytes: int, report: Report) -> None:
    headers = {"User-Agent": "neurond", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=HTTP_TIMEOUT_S) as answer:
            if answer.status != _PARTIAL:
                have = 0  # the server ignored the range: begin again
            meter = Meter(report, "download", size_bytes, already=have)
            with part.open("ab" if have else "wb") as out:
                while chunk := answer.read(COPY_CHUNK_BYTES):
                    have += len(chunk)
                    if have > size_bytes:
                        raise BadModelFile(f"the hub sent more than the pinned {size_bytes} bytes")
                    out.write(chunk)
                    meter.update(have)
    except urllib.error.HTTPError as error:
        raise ModelUnavailable(f"the hub answered {error.code} {error.reason}") from error
    except http.client.HTTPException as error:
        raise ModelUnavailable(f"the hub broke off: {error!r:.120}") from error
    if have < size_bytes:
        raise ModelUnavailable(
            f"the hub closed the connection after {have} of {size_bytes} bytes; try again to continue"
        )
