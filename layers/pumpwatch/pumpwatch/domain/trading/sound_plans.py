"""What a strategy of one's own answers becomes a sound plan, or a denial.

Its answer may be anything: nothing of it is called or printed, and a copy of it is kept.
"""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from pumpwatch.domain.texts import one_line

from .orders import Side
from .plans import Denied, EntryPlan, Quote

NEAREST, FARTHEST = Decimal("0.001"), {"stop": Decimal("0.5"), "target": Decimal(2)}
"""Distances from the entry, as the settings of the built-in strategies have them."""
SHORTEST = 5_000


def sound_plan(answer: object, quote: Quote, longest: int) -> EntryPlan | Denied:
    """Return the plan if it can be kept, else why it is refused; `longest` in milliseconds."""
    if type(answer) is Denied and type(reason := getattr(answer, "reason", None)) is str:
        return Denied(one_line(reason, 200) or "the strategy denied it")
    if type(answer) is not EntryPlan:
        return Denied("the strategy's plan was refused: it is no EntryPlan and no Denied")
    # One that was never initialized lacks its attributes.
    values: list[Any] = [getattr(answer, each.name, None) for each in fields(EntryPlan)]
    plan = EntryPlan(*values)
    wrong = _wrong_with(plan, quote, longest)
    return Denied(f"the strategy's plan was refused: {wrong}") if wrong else plan


def _wrong_with(plan: EntryPlan, quote: Quote, longest: int) -> str:
    if type(plan.side) is not Side:
        return "its side is no Side"
    if type(plan.time_limit) is not int or not SHORTEST <= plan.time_limit <= longest:
        return f"its time limit is not {SHORTEST} to {longest} milliseconds"
    best, buys = quote.best(plan.side), plan.side is Side.BUY
    for name, price in (("stop", plan.stop_loss), ("target", plan.take_profit)):
        if price is None and name == "target":
            continue
        possible = type(price) is Decimal and price.is_finite() and best / 100 <= price <= best * 3
        if price is None or not possible:
            return f"its {name} is no possible price"
        above = buys is (name == "target")
        if (gain := price - best if above else best - price) <= 0:
            where, what = "below" if above else "above", "long" if buys else "short"
            return f"{name} {where} the entry of a {what}"
        if not NEAREST * best <= gain <= FARTHEST[name] * best:
            return f"its {name} is nearer than {NEAREST} of the price, or farther than allowed"
    return ""
