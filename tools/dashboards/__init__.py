"""Build the monitoring cluster's dashboards, and check them before an install."""
