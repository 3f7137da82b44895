"""A strategy of one's own: whatever it answers, only a sound plan is traded."""

from dataclasses import replace
from decimal import Decimal, getcontext
from threading import Event
from types import SimpleNamespace

import pytest
from support.trading_rig import SYMBOL, Rig, peaked, settings

from pumpwatch.bootstrap.renewal import RenewedFunction
from pumpwatch.bootstrap.trade import CARE_ALONE, trade_function
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote
from pumpwatch.domain.trading.sound_plans import sound_plan
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import SettingsError
from pumpwatch.own import strategies
from pumpwatch.own.strategies import own_strategy
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.entries import strategy_from

OWN = "support.own_code:"
QUOTE = Quote(Decimal("1.16"), Decimal("1.17"), Decimal("1.17"), Decimal("1.17"))
LONG = EntryPlan(Side.BUY, Decimal("1.1"), Decimal("1.3"), 60_000)
SHORT = EntryPlan(Side.SELL, Decimal("1.2"), None, 60_000)
HUGE, TINY = Decimal("9E+999999999999"), Decimal("1E-999999999999")


@pytest.fixture(autouse=True)
def fresh():
    own_strategy.cache_clear()


def rig(name):
    return Rig(settings(strategy=f"{OWN}{name}"))


@pytest.mark.parametrize("plan", [LONG, SHORT, replace(LONG, take_profit=None)])
def test_a_sound_plan_is_kept(plan):
    assert sound_plan(plan, QUOTE, 60_000) == plan


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "it is no EntryPlan and no Denied"),
        ("buy", "it is no EntryPlan and no Denied"),
        (Denied(None), "it is no EntryPlan and no Denied"),
        (SimpleNamespace(reason="x"), "it is no EntryPlan and no Denied"),
        (replace(LONG, side="Buy"), "its side is no Side"),
        (replace(LONG, stop_loss=Decimal("1.18")), "stop above the entry of a long"),
        (replace(LONG, stop_loss=Decimal("1.17")), "stop above the entry of a long"),
        (replace(SHORT, stop_loss=Decimal("1.16")), "stop below the entry of a short"),
        (EntryPlan.__new__(EntryPlan), "its side is no Side"),
        (Denied.__new__(Denied), "it is no EntryPlan and no Denied"),
        (replace(SHORT, stop_loss=Decimal("1.1")), "stop below the entry of a short"),
        (replace(LONG, take_profit=Decimal("1.1")), "target below the entry of a long"),
        (replace(SHORT, take_profit=Decimal("1.2")), "target above the entry of a short"),
        (replace(LONG, stop_loss=Decimal("1.1699")), "its stop is nearer than 0.001"),
        (replace(LONG, stop_loss=Decimal("0.5")), "its stop is nearer than 0.001"),
        (replace(SHORT, stop_loss=Decimal("1.8")), "its stop is nearer than 0.001"),
        *(
            (replace(LONG, stop_loss=price), "its stop is no possible price")
            for price in (None, 1.1, "1.1", Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"))
        ),
        *(
            (replace(plan, take_profit=price), "its target is no possible price")
            for plan in (LONG, SHORT)
            for price in (1.1, Decimal("NaN"), Decimal("Infinity"), Decimal(-1), HUGE, TINY)
        ),
        *(
            (replace(LONG, time_limit=limit), "its time limit is not 5000 to 60000 milliseconds")
            for limit in (4_999, 60_001, 6e4, True, None, -1)
        ),
    ],
)
def test_every_other_answer_is_denied_with_the_reason(answer, sentence):
    denied = sound_plan(answer, QUOTE, 60_000)
    assert isinstance(denied, Denied)
    assert sentence in denied.reason
    assert denied.reason.startswith("the strategy's plan was refused: ")


def test_its_own_denial_is_one_line():
    reason = sound_plan(Denied("not \x1bon\n a\ud800 Monday" + "x" * 10**7), QUOTE, 1).reason
    assert (reason[:16], len(reason)) == ("not on a Mondayx", 197)


