"""What the README's figures come from: `make bench` measures, prints a table, writes results.json."""
