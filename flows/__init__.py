"""The command line and the schedules; the only place that knows Prefect."""
