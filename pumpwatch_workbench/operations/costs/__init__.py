"""Monthly costs of a stack, from what was measured and the public prices."""
