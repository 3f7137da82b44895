"""Builds each function's use case from its settings, once per cold start.

One module per function, so that detect loads neither the trading code nor the secrets.
"""
