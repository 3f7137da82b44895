"""Backtest trading on the signals: the production's own rules on recorded candles."""
