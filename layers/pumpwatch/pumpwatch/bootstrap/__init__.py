"""The composition: each function from its settings and its stores, once per cold start.

One module per function, so that detect loads neither the trading code nor the secrets.
"""
