"""The trade function: a tick of the schedule or new signals in, orders out."""

from __future__ import annotations

import os

from pumpwatch.adapters.deadlines import LambdaContext, LambdaDeadline
from pumpwatch.bootstrap.exit_watch import runs
from pumpwatch.bootstrap.logs import log_trade_report, structured_logger
from pumpwatch.bootstrap.trade import trade_from_environment
from pumpwatch.errors import BadEvent
from pumpwatch.invocation import is_probe, parse_wake_up

logger = structured_logger()
function = trade_from_environment(os.environ)


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Do one tick's work; a malformed event is counted and answered, anything else raised."""
    deadline = LambdaDeadline(context)
    if is_probe(event):
        return function.probe(deadline)
    try:
        tick = parse_wake_up(event)
    except BadEvent as error:
        return function.refuse(error, context.aws_request_id)
    logger.append_keys(run_id=tick.execution_id, signal_ids=tick.signal_ids)
    reports = []
    for report in runs(function.run, tick, deadline):
        if report is None:
            logger.info("another run holds the lease")
        else:
            log_trade_report(logger, report)
            reports.append(report)
    if not reports:
        return {"busy": True}
    return {
        "opened": [trade.signal_id for report in reports for trade in report.opened],
        "closed": [trade.signal_id for report in reports for trade in report.closed],
        "denied": [trade.signal_id for report in reports for trade in report.denied],
        "problems": sum(len(report.problems) for report in reports),
    }
