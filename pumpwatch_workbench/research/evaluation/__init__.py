"""Rules judged on labelled pumps: what they find, what they raise in vain, what it would earn."""
