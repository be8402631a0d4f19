"""A candidate: a route made concrete."""

from __future__ import annotations

from dataclasses import dataclass

ROUTES = ("none", "classical", "prompt", "tune", "continue", "pretrain")


@dataclass(frozen=True, order=True)
class Candidate:
    """route + method + base model + recipe; candidates are compared, one curve each.

    method: a tuning method (`head`, `lora`, `full`), `zero-shot` / `few-shot` for prompts, a learner for `classical`.
    model: catalogue id of the base model ("" if none); `hosted/<provider>/<name>` for a hosted one.
    recipe: what differs from the route's default, as sorted (key, value) pairs.
    """

    route: str
    method: str = ""
    model: str = ""
    recipe: tuple[tuple[str, str | float], ...] = ()

    @property
    def id(self) -> str:
        """Readable name, unique within a project: `tune/lora/all-minilm-l6-v2`."""
        parts = [p for p in (self.route, self.method, self.model) if p]
        recipe = ",".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.recipe)
        return "/".join(parts) + (f"[{recipe}]" if recipe else "")
