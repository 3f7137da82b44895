"""The two READMEs: figures as measured, pictures small, both saying the same."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ENGLISH, JAPANESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)
RESULTS = json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))
MEASURED = re.compile(r"^## (?:What was measured|測定結果)$.*?^\| --- .*?$\n(.*?)\n\n", re.M | re.S)
NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?|\.\d+)( million| 万)?")
UNITS = {"": 1, " million": 1_000_000, " 万": 10_000}
PICTURE = r'(?:src|srcset)="([^"]+)"'
LARGEST_PICTURE = 300_000


def rows_of(text: str) -> list[list[str]]:
    """Return the measured table's cells, without the targets of links."""
    table = MEASURED.search(re.sub(r"\]\([^)]*\)", "]", text))
    assert table, "no table of what was measured"
    return [line.strip("| ").split(" | ") for line in table[1].splitlines()]


def figure_of(start: str) -> str:
    """Return the English cell beside the only name that begins so."""
    (cell,) = [figure for name, figure in rows_of(ENGLISH) if name.startswith(start)]
    return cell


def numbers_in(text: str) -> list[Decimal]:
    numbers = NUMBER.findall(text)
    return sorted(Decimal(digits.replace(",", "")) * UNITS[unit] for digits, unit in numbers)


def expected_figures() -> dict[str, list[str]]:
    """What a row of the English table must say, by the beginning of its first cell."""
    run, trade, tick = RESULTS["run"], RESULTS["trade"], RESULTS["detect_tick"]
    paper, page = RESULTS["desk"], RESULTS["dashboard"]
    detector, backtest = RESULTS["detector"], RESULTS["backtest"]
    return {
        "The same pumps": [
            f"functions: {run['replay_pumps_detected']} of {run['replay_pumps_labelled']}",
            f"{run['replay_false_alarms']} false alarms",
            f"median delay {run['replay_detect_delay_market_seconds_p50']:.1f} s",
        ],
        "Simulated market": [
            f"{run['pumps_detected']} of {run['pumps_planted']} pumps",
            f"{run['false_alarms']} false alarm",
            f"median delay {run['detect_delay_market_seconds_p50']:.0f} s",
        ],
        "**Latency**": [
            f"{trade['signal_to_ack_seconds_p50']:.2f} s",
            f"{trade['signal_to_ack_exchange_rounds_max']} round trips",
            f"{trade['baseline_over_signal_to_ack_ratio']:.1f} times",
        ],
        "**Speed**": [
            f"{tick['tick_600_symbols_seconds_p50']:.2f} s",
            f"{tick['tick_600_symbols_requests_p50']:.0f} requests",
            f"{tick['baseline_over_tick_ratio']:.0f} times",
        ],
        "A scan of 2,000": [f"{tick['tick_2000_over_200_symbols_ratio']:.1f} times"],
        "A minute of `pumpwatch desk`": [
            f"{paper['tick_1000_symbols_cpu_seconds_p50']:.2f} s of CPU at the median",
            f"{paper['tick_1000_symbols_cpu_seconds_max']:.2f} s at most",
            f"{paper['process_memory_mib'] * 2**20 / 1e9:.2f} GB",
        ],
        "Default rule, one core": [f"{detector['boosted_candles_per_second'] / 1e6:.0f} million"],
        "Backtest": [f"{backtest['arrays_candles_per_second'] / 1e6:.0f} million"],
        "`make run`": [
            f"{run['wall_seconds']:.0f} s",
            f"{run['peak_memory_all_processes_mb'] / 1000:.1f} GB",
            f"the first pump after {run['first_signal_seconds']:.0f} s",
        ],
        "The live page": [
            f"after {page['dashboard_first_paint_seconds']:.2f} s",
            f"{page['dashboard_first_load_megabytes'] * 1000:.0f} kB",
            f"{page['dashboard_cpu_share']:.1%} of a core".replace("%", " %"),
        ],
    }


def test_figures_are_those_of_the_last_measurement():
    wrong = [
        f"README.md, and then README.ja.md: the row {start!r} must say {figure!r}"
        for start, figures in expected_figures().items()
        for figure in figures
        if figure not in figure_of(start)
    ]
    assert not wrong, "\n".join(wrong)


def mean_of(divisions):
    values = [Decimal(value) for value in divisions.split()]
    return f"{sum(values) / len(values):.2f}".lstrip("0")


def test_detection_is_a_row_of_the_study_on_unseen_symbols():
    """The mean F1 of the divisions, its interval, false alarms and delay stand in one row there."""
    said = re.fullmatch(
        r"F1 (\.\d\d) \(95 % (\.\d\d to \.\d\d)\), (\.\d+) false alarms a symbol-day,"
        r" median delay (.*? s) \(\[how\]\)",
        figure_of("**Detection**"),
    )
    assert said, "the row's words have changed"
    page = (ROOT / "docs/strategy.md").read_text(encoding="utf-8")
    study = page.partition("### Judged on symbols")[2].partition("\n\n* ")[0]
    lines = [line.strip("| ").split(" | ") for line in study.splitlines() if line.count("|") > 5]
    measured = {
        (mean_of(f1), interval, false, delay) for _, f1, interval, false, delay, _ in lines[2:]
    }
    assert said.groups() in measured


def test_cost_is_that_of_the_page():
    page = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
    together = re.search(r"^\| 1,000 \| 5 s .*\*\*([\d.]+)\*\* \|$", page, re.M)
    assert together
    assert figure_of("**Cost**").startswith(f"{together[1]} dollars")


def test_both_tables_have_the_same_figures():
    for (name, figure), (translated_name, translated) in zip(
        rows_of(ENGLISH), rows_of(JAPANESE), strict=True
    ):
        plain = translated.replace("1 銘柄 1 日あたり", "")  # "a symbol-day" has no figure
        assert numbers_in(figure) == numbers_in(plain), translated_name
        assert set(numbers_in(name)) <= set(numbers_in(translated_name)), name


@pytest.mark.parametrize(
    "pattern",
    [
        r"^#+ ",
        r"^\| --- ",
        PICTURE,
        r"\]\((?!README)([^)]+)\)",
        r"`(\.venv/bin/[^`]+|make[^`]*)`",
        r"^(?:make|git|pip|cd|\.venv/bin)\b[^#\n]*",
    ],
)
def test_both_have_the_same_headings_pictures_links_and_commands(pattern):
    """Whether the commands are true is in tests/documentation, the links in `make docs`."""
    english, japanese = (
        sorted(part.rstrip() for part in re.findall(pattern, text, re.M))
        for text in (ENGLISH, JAPANESE)
    )
    assert english == japanese != []


def test_pictures_are_small_and_described():
    for text in (ENGLISH, JAPANESE):
        images = re.findall(r"<img ([^>]*)>", text)
        assert len(images) > 1
        assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    for picture in re.findall(PICTURE, ENGLISH):
        assert 1000 < (ROOT / picture).stat().st_size < LARGEST_PICTURE, picture
