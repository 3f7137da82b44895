"""What a stack costs a month, from what was measured and the public prices."""
