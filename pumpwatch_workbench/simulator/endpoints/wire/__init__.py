"""Bodies and rows in Bybit's own words and figures."""
