"""Candles from Bybit into a folder that backtests read."""
