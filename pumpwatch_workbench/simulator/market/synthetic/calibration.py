"""Calibration of the synthetic market.

"Measured" means: on one-minute candles and trades of 81 labelled pumps in 69 segments (1,343 clean
symbol-days) of Binance spot ALT/BTC pairs, June 2018 to December 2019; sources in
docs/replay.md. Everything else is chosen, so that those measurements come out of the generated
market too.
"""

from __future__ import annotations

# Pumps are planted far more often than they happen (measured: one per 18 symbol-days in segments
# that were picked for their pumps, far fewer elsewhere), so that an hour of 600 symbols shows ten.
PUMPS_PER_SYMBOL_DAY = 0.34

# Measured: peak +12.5 % by last prices, +16 % by the published labels, at the median; log standard
# deviation 0.87.
PUMP_SIZE_MEDIAN = 0.16
PUMP_SIZE_LOG_DEVIATION = 0.75
PUMP_SIZE_RANGE = (0.025, 1.2)

# Measured: peak 28.6 s after the onset at the median (quartiles 10 s and 79 s, ninth decile 166 s).
PUMP_RISE_SECONDS_MEDIAN = 30.0
PUMP_RISE_LOG_DEVIATION = 1.4
PUMP_RISE_SECONDS_RANGE = (3.0, 240.0)

# Measured, median over pumps: 10 % of the rise are done 1.5 s after the onset, a quarter 2.4 s,
# half 4.2 s, 90 % 22 s; half 2.5 s after it where the peak comes within 12 s, 16 s where it takes
# longer than 40 s. A jolt of seconds, then a climb: its share of the rise falls with the logarithm
# of the seconds to the peak (share at 1 s, slope, least, most).
JOLT_MS, JOLT_POWER = 5_000.0, 1.1
JOLT_SHARE = (1.25, 0.19, 0.4, 0.9)
# Measured: 5, 10 and 30 s after the onset the price stands at 0.75, 0.71 and 0.68 of the highest
# one so far.
JITTER = 0.4
# Chosen: the price calms down, to this share of it.
LEAST_JITTER, CALM_SECONDS = 0.3, 30.0

# Measured: 85 % of onsets lie within 60 s of a full hour, 5 % of a half hour; offsets there in
# seconds (5th, 10th, 25th, 50th, 75th, 90th percentile). Those are announced.
ANNOUNCED_SHARE, FULL_HOUR_SHARE = 0.9, 0.9
ANNOUNCED_OFFSETS = (
    (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
    (-12, -10, -10, -5, 0, 5, 26, 40),
)

# Measured, median over pumps: minutes' worth of turnover (of the mean minute of the day before)
# traded since the onset; after 10 minutes by the share that came later.
SURGE_SECONDS = (0, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
SURGE_MINUTES = (0, 2, 29, 178, 286, 714, 1_060, 1_370, 1_890, 2_300, 2_950, 3_300, 3_700)
# Measured: the hour before the onset turns over 2.1 times the day's mean at the median.
HOUR_BEFORE_MINUTES = 70
# Measured: log standard deviation 1.0, correlation with the log of the pump's size 0.61.
SURGE_LOG_DEVIATION = 0.9
SURGE_SIZE_CORRELATION = 0.61
# Measured: in the minute before the onset, where some know already, 31 minutes' worth at the median
# (quartiles 0.5 and 185).
LEAD_MS = 25_000
LEAD_MEDIAN, LEAD_LOG_DEVIATION = 15.0, 2.2
LEAD_MOST = 300.0

# Measured, share of the peak still there: 0.76, 0.66, 0.58 and 0.44 at 5, 15, 30 and 60 s after it,
# 0.15 after 5 min, nothing after 30 min. Three exponentials: (share, seconds).
DECAY = ((0.06, 3.0), (0.64, 80.0), (0.30, 600.0))
# Bounce of the price after the peak, as a share of the pump's size.
BOUNCE = 0.30
BOUNCE_SECONDS = 420.0

# Sharp natural moves, up and down; about what a strict rule mistakes for a pump (measured: 0.007 to
# 0.011 false alarms per symbol-day).
SPIKES_PER_SYMBOL_DAY = 0.026
SPIKE_SIZE_MEDIAN = 0.09
SPIKE_SIZE_LOG_DEVIATION = 0.35
CRASHES_PER_SYMBOL_DAY = 0.012
CRASH_SIZE_MEDIAN = 0.12
NATURAL_DECAY = ((0.3, 60.0), (0.7, 3_000.0))
NATURAL_JITTER = 0.15
# Turnover over the median pump's.
NATURAL_TURNOVER, NATURAL_TURNOVER_LOG_DEVIATION = 0.3, 0.6

# A quiet minute: log standard deviation of its turnover, and of the return for a thin coin
# (measured for these coins: 0.0024 with their wide spread).
VOLUME_LOG_DEVIATION = 1.3
RETURN_DEVIATION_THIN = 0.0016
RETURN_DEVIATION_MAJOR = 0.0004
RETURN_FOLLOWS_VOLUME = 0.3
MARKET_RETURN_DEVIATION = 0.00035

# Chosen: a coin of this turnover (USDT in a mean minute) trades in 0.63 of its minutes.
IDLE_BELOW = 1_500.0

# Slow swings of activity: (minutes between turning points, log standard deviation).
ACTIVITY_SWINGS = ((360, 0.45), (60, 0.35), (10, 0.30))

# Bursts of volume without a pump; with these a rule of z > 3 on turnover and on the price move
# alarms 2.7 times per symbol-day, as measured.
BURSTS_PER_SYMBOL_DAY = 6.0
BURST_SMALLEST = 2.0
BURST_TAIL = 1.4
BURST_LARGEST = 120.0
BURST_DECAY = 0.55
BURST_MINUTES = 12

# Measured: the trades of a minute by its turnover over the mean minute of the day before. Orders
# (fills that share a millisecond and a side) of an ordinary minute, of a burst without a pump and
# of a pump's first minutes: (logarithm at one mean minute, slope, standard deviation).
CALM_ORDERS = (0.6, 0.23, 0.6)
BURST_ORDERS = (0.3, 0.65, 0.8)
PUMP_ORDERS = (1.6, 0.58, 0.55)
# Measured: trades an order is filled in, 1.4 and 1.5 at the mean; orders with several fills make
# 0.83 of what is bought in a pump.
BURST_FILLS, PUMP_FILLS = 0.36, 0.9
# Measured: in a pump buyers are fewer than sellers (0.42 of the orders) and larger.
PUMP_SWEEPING = 0.07
# Chosen so that the spread of trade sizes, the seconds with a trade and the shares of the largest
# orders come out as measured.
BURST_UNEVENNESS, PUMP_UNEVENNESS = 2.2, 2.25
# Chosen so that the share bought comes out as measured: in bursts anything (one trader), in pumps a
# narrow middle (mean and standard deviation), 0.75 in the first 5 s, 0.61 in the first minute; and
# by how much more is bought while the price rises.
BURST_LEANING = 0.3
PUMP_BOUGHT, PUMP_LEANING = (0.44, 0.1), 0.1
EAGER_BOUGHT, EAGER_SECONDS = 0.16, 25.0
PUMP_TRADERS_STAY_MS = 600_000
# Chosen: coins that turn over more than the measured ones (USDT in a mean minute) see more orders.
MEASURED_TURNOVER = 400.0
ORDERS_FOLLOW_TURNOVER = 0.35
