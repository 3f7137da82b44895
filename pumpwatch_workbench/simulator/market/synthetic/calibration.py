"""Calibration of the synthetic market.

"Measured" means: on one-minute candles and trades of 81 labelled pumps in 69 segments (1,343 clean
symbol-days) of Binance spot ALT/BTC pairs, June 2018 to December 2019; sources in
docs/replay.md. Everything else is chosen, so that those measurements come out of the generated
market too.
"""

from __future__ import annotations

# Pumps are planted far more often than they happen (measured: one per 18 symbol-days in segments
# that were picked for their pumps, far fewer elsewhere), so that three hours of 600 symbols show a
# dozen.
PUMPS_PER_SYMBOL_DAY = 0.19

# Measured: median peak +12.5 % by last prices, +16 % by the published labels; log standard
# deviation 0.86.
PUMP_SIZE_MEDIAN = 0.19
PUMP_SIZE_LOG_DEVIATION = 0.66
PUMP_SIZE_RANGE = (0.025, 1.2)

# Measured: peak 28.6 s after the onset at the median (quartiles 10 s and 79 s, ninth decile 166 s).
PUMP_RISE_SECONDS_MEDIAN = 31.0
PUMP_RISE_LOG_DEVIATION = 1.15
PUMP_RISE_SECONDS_RANGE = (4.0, 240.0)

# Measured: a third of the peak is reached 5 s after the onset.
RISE_POWER = 0.65

# Measured: 89 % of onsets lie within 60 s of a full or half hour; offsets there in seconds (5th,
# 10th, 25th, 50th, 75th, 90th percentile).
ORGANISED_SHARE = 0.87
ORGANISED_OFFSETS = (
    (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
    (-20, -15, -10, -5, 0, 10, 30, 50),
)

# Measured: turnover per minute after the onset, relative to the hour before it, at the median over
# pumps: 258 in the first 15 s, 175 to 30 s, 170 to 60 s, 220 in the second minute, 109 to 5 min, 37
# to 10 min, 13 to 30 min, 4.7 to 60 min, 2.7 to 120 min. Summed up: minutes' worth of turnover
# traded since the onset.
SURGE_SECONDS = (0, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
SURGE_MINUTES = (0, 64, 108, 193, 413, 740, 925, 1_185, 1_326, 1_488)
# Measured: the largest of the first three minutes over the day's running mean is 418 at the median
# (log standard deviation 0.95, correlation with the log of the pump's size 0.60).
SURGE_SCALE = 2.8
SURGE_LOG_DEVIATION = 0.8
SURGE_SIZE_CORRELATION = 0.85

# Measured, share of the peak still there: 0.5 a minute after the onset, 0.28 after 2 min, 0.18
# after 5 min, 0.11 after 10 min, nothing after 30 min. The peak itself is a spike of seconds. Three
# exponentials: (share, seconds).
DECAY = ((0.48, 6.0), (0.22, 90.0), (0.30, 1_500.0))
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

# A quiet minute: log standard deviation of its turnover, and of the return for a thin coin
# (measured for these coins: 0.0024 with their wide spread).
VOLUME_LOG_DEVIATION = 1.3
RETURN_DEVIATION_THIN = 0.0016
RETURN_DEVIATION_MAJOR = 0.0004
RETURN_FOLLOWS_VOLUME = 0.3
MARKET_RETURN_DEVIATION = 0.00035

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
PUMP_ORDERS = (1.4, 0.58, 0.55)
# Measured: trades an order is filled in.
BURST_FILLS, PUMP_FILLS = 1.36, 1.52
# Chosen so that the spread of trade sizes, the seconds with a trade and the shares of the largest
# orders come out as measured.
BURST_UNEVENNESS, PUMP_UNEVENNESS = 2.2, 1.3
# Chosen so that the share bought comes out as measured: in bursts anything (one trader), in pumps a
# narrow middle. Mean and standard deviation, or the two parameters of a beta distribution; and by
# how much more is bought while the price rises.
BURST_BOUGHT, BURST_LEANING = (0.9, 0.9), 0.3
PUMP_BOUGHT, PUMP_LEANING = (0.57, 0.1), 0.15
PUMP_TRADERS_STAY_MS = 600_000
# Chosen: coins that turn over more than the measured ones (USDT in a mean minute) see more orders.
MEASURED_TURNOVER = 400.0
ORDERS_FOLLOW_TURNOVER = 0.35
