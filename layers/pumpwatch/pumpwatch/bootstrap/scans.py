"""The scans between two runs of the schedule: which are enqueued, and which are still wanted."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.ports import ScanQueue

logger = logging.getLogger(__name__)

AHEAD = 190_000
"""Milliseconds ahead for which scans are enqueued: a run of the schedule may be missed or killed,
wherever in their minutes those beside it fire."""
NO_INTERVAL = 60
"""Seconds between two scans at which the schedule's own scans are all."""
CREDIBLE = 10 * MINUTE
"""Milliseconds by which the last look can be later than a scan's due time: messages live shorter,
so beyond that the clock was wrong."""


@dataclass(frozen=True, slots=True)
class ScanMark:
    """What a holder of the lease leaves for the next; milliseconds UTC."""

    enqueued: int = 0
    """The last slot that is in the queue."""
    looked: int = 0
    """When the market was last seen; the slot of that scan where it came a little early."""

    @classmethod
    def of(cls, lease: Lease) -> ScanMark:
        """Read a lease's mark; one that cannot be read is as good as none."""
        try:
            read = json.loads(lease.mark or "{}")
            return cls(int(read.get("enqueued", 0)), int(read.get("looked", 0)))
        except (ValueError, TypeError, AttributeError):
            logger.warning("the lease's mark was not read", extra={"mark": lease.mark})
            return cls()

    def leave(self, lease: Lease) -> None:
        """Let the lease's release leave it."""
        lease.mark = json.dumps(asdict(self))


class Scans:
    """What one instance knows of them. The rest is in the mark of the lease that it works under.

    Without a queue, and at an interval of a minute, nothing is enqueued.
    """

    def __init__(self, queue: ScanQueue | None, interval_seconds: int) -> None:
        self._queue = queue if interval_seconds < NO_INTERVAL else None
        self._step = interval_seconds * 1000
        self._token = 0
        self.gap: float | None = None
        """Seconds between the last two looks at the market, whichever instance had them."""

    def handed_over(self, lease: Lease) -> bool:
        """Return whether another instance has had the lease since this one's last run."""
        alone = lease.token == self._token + 1
        self._token = lease.token
        return not alone

    def enqueue(self, lease: Lease, now: int) -> None:
        """Enqueue the scans of the next `AHEAD` that are not in the queue yet.

        Those that cannot be sent are sent by the next run.
        """
        if self._queue is None:
            return
        mark, horizon = ScanMark.of(lease), now + AHEAD
        begin = max(now, mark.enqueued) if mark.enqueued <= horizon + MINUTE else now
        slots = range((begin // self._step + 1) * self._step, horizon + 1, self._step)
        if not slots:
            return
        try:
            self._queue.enqueue(slots, now=now)
        except StoreUnavailable as error:
            logger.warning("scans were not enqueued", extra={"reason": str(error)})
        else:
            replace(mark, enqueued=slots[-1]).leave(lease)

    def is_wanted(self, tick: Tick, lease: Lease) -> bool:
        """Return whether the market was not seen since the scan was due."""
        late = ScanMark.of(lease).looked - tick.scheduled_time
        return not 0 <= late < CREDIBLE

    def looked(self, tick: Tick, lease: Lease, time: int) -> None:
        """Note that the market was seen."""
        mark = ScanMark.of(lease)
        self.gap = (time - mark.looked) / 1000 if 0 < mark.looked <= time else None
        latest = max(time, tick.scheduled_time) if tick.is_scan else time
        replace(mark, looked=latest).leave(lease)
