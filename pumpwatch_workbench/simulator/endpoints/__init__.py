"""The endpoints, one module per part of Bybit's documentation."""
