"""The wire: one JSON request to one host over urllib. No redirects, no key over plain http but to this machine."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from groundsill.terms.problem import Exit, Problem

LARGEST_REPLY_BYTES = 8_000_000  # a chat answer is some kB; more is no answer
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Reply:
    """status: of HTTP, 0 where no whole answer came; body: JSON, None where it is none; after: the Retry-After line."""

    status: int
    body: Any = None
    after: str = ""
    fault: str = ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would carry key and texts to a place that nobody named: it is left as an answer with its status."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        """No new request."""


def check_address(address: str, with_key: bool) -> str:
    """The address without a slash at its end. Raises Problem `prompting.bad_address`, `prompting.plain_http`."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Problem(
            "prompting.bad_address", got=parts._replace(netloc=parts.hostname or "").geturl(), exit=Exit.USAGE
        )
    if parts.scheme == "http" and with_key and parts.hostname not in HERE:
        raise Problem("prompting.plain_http", got=parts.hostname, exit=Exit.INTEGRITY)
    return address.rstrip("/")


def post(address: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Reply:
    """Send once. What the network does wrong is a reply with status 0. Raises Problem `prompting.redirected`."""
    request = urllib.request.Request(address, body, {"Content-Type": "application/json", **headers}, method="POST")
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(request, timeout=timeout_seconds) as reply:
            return _read(reply, reply.status, reply.headers)
    except urllib.error.HTTPError as e:
        with e:
            if 300 <= e.code < 400:
                at, to = urlsplit(address).netloc, urlsplit(str(e.headers.get("Location") or "")).netloc
                raise Problem("prompting.redirected", at=at, got=to or "-", exit=Exit.INTEGRITY) from None
            return _read(e, e.code, e.headers)
    except (OSError, http.client.HTTPException) as e:  # URLError, time-outs and broken connections are OSErrors
        return Reply(0, fault=f"{type(e).__name__}: {getattr(e, 'reason', '') or e}")


def _read(reply: Any, status: int, headers: Any) -> Reply:
    after = str(headers.get("Retry-After") or "")
    try:
        data = reply.read(LARGEST_REPLY_BYTES + 1)
    except (OSError, http.client.HTTPException) as e:
        return Reply(0, fault=f"{type(e).__name__}: {e}")
    if len(data) > LARGEST_REPLY_BYTES:
        return Reply(status, None, after, f"> {LARGEST_REPLY_BYTES} B")
    try:
        return Reply(status, json.loads(data), after)
    except (ValueError, RecursionError):
        return Reply(status, None, after, data[:200].decode("utf-8", "replace"))