def test_a_sound_strategy_trades_with_its_stop_and_under_the_name_it_is_loaded_by():
    world = rig("Short").opened()
    trade = world.trade()
    assert (trade.strategy, trade.side) == (f"{OWN}Short", Side.SELL)
    world.check_agreement()
    assert trade.quantity * trade.entry_price <= world.settings.max_notional_usdt


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Refuses", "not on a Monday"),
        ("Fails", f"the strategy {OWN}Fails failed: SystemExit: out"),
        ("FailsUnspeakably", "failed: support.own_code.Unspeakable: <exception str() failed>"),
        ("FailsAtLength", "ValueError: [2Jxxx"),
        ("Falls", f"the strategy {OWN}Falls failed: RecursionError: maximum"),
        ("Interrupts", f"the strategy {OWN}Interrupts failed: KeyboardInterrupt"),
        ("Blank", "its side is no Side"),
        ("FailsToAct", f"the strategy {OWN}FailsToAct failed: KeyError"),
        ("Sly", "it is no EntryPlan and no Denied"),
        ("Slow", f"the strategy {OWN}Slow gave no answer within 0.05 s"),
        ("Waits", f"the strategy {OWN}Waits gave no answer within 0.05 s"),
    ],
)
def test_a_hostile_strategy_is_denied_and_the_care_goes_on(name, sentence, monkeypatch, caplog):
    monkeypatch.setattr(strategies, "SECONDS", 0.05 if name in ("Slow", "Waits") else 5.0)
    world = rig("Short").opened()
    world.settings = settings(strategy=f"{OWN}{name}")
    for symbol in ("AUSDT", "BUSDT"):
        world.signal(symbol)
    report = world.tick()
    assert [sentence in trade.denial for trade in report.denied] == [True, True]
    assert world.trade("AUSDT").state is TradeState.DROPPED
    assert len(caplog.records) == (0 if name in ("Refuses", "Sly", "Blank") else 1), "told once"
    world.advance(61)
    assert world.tick().closed, "the time limit of the open trade is kept"


def test_one_that_meddles_with_what_it_is_shown_changes_a_copy():
    world = rig("Meddles").opened()
    assert world.trade().planned_price < Decimal("1.2")
    world.check_agreement()


def test_one_that_changes_how_numbers_are_rounded_does_so_in_its_own_thread():
    world = rig("Rounds").opened()
    assert (world.trade().quantity, getcontext().prec) == (
        rig("Short").opened().trade().quantity,
        28,
    )


def test_one_whose_module_never_loads_is_refused(monkeypatch):
    monkeypatch.setattr(strategies, "LOADING_SECONDS", 0.05)
    monkeypatch.setattr(
        "support.own_code.Short", type("Short", (), {"__init__": lambda _: Event().wait()})
    )
    with pytest.raises(SettingsError, match=r"Short gave no answer within 0.05 s"):
        own_strategy(f"{OWN}Short")


def test_one_that_hangs_is_off_after_three_times(monkeypatch):
    monkeypatch.setattr(strategies, "SECONDS", 0.02)
    strategy = own_strategy(f"{OWN}Waits")
    reasons = [strategy.plan(peaked(), QUOTE).reason for _ in range(5)]
    assert ["was late 3 times: off until a restart" in reason for reason in reasons] == [
        *(False,) * 3,
        *(True,) * 2,
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Sideless", "side must be Side.BUY or Side.SELL"),
        ("Limitless", "time_limit_minutes, a number of 1 to 1440"),
        ("Broken", "RuntimeError: no licence"),
    ],
)
def test_what_cannot_be_used_stops_the_start(name, sentence):
    with pytest.raises(SettingsError, match=sentence):
        trade_function(settings(strategy=f"{OWN}{name}"), None, None)


def test_live_may_name_one_of_ones_own():
    live = {"trading_mode": "live", "live_trading_confirmation": "1"}
    assert settings(**live, strategy=f"{OWN}Short").strategy_name == f"{OWN}Short"
    with pytest.raises(ValueError, match="or your own"):
        settings(**live)
    with pytest.raises(ValueError, match="must be a name"):
        settings(strategy="a b")
    assert rig("Short").opened().trade(SYMBOL)


def test_a_stack_whose_strategy_cannot_be_loaded_cares_for_what_is_open(caplog):
    made = []

    def compose(given):
        strategy_from(given)
        made.append(given.strategy)
        return SimpleNamespace(checks={})

    environment = {"TABLE_NAME": "table", "STRATEGY": "nowhere:Nothing"}
    RenewedFunction(TradeSettings, environment, compose, CARE_ALONE)
    assert made == ["alert"]
    assert "loading nowhere:Nothing failed" in caplog.records[-1].reason
