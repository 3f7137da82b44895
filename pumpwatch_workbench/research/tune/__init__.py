"""Search settings on recorded candles, and say how far to trust what was found."""
