"""Hosted models through one client of the OpenAI-compatible chat interface, with a cap that cannot be passed."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.lab.prompting import wire
from groundsill.lab.prompting.purse import Purse
from groundsill.lab.prompting.rates import Rates
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import write_whole

Turn = Mapping[str, str]
FIRST_WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Hosted:
    """A hosted model. address: up to and with the version, `https://host/v1`. cost_in, cost_out: price of one token read,
    written. key_variable: the variable of the environment that holds the key, "" for none. limit_name: what the provider
    calls the most tokens of an answer (`max_tokens`; `max_completion_tokens` counts hidden reasoning too). requests,
    tokens: most a minute, None for no limit. more: further lines of the request."""

    address: str
    model: str
    cost_in: float
    cost_out: float
    key_variable: str = "OPENAI_API_KEY"
    limit_name: str = "max_tokens"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    workers: int = 4
    tries: int = 5
    timeout_seconds: float = 60.0
    longest_wait_seconds: float = 120.0
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """text; tokens read and written; cost; whether it came from the cache (its cost was paid before)."""

    text: str
    tokens_in: int
    tokens_out: int
    cost: float
    cached: bool = False


class Client:
    """Asks a hosted model. Safe to use from several threads.

    Before each try the most that it can cost is set aside in the purse: a token for each byte of the request, which no
    tokenizer passes, and all tokens of the answer that were allowed. A refusal (4xx) costs nothing; a fault of the server
    (5xx) and an answer that was lost stay counted at the most, since nobody can tell whether they will be charged.
    """

    def __init__(
        self,
        hosted: Hosted,
        purse: Purse,
        cache: Path,
        rng: np.random.Generator,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        for name in ("cost_in", "cost_out"):
            if not np.isfinite(value := getattr(hosted, name)) or value < 0:
                raise Problem("prompting.bad_price", got=f"{name} = {value}", exit=Exit.USAGE)
        self.hosted, self.purse, self.cache = hosted, purse, cache
        self._address = wire.check_address(hosted.address, bool(hosted.key_variable)) + "/chat/completions"
        self._rng, self._lock, self._stop = rng, threading.Lock(), threading.Event()
        self._sleep = sleep or self._stop.wait  # so that a problem elsewhere ends the waiting
        self._rates = Rates(hosted.requests_per_minute, hosted.tokens_per_minute, clock, self._sleep)

    def ask(self, turns: Sequence[Turn], most_tokens: int) -> Answer:
        """The answer to a chat, from the cache if it was asked before.

        Raises Problem `prompting.cap_reached`, `prompting.no_key`, `prompting.key_refused`, `prompting.refused`,
        `prompting.host_busy`, `prompting.bad_reply`, `prompting.charged_more`, `prompting.redirected`.
        """
        body = self._body(turns, most_tokens)
        place = self._place(body)
        known = _cached(place)
        if known is not None:
            return known
        answer = self._try(body, most_tokens)
        try:
            write_whole(place, json.dumps(asdict(answer), ensure_ascii=False).encode())
        except OSError as e:
            raise Problem("lab.no_room", at=str(place), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
        return answer

    def ask_all(self, chats: Sequence[Sequence[Turn]], most_tokens: int) -> list[Answer]:
        """Answers in the order of the chats, `workers` at a time. The first problem stops the rest and is raised; what was
        answered before is in the cache."""
        self._stop.clear()
        with ThreadPoolExecutor(self.hosted.workers) as pool:
            tasks = [pool.submit(self.ask, chat, most_tokens) for chat in chats]
            done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
            if any(t.exception() for t in done):
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, _Stopped):
                raise error
        return [task.result() for task in tasks]

    def _body(self, turns: Sequence[Turn], most_tokens: int) -> bytes:
        usual = {"temperature": 0, "stream": False, "n": 1}
        request = {**usual, **self.hosted.more, "model": self.hosted.model, self.hosted.limit_name: most_tokens}
        request["messages"] = [dict(t) for t in turns]
        return json.dumps(request, ensure_ascii=False, sort_keys=True).encode()

    def _place(self, body: bytes) -> Path:
        name = hashlib.sha256(self._address.encode() + b"\0" + body).hexdigest()
        return self.cache / name[:2] / f"{name}.json"

    def _key(self) -> str:
        if not self.hosted.key_variable:
            return ""
        key = os.environ.get(self.hosted.key_variable, "").strip()
        if not key:
            raise Problem("prompting.no_key", got=self.hosted.key_variable, exit=Exit.USAGE)
        return key

    def _try(self, body: bytes, most_tokens: int) -> Answer:
        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        count = int(self.hosted.more.get("n", 1))
        most = len(body) * self.hosted.cost_in + count * most_tokens * self.hosted.cost_out
        last = wire.Reply(0)
        for turn in range(self.hosted.tries):
            sent = self._rates.enter(float(len(body) + most_tokens))
            if self._stop.is_set():
                raise _Stopped
            entry = self.purse.reserve(most)
            last = wire.post(self._address, body, headers, self.hosted.timeout_seconds)
            if last.status == 200:
                answer = self._read(last, entry, most, key)
                self._rates.correct(sent, float(answer.tokens_in + answer.tokens_out))
                return answer
            if 400 <= last.status < 500:
                self.purse.settle(entry, 0.0)
                self._refused(last, key)
            if turn + 1 < self.hosted.tries:
                self._sleep(self._wait(turn, last))
        raise Problem(
            "prompting.host_busy", at=self.hosted.model, got=_words(last, key), limit=self.hosted.tries, exit=Exit.RESUMABLE
        )  # fmt: skip

    def _refused(self, reply: wire.Reply, key: str) -> None:
        """Raises for a refusal that another try would not change."""
        if reply.status in (401, 403):
            raise Problem("prompting.key_refused", got=self.hosted.key_variable, limit=reply.status, exit=Exit.USAGE)
        if reply.status not in (408, 409, 429):
            raise Problem("prompting.refused", at=self.hosted.model, got=_words(reply, key), limit=reply.status)

    def _wait(self, turn: int, reply: wire.Reply) -> float:
        """Seconds to the next try: by chance up to a span that doubles (full jitter; Brooker 2015, "Exponential backoff and
        jitter"), but never before the server's Retry-After. Raises Problem `prompting.host_busy`."""
        asked = _after(reply.after)
        if asked > self.hosted.longest_wait_seconds:
            limit = f"{self.hosted.longest_wait_seconds:g} s"
            raise Problem(
                "prompting.host_busy", at=self.hosted.model, got=f"Retry-After {asked:g} s", limit=limit, exit=Exit.RESUMABLE
            )  # fmt: skip
        span = min(self.hosted.longest_wait_seconds, FIRST_WAIT_SECONDS * 2.0**turn)
        with self._lock:
            chance = float(self._rng.uniform(0.0, span))
        return asked + chance

    def _read(self, reply: wire.Reply, entry: int, most: float, key: str) -> Answer:
        try:
            text = reply.body["choices"][0]["message"]["content"] or ""
            usage = reply.body.get("usage") or {}
            if not isinstance(text, str):
                raise TypeError(type(text).__name__)
            read, written = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as e:
            raise Problem("prompting.bad_reply", at=self.hosted.model, got=_words(reply, key) or str(e)) from e
        if read is None or written is None:  # the server does not say: counted at the most
            self.purse.settle(entry, most)
            return Answer(text, read or 0, written or 0, most)
        cost = read * self.hosted.cost_in + written * self.hosted.cost_out
        self.purse.settle(entry, cost)
        if cost > most * (1 + 1e-9):
            raise Problem("prompting.charged_more", at=self.hosted.model, got=cost, limit=most, exit=Exit.INTEGRITY)
        return Answer(text, read, written, cost)


class _Stopped(Exception):
    """Another thread met a problem."""


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} tokens")
    return value


def _words(reply: wire.Reply, key: str) -> str:
    """What the server said, on one short line, without the key."""
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    line = " ".join(str(text or reply.fault or reply.status).split())
    line = "".join(c for c in line if c.isprintable())
    return (line.replace(key, "***") if key else line)[:200]


def _after(line: str) -> float:
    """Seconds of a Retry-After line (RFC 9110, 10.2.3: seconds or a date); 0 where it says nothing that can be read."""
    try:
        return max(0.0, float(int(line)))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(line)
    except (ValueError, TypeError, IndexError):
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _cached(place: Path) -> Answer | None:
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        return Answer(
            str(data["text"]), int(data["tokens_in"]), int(data["tokens_out"]), float(data["cost"]), cached=True
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or damaged: ask again
