"""The decision engine against published cases, and its speed.

    python benchmarks/decision.py --cases FILE [--worst] [--json] [FIGURE ...]

FILE holds cases: id, topic, inputs, expected, tolerance. A topic has one way to read its inputs, whatever case they are
of; formulas and distributions are read from their text. Cases that come without their data are listed as skipped; a
topic that the engine does not know has failed. With names of figures only those are made:
cases_failed, mc_1e6_s, mc_peak_mb, assessment_s, evppi30_s, whatif_ms.

Seconds are CPU seconds of one core (`wall` stands beside them), in a process of its own; `floor` is what numpy needs for
the same random numbers and the same sorting alone, timed in the same run, and `ratio` is to it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.decisions import investing, knowing, market, money, rights, rules, timing
from benchmarks.decisions.judge import Answer, Skipped, sample_size, wrong

Topic = Callable[[Mapping[str, Any], Mapping[str, Any], int], Answer]
TOPICS: dict[str, Topic] = {
    **money.TOPICS,
    **rights.TOPICS,
    **knowing.TOPICS,
    **investing.TOPICS,
    **market.TOPICS,
    **rules.TOPICS,
}
FIGURES = ("cases_failed", *timing.FIGURES)


def score(cases: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], dict[str, str], dict[str, str]]:
    """(error over tolerance of every case that was judged, why cases failed, why cases were skipped), by id."""
    judged, failed, skipped = dict[str, float](), dict[str, str](), dict[str, str]()
    for i, case in enumerate(cases):
        name = str(case.get("id", f"case {i + 1}"))
        topic = TOPICS.get(str(case.get("topic")))
        if topic is None:
            failed[name] = f"topic {case.get('topic')!r} is not known"
            continue
        began = time.process_time()
        try:
            answer = topic(case.get("inputs", {}), case["expected"], sample_size(case.get("tolerance", {})))
            faults, judged[name] = wrong(case, answer)
        except Skipped as reason:
            skipped[name] = str(reason)
            continue
        except Exception as error:  # one case that breaks must not hide the others
            where = traceback.extract_tb(error.__traceback__)[-1]
            faults = [f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"]
        if faults:
            failed[name] = "; ".join(faults[:6])
        print(f"{name}: {time.process_time() - began:.2f} s", file=sys.stderr)
    return judged, failed, skipped


def main() -> None:
    """Judge the cases, time the engine, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(FIGURES))
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--worst", action="store_true", help="largest error over its tolerance, case by case")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    unknown = sorted(set(args.figures) - set(FIGURES))
    if unknown:
        parser.error(f"no such figure: {', '.join(unknown)}")
    wanted = set(args.figures or FIGURES)
    figures, said = [], dict[str, Any]()
    if "cases_failed" in wanted:
        cases = json.loads(args.cases.read_text(encoding="utf-8"))
        judged, failed, skipped = score(cases["cases"] if isinstance(cases, dict) else cases)
        figures.append(
            {"id": "cases_failed", "value": len(failed), "n": len(set(judged) | set(failed)), "reach": 0, "better": "lower", "holds": not failed, "which": sorted(failed)}
        )  # fmt: skip
        said = {"failed": failed, "skipped": skipped}
        for name, share in sorted(judged.items(), key=lambda item: -item[1]) if args.worst else ():
            print(f"{name:28s} {share:9.3g} of its tolerance")
        for word, group in (("failed", failed), ("skipped", skipped)):
            for name, why in group.items():
                print(f"{word}: {name}: {why}")
    figures += timing.figures(wanted)
    for figure in figures:
        peer = f"  {figure['peer']['name']}: {figure['peer']['value']:.4g}" if figure.get("peer") else ""
        ratio = f"  {figure['ratio']:.2f} times the floor" if "ratio" in figure else ""
        print(
            f"{figure['id']:14s} {figure['value']:8.4g}  reach {figure['reach']}  {figure['holds']}  n={figure['n']}{ratio}{peer}"
        )
    if args.json:
        print(json.dumps({"figures": figures, **said}))
    sys.exit(1 if said.get("failed") else 0)


if __name__ == "__main__":
    main()
