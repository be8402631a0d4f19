"""Watching a training: the metric while it goes on, and what it takes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from groundsill.lab.evaluation import meter
from groundsill.lab.training.averaging import trained
from groundsill.terms.event import Emit, Event


@dataclass(eq=False)
class Best:
    """Early stopping (Prechelt 1998): the best look so far and its weights.

    score: of the net in evaluation mode, higher is better; patience: looks without a better one before the end.
    """

    score: Callable[[nn.Module], float]
    patience: int
    value: float = float("-inf")
    waited: int = 0
    looks: list[tuple[int, float]] = field(default_factory=list)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def look(self, net: nn.Module, step: int, emit: Emit) -> bool:
        """Score the net after so many steps; True when it is time to stop."""
        was = net.training
        net.eval()
        with torch.inference_mode():
            value = float(self.score(net))
        net.train(was)
        self.looks.append((step, value))
        if value > self.value:
            self.value, self.waited = value, 0
            self.weights = {name: weight.detach().clone() for name, weight in trained(net).items()}
        else:
            self.waited += 1
        emit(Event("lab.look", {"step": step, "value": value, "best": self.value}))
        return bool(self.patience) and self.waited >= self.patience


@dataclass(frozen=True)
class Rates:
    """What a training costs and was thought to cost: numbers from above, None where nobody knows. watts: draw of the
    machine where no counter can be read; price_per_hour: of the machine, in the user's currency; forecast_seconds: of
    this whole training."""

    watts: float | None = None
    price_per_hour: float | None = None
    forecast_seconds: float | None = None


class Spent:
    """Time, energy and money of a training: so far, to go, and at the end against the forecast."""

    def __init__(self, rates: Rates, steps: int, done: int, before_seconds: float, emit: Emit) -> None:
        """done: steps of earlier sessions, which took before_seconds."""
        self.rates, self.steps, self.emit = rates, steps, emit
        self._done, self._before = done, before_seconds
        self._begin = self._told = time.perf_counter()
        self._joules = meter.joules()

    @property
    def seconds(self) -> float:
        """Of this session."""
        return time.perf_counter() - self._begin

    def step(self, step: int, losses: Sequence[float]) -> None:
        """After step number `step`: tell how far it is and the last known loss, once a second."""
        now = time.perf_counter()
        if now - self._told >= 1:
            self._told = now
            left = (now - self._begin) * (self.steps - step - 1) / (step + 1 - self._done)
            values: dict[str, Any] = {"done": step + 1, "total": self.steps, "remaining_seconds": left}
            values |= {"loss": losses[-1]} if losses else {}
            known = self._known(now - self._begin)
            code = "lab.progress_cost" if "cost" in known else "lab.progress_energy" if known else "lab.progress"
            self.emit(Event(code, {**values, **known}))

    def end(self) -> float:
        """Tell what it took in all; returns the seconds of this session."""
        seconds = self.seconds
        total = self._before + seconds
        known = self._known(seconds)
        self.emit(Event("lab.trained", {"seconds": total, **known}))
        if self.rates.forecast_seconds:
            ratio = total / self.rates.forecast_seconds
            values = {"seconds": total, "forecast_seconds": self.rates.forecast_seconds, "ratio": ratio}
            self.emit(Event("lab.forecast_and_actual", values))
        return seconds

    def _known(self, seconds: float) -> dict[str, Any]:
        """kwh (measured, else watts x time) and cost, where known, with earlier sessions at their time."""
        out: dict[str, Any] = {}
        now, whole = meter.joules(), self._before + seconds
        if now is not None and self._joules is not None and now >= self._joules:
            joules = (now - self._joules) * whole / max(seconds, 1e-9)
            out = {"kwh": joules / 3.6e6, "measured": True}
        elif self.rates.watts is not None:
            out = {"kwh": self.rates.watts * whole / 3.6e6, "measured": False}
        if self.rates.price_per_hour is not None:
            out["cost"] = self.rates.price_per_hour * whole / 3600
        return out


class Stop:
    """Set when the user or the system asks to stop (Ctrl-C, SIGTERM); the loop then ends after the step it is in."""

    asked = False


@contextmanager
def stops(listen: bool) -> Iterator[Stop]:
    """Listen for requests to stop; a second Ctrl-C interrupts at once. Nothing where not asked to, nor off the main thread."""
    stop = Stop()
    if not listen or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked = True

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
