"""The cost of a tick of detection as the market grows."""
