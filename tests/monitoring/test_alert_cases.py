"""Every alert that ships, tried by promtool: quiet, firing, and without any data."""

from support.alert_cases import CASES, cases_of, run_promtool
from support.monitoring import rules, to_prometheus_rules
from support.servers import needs_server


def test_every_alert_has_its_cases_and_missing_data_is_an_alarm_where_they_say_so():
    """The state `Alerting` is Grafana's own; it is also tried below as `absent`."""
    states = {rule["title"]: rule["noDataState"] for rule in rules()}
    alarms = {title: case.get("missing") == "alarm" for title, case in CASES.items()}
    assert states == {title: "Alerting" if alarm else "OK" for title, alarm in alarms.items()}


def test_an_error_is_told_by_the_alerts_that_a_person_acts_on():
    """A heartbeat must end with it; a pump or a fill must neither end nor come again."""
    states = {(rule["labels"]["severity"] == "info", rule["execErrState"]) for rule in rules()}
    assert states == {(False, "Error"), (True, "OK"), (True, "KeepLast")}
    ended = {rule["title"] for rule in rules() if rule["execErrState"] == "OK"}
    assert ended == {"Heartbeat", "DeadMansSwitch"}


@needs_server("promtool")
def test_alerts_are_quiet_fire_and_bear_missing_data(tmp_path):
    suites = [(to_prometheus_rules(rule), cases_of(rule)) for rule in rules()]
    status, text = run_promtool(tmp_path, suites)
    assert status == 0, text
