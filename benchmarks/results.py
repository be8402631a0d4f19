"""Write docs/results.md from the benchmarks' own output: `python benchmarks/results.py [NAME ...]`.

Each benchmark is run with --json; its last line holds the figures (see the README of this folder's siblings: id, value,
interval, n, reach, holds, peer). Figures of benchmarks that are not run now are kept from the last time (docs/results.json).
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "docs" / "results.json"
HOLDS = {True: "yes", False: "no", None: ""}  # None: nothing was asked of this figure
COMMANDS: dict[str, list[str]] = {
    "startup": ["benchmarks/startup.py"],
    "estimator": ["benchmarks/estimator.py", "--truth", "{truth}"],
    "estimator-crossed": ["benchmarks/estimator.py", "--truth", "{truth}", "--fit", "{truth}", "--cross", "suite"],
    "plan-search": ["benchmarks/plan_search.py"],
    "curves": ["benchmarks/curves.py", "--truth", "{truth}/curves"],
    "curves-crossed": ["benchmarks/curves.py", "--truth", "{truth}/curves", "--cross"],
    "decision": ["benchmarks/decision.py", "--cases", "{truth}/decision_cases.json"],
    "model-choice": ["benchmarks/model_choice.py"],
    "lab": ["benchmarks/lab.py"],
    "backtest": ["benchmarks/backtest.py", "examples/clothing-reviews/runs.jsonl"],
}


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    import os

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")),
            model,
        )
    packages = {p: metadata.version(p) for p in ("numpy", "scipy", "torch", "transformers", "scikit-learn")}
    versions = ", ".join(f"{k} {v}" for k, v in packages.items())
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, {versions}",
    }


def measure(name: str, truth: Path | None) -> dict[str, Any]:
    """Run one benchmark and keep its last line. truth: the folder of published runs, where a benchmark needs it."""
    command = [part.replace("{truth}", str(truth)) for part in COMMANDS[name]]
    done = subprocess.run([sys.executable, *command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    return kept(name, done.stdout, datetime.now(UTC))


def kept(name: str, output: str, when: datetime) -> dict[str, Any]:
    """What is stored of one run of a benchmark, from what it printed. when: its end."""
    figures = json.loads(output.strip().splitlines()[-1])["figures"]
    return {
        "date": when.date().isoformat(),
        "command": "python " + " ".join(COMMANDS[name]).replace("{truth}", "DIR"),
        **machine(),
        "figures": figures,
    }


def shown(value: Any) -> str:
    """A number in at most four digits."""
    if isinstance(value, list):
        return " to ".join(shown(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def page(results: dict[str, Any], notes: str) -> str:
    """docs/results.md."""
    lines = [
        "# Results",
        "",
        "Written by `python benchmarks/results.py`; do not edit by hand. Misses stay in the table. Notes: docs/results-notes.md.",
        "",
    ]
    for name, result in sorted(results.items()):
        lines += [
            f"## {name}",
            "",
            f"`{result['command']}`, {result['date']}; {result['processor']}; {result['versions']}.",
            "",
        ]
        lines += ["| figure | value | interval | n | reach | holds | peer |", "|---|---|---|---|---|---|---|"]
        for f in result["figures"]:
            interval = f"{shown(f['low'])} to {shown(f['high'])}" if f.get("low") is not None else ""
            peer = f"{f['peer']['name']}: {shown(f['peer']['value'])}" if f.get("peer") else ""
            lines.append(
                f"| `{f['id']}` | {shown(f['value'])} | {interval} | {f.get('n', '')} | {shown(f.get('reach', ''))} | {HOLDS[f.get('holds')]} | {peer} |"
            )
        lines.append("")
    return "\n".join(lines) + notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(COMMANDS)}; none: all that can be run")
    parser.add_argument(
        "--truth", type=Path, help="folder of published runs; without it what needs one is left as it was"
    )
    parser.add_argument(
        "--log",
        type=Path,
        help="what one benchmark printed with --json on this machine: taken instead of running it again",
    )
    args = parser.parse_args()
    if args.log and len(args.names) != 1:
        parser.error("--log is of one benchmark: name it")
    needs = {name for name, command in COMMANDS.items() if any("{truth}" in part for part in command)}
    names = [n for n in args.names or COMMANDS if args.truth or n not in needs]
    results = json.loads(STORE.read_text()) if STORE.exists() else {}
    if args.log:
        ended = datetime.fromtimestamp(args.log.stat().st_mtime, UTC)
        results[args.names[0]] = kept(args.names[0], args.log.read_text(encoding="utf-8"), ended)
    else:
        results |= {name: measure(name, args.truth) for name in names}
    STORE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    notes = ROOT / "docs" / "results-notes.md"
    (ROOT / "docs" / "results.md").write_text(page(results, "\n" + notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    main()
