"""Fixtures for pytest, found by pytest itself once Duly is installed."""
