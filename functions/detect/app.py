"""The detect function: one tick of the schedule in, signals in the table, numbers out."""

from __future__ import annotations

import os

from pumpwatch.adapters.deadlines import LambdaContext, LambdaDeadline
from pumpwatch.bootstrap.detect import answer_of, detect_from_environment
from pumpwatch.bootstrap.logs import structured_logger
from pumpwatch.errors import BadEvent
from pumpwatch.invocation import is_probe, parse_scan

logger = structured_logger()
function = detect_from_environment(os.environ)


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Scan the market once; a malformed event is counted and answered, anything else raised."""
    deadline = LambdaDeadline(context)
    if is_probe(event):
        return function.probe(deadline)
    try:
        tick = parse_scan(event)
    except BadEvent as error:
        return function.refuse(error, context.aws_request_id)
    logger.append_keys(run_id=tick.execution_id)
    report = function.run(tick, deadline)
    if report is None and tick.is_scan:
        return {"dropped": tick.scheduled_time}
    if report is None:
        logger.warning("another run holds the lease")
        return {"busy": True}
    # Single scans are many: only those with something to tell are logged.
    if not tick.is_scan or report.candidates or report.events_open or report.signals:
        logger.info("scanned", extra=answer_of(report))
    return answer_of(report)
