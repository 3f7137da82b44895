"""Monthly cost of a stack, from measurements and public prices."""
