"""What trading on the signals would have made: the production's own rules on recorded candles."""
