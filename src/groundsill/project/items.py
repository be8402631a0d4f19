"""Tables of numbers whose keys the user chooses: prices by item, work by route, rents by machine, own rates."""

from __future__ import annotations

from groundsill.project.kinds import MONEY, Kind
from groundsill.terms.candidate import ROUTES
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import CURRENCIES

WORK = ("staff-month", "month", "week", "year")  # hours and days are left out: a working day is not 24 hours
RENT = tuple(f"{MONEY}/{t}" for t in ("hour", "accelerator-hour", "minute", "second", "s", "day", "month", "year"))


def price_kind(item: str) -> Kind:
    """Kind of `price.<item>`. Raises Problem `project.unknown_item`."""
    kinds = {
        "labels": Kind((f"{MONEY}/label",), "One label by one worker.", "0.05 to 0.15 USD/label", bare=False),
        "energy": Kind((f"{MONEY}/kWh", f"{MONEY}/MWh", f"{MONEY}/J"), "Electricity.", "0.08 to 0.2 USD/kWh", bare=False),
        "tokens": Kind((f"{MONEY}/Mtoken", f"{MONEY}/token"), "Training data.", "0 to 2 USD/Mtoken", bare=False),
        "storage": Kind(
            tuple(f"{MONEY}/{size}/{t}" for size in ("GB", "TB", "GiB", "MB") for t in ("month", "hour", "year")),
            "Storage.", "0.02 USD/GB/month", bare=False,
        ),
        "staff": Kind(
            (f"{MONEY}/year", f"{MONEY}/month", f"{MONEY}/staff-month"), "Wage.", "140k to 200k USD/year", bare=False
        ),
        "accelerator": Kind(RENT, "Rent.", "0.08 to 0.12 USD/hour", bare=False),
        "api-in": Kind((f"{MONEY}/Mtoken", f"{MONEY}/token"), "Prompt tokens.", "0.25 USD/Mtoken", bare=False),
        "api-out": Kind((f"{MONEY}/Mtoken", f"{MONEY}/token"), "Answer tokens.", "2 USD/Mtoken", bare=False),
        "network": Kind(
            tuple(f"{MONEY}/{size}" for size in ("GB", "TB", "GiB", "MB")), "Traffic.", "0.05 to 0.09 USD/GB", bare=False
        ),
        "licence": Kind((MONEY, f"{MONEY}/object"), "Licence fee.", "5k USD", bare=False),
    }  # fmt: skip
    head, colon, tail = item.partition(":")
    needs_tail = head in ("staff", "accelerator", "api-in", "api-out", "licence")
    if head not in kinds or needs_tail != bool(colon and tail):
        raise Problem("project.unknown_item", got=item, limit="labels, energy, tokens, storage, network, staff:<role>, "
                      "accelerator:<id>, api-in:<model>, api-out:<model>, licence:<what>")  # fmt: skip
    return kinds[head]


def rent_kind(item: str) -> Kind:
    """Kind of `hardware.price.<id>`."""
    return price_kind(f"accelerator:{item}")


def mfu_kind(item: str) -> Kind:
    """Kind of `hardware.mfu.<id>`."""
    return Kind(("",), "Share of the peak that training reaches.", "0.35 to 0.5", high=1.0, above=True)


def build_kind(route: str) -> Kind:
    """Kind of `team.build.<route>`. Raises Problem `project.unknown_route`."""
    return _effort(route, Kind(WORK, "Staff work to build.", "0.25 to 1 staff-month", bare=False))


def month_kind(route: str) -> Kind:
    """Kind of `team.month.<route>`. Raises Problem `project.unknown_route`."""
    return _effort(
        route, Kind(WORK, "Staff work in each month of use.", "0.02 to 0.1 staff-month", bare=False, per="month")
    )


def _effort(route: str, kind: Kind) -> Kind:
    if route not in ROUTES:
        raise Problem("project.unknown_route", got=route, limit=", ".join(ROUTES))
    return kind


def fx_kind(currency: str) -> Kind:
    """Kind of `finance.fx.<currency>`: units of the project's currency for one of that currency."""
    if currency not in CURRENCIES:
        raise Problem("project.unknown_currency", got=currency, limit=", ".join(sorted(CURRENCIES)))
    return Kind(("",), "Rate.", "0.14", above=True)


def knot_kind(month: str) -> Kind:
    """Kind of `path.at.<month>`: a multiple of the start. Raises Problem `project.not_whole`."""
    if not (month.isascii() and month.isdigit()) or len(month) > 4:
        raise Problem("project.not_whole", got=month)
    return Kind(("",), "Multiple of the start in this month.", "0.8", above=True, high=1000.0)
