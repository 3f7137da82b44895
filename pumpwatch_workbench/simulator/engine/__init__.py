"""The matching and margin engine: USDT linear contracts, one-way mode, one unified account."""
