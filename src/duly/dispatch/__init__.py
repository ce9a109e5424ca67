"""Schedules from YAML, published onto NATS once per slot, however many replicas run."""
