"""What a larger market, more exchanges and more users cost, and which limit they meet first."""
