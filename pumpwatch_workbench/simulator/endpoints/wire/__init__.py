"""What goes over the wire, in Bybit's own words and figures."""
