"""What a strategy of one's own answers becomes a sound plan, or a denial.

Its answer may be anything: nothing of it is called or printed, and a copy of it is kept.
"""

from __future__ import annotations

from decimal import Decimal

from .orders import Side
from .plans import Denied, EntryPlan, Quote

NEAREST, FARTHEST, HIGHEST = Decimal("0.001"), Decimal("0.5"), Decimal(2)
"""Distances of stop and target from the entry, as the settings of built-in strategies have them."""
SHORTEST = 5_000


def sound_plan(answer: object, quote: Quote, longest: int) -> EntryPlan | Denied:
    """Return the plan if it can be kept, else why it is refused; `longest` in milliseconds."""
    if type(answer) is Denied and type(answer.reason) is str:
        return Denied(" ".join(answer.reason.split())[:200] or "the strategy denied it")
    if type(answer) is not EntryPlan:
        return Denied("the strategy's plan was refused: it is no EntryPlan and no Denied")
    plan = EntryPlan(answer.side, answer.stop_loss, answer.take_profit, answer.time_limit)
    wrong = _wrong_with(plan, quote, longest)
    return Denied(f"the strategy's plan was refused: {wrong}") if wrong else plan


def _wrong_with(plan: EntryPlan, quote: Quote, longest: int) -> str:
    if type(plan.side) is not Side:
        return "its side is no Side"
    if type(plan.time_limit) is not int or not SHORTEST <= plan.time_limit <= longest:
        return f"its time limit is not {SHORTEST} to {longest} milliseconds"
    best, sign = quote.best(plan.side), 1 if plan.side is Side.BUY else -1
    what, bad = ("long", "above below") if sign > 0 else ("short", "below above")
    prices = (("stop", plan.stop_loss, -1, FARTHEST), ("target", plan.take_profit, 1, HIGHEST))
    for (name, price, wanted, most), wrong in zip(prices, bad.split(), strict=True):
        if price is None and name == "target":
            continue
        if type(price) is not Decimal or not price.is_finite():
            return f"its {name} is no finite Decimal"
        if not best / 100 <= price <= best * 3:  # farther, arithmetic itself may fail
            return f"its {name} is no possible price"
        gain = sign * wanted * (price - best)
        if gain <= 0:
            return f"{name} {wrong} the entry of a {what}"
        if not NEAREST * best <= gain <= most * best:
            return f"its {name} is nearer than {NEAREST} of the price or farther than {most}"
    return ""
