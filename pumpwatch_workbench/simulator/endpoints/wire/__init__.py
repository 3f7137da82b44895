"""The wire format, in Bybit's own words and figures."""
