"""Candles and trades of other programs and exchanges, turned into a folder of recordings."""
