"""The learned score of the rule `boosted`: trained on labelled pumps, validated by symbol."""
