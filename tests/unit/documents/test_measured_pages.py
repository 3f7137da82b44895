"""Tables of the documents say what benchmarks/results.json says; differences come as one list."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RESULTS = json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))


def cell(page: str, start: str) -> str:
    """The cells after the first of the one row that begins with these words."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {start}")]
    return row.split(" | ", 1)[1]


def differences(page: str, expected: dict[str, list[str]]) -> list[str]:
    return [
        f"docs/{page}: the row {start!r} must say {figure!r}"
        for start, figures in expected.items()
        for figure in figures
        if figure not in cell(page, start)
    ]


def test_how_fast_an_order_is():
    one = RESULTS["trade"]
    expected = {
        "signal's event to the order's": [f"{one['signal_to_ack_seconds_p50']:.2f} s:"],
        "our own CPU in it": [f"{one['signal_to_ack_own_cpu_seconds_p50']:.2f} s"],
        "requests to the exchange, of which": [
            f"{one['signal_to_ack_exchange_requests_p50']:.0f}, "
            f"at most {one['signal_to_ack_exchange_rounds_max']}"
        ],
        "calls to the table": [
            f"{one['signal_to_ack_store_calls_p50']:.0f}, {one['whole_run_store_calls_p50']:.0f}"
        ],
        "fill to verified stop": [
            f"{one['fill_to_verified_stop_seconds_p50']:.2f} s, "
            f"{one['fill_to_verified_stop_exchange_rounds_max']} round"
        ],
        "the same looks": [
            f"{one['baseline_stock_pybit_in_sequence_to_ack_seconds_p50']:.2f} s, "
            f"{one['baseline_over_signal_to_ack_ratio']:.1f} times"
        ],
    }
    wrong = differences("trading.md", expected)
    assert not wrong, "\n".join(wrong)


def test_what_a_desk_needs():
    one = RESULTS["desk"]
    memory = one["process_memory_mib"] * 2**20
    expected = {
        "at rest": [
            f"{one['share_of_a_core'] * 100:.1f} % of a core",
            f"{memory / 1e9:.2f} GB",
        ],
        "signal to acknowledged order": [
            f"at most {one['signal_to_ack_exchange_rounds_max']:.0f} round trips",
            f"{one['signal_to_ack_own_seconds_p50'] * 1000:.0f} ms",
        ],
        "start of the process": [f"at most {one['restart_to_first_care_seconds_max']:.1f} s"],
    }
    wrong = differences("desk.md", expected)
    assert not wrong, "\n".join(wrong)
    assert one["share_of_a_core"] <= 0.05
    assert memory <= 300e6
    assert one["signal_to_ack_exchange_rounds_max"] <= 3
    assert one["signal_to_ack_own_seconds_p50"] <= 0.04
    assert one["restart_to_first_care_seconds_max"] <= 3


def test_how_fast_a_backtest_is():
    one = RESULTS["backtest"]
    expected = {
        "20 symbols x 30 days": [
            f"{one['arrays_candles_per_second'] / 1e6:.0f} million candles a second",
            f"{one['arrays_over_plain_numpy_ratio']:.1f} times the time of plain numpy",
            f"{one['arrays_over_slow_loop_ratio']:.0f} times as fast as the slow loop",
            f"{one['arrays_memory_above_imports_mb']:.0f} MB above the imports",
        ],
        "1,000 settings": [
            f"{one['settings_seconds_2_processes']:.0f} s,",
            f"{one['settings_over_one_by_one_ratio']:.1f} times as fast as one by one",
            f"{one['settings_search_seconds_2_processes']:.0f} s with Optuna",
        ],
        "600 symbols x 30 days": [
            f"{one['market_30_days_seconds']:.1f} s, ",
            f"{one['market_30_days_cpu_seconds']:.1f} s of CPU",
            f"{one['market_30_days_peak_memory_mb'] / 1000:.2f} GB",
        ],
        "twice the days": [f"{one['market_twice_the_days_ratio']:.1f} times as long"],
    }
    wrong = differences("backtest.md", expected)
    assert not wrong, "\n".join(wrong)


def test_how_well_rules_find_pumps():
    one = RESULTS["evaluate"]
    expected = {
        f"`--detector {rule}` |": [
            f"{one[f'{rule}_recall']:.2f}".lstrip("0"),
            f"{one[f'{rule}_f1']:.2f}".lstrip("0"),
            f"{one[f'{rule}_false_alarms_per_symbol_day']:.4f}".lstrip("0"),
            f"{one[f'{rule}_delay_p50_seconds']:.0f} s",
        ]
        for rule in ("boosted", "ewma")
    }
    wrong = differences("strategy.md", expected)
    assert not wrong, "\n".join(wrong)
