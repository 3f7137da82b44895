"""Rules judged on labelled pumps: hits, false alarms, delays."""
