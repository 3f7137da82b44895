"""The marks on a dashboard, read from Prometheus as Grafana does it."""

from support.monitoring import dashboards
from support.panel_answers import filled_in
from support.prometheus import Prometheus


def marks_of(url, name, start, end, step):
    """Return (labels, begin, end) of each mark, by labels and time.

    Grafana joins points of a series that are a step apart to one mark with a begin and an end.
    Its queries begin at a multiple of the step.
    """
    (mark,) = (
        each
        for dashboard in dashboards()
        for each in dashboard["annotations"]["list"]
        if each["name"] == name
    )
    query = filled_in(mark["target"]["expr"], step=step)
    start, end = (int(at) // step * step for at in (start, end))
    answer = Prometheus(url).get("query_range", query=query, start=start, end=end, step=step)
    marks = []
    for series in answer["result"]:
        times = [int(at) for at, value in series["values"] if float(value) > 0]
        for at in times:
            if marks and marks[-1][0] == series["metric"] and at - marks[-1][2] <= step:
                marks[-1][2] = at
            else:
                marks.append([series["metric"], at, at])
    return [tuple(mark) for mark in sorted(marks, key=lambda mark: (str(mark[0]), mark[1]))]
