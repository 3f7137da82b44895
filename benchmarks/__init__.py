"""Where the README's figures come from: `make bench` measures and writes results.json."""
