"""Rates: never more than so many requests and tokens in any 60 seconds, over all threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60.001  # a millisecond more: sums of clock readings are rounded


class Rates:
    """requests, tokens: most in any window of 60 s; None for no limit. clock, sleep: of the machine unless given."""

    def __init__(
        self,
        requests: float | None,
        tokens: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.requests, self.tokens, self._clock, self._sleep = requests, tokens, clock, sleep
        self._lock = threading.Lock()
        self._sent: deque[list[float]] = deque()  # [instant, tokens]

    def enter(self, tokens: float) -> list[float]:
        """Wait until a request of this size may go, and count it. A request larger than the limit goes alone. What is
        returned is for `correct`."""
        while True:
            with self._lock:
                now = self._clock()
                while self._sent and self._sent[0][0] <= now - WINDOW_SECONDS:
                    self._sent.popleft()
                wait = self._wait(now, tokens)
                if wait <= 0:
                    entry = [now, tokens]
                    self._sent.append(entry)
                    return entry
            self._sleep(wait)

    def correct(self, entry: list[float], tokens: float) -> None:
        """The true size of a request, once the answer tells it."""
        with self._lock:
            entry[1] = tokens

    def _wait(self, now: float, tokens: float) -> float:
        """Seconds until the window has room, counted from the oldest request in it on."""
        count, total = len(self._sent) + 1, sum(e[1] for e in self._sent) + tokens
        if self._fits(count, total):
            return 0.0
        for instant, size in self._sent:
            count, total = count - 1, total - size
            if self._fits(count, total):
                return instant + WINDOW_SECONDS - now
        return 0.0

    def _fits(self, count: int, total: float) -> bool:
        few = self.requests is None or count <= self.requests
        return count == 1 or (few and (self.tokens is None or total <= self.tokens))
