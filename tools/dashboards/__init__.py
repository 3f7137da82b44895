"""What builds the monitoring cluster's dashboards, and the checks before an install."""
