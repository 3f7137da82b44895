"""Pumpwatch: detects pump-and-dump events on Bybit and trades on them under hard limits."""

__version__ = "0.1.0"
