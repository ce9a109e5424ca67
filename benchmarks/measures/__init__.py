"""What is measured. Each function takes the class of a subject and gives ``Metrics``; each runs in its own process."""

from typing import TypeAlias

Metrics: TypeAlias = dict[str, dict[str, float]]
"""Metric, case, value: lower is better. The case is ``""`` where there is only one."""
