"""The tables of docs/monitoring.md are those that metrics and alerts give."""

from pathlib import Path

import pytest

from workbench.monitoring.tables import alert_rows, metric_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"


@pytest.mark.parametrize("rows", [metric_rows, alert_rows])
def test_the_page_has_the_table_whole_and_in_order(rows):
    table = "\n".join(rows())
    assert table.count("\n") > 20
    assert table in PAGE.read_text(encoding="utf-8")
