"""What all tables of settings have in common."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Group(BaseModel):
    """A table of settings: unknown keys are errors, pairs of bounds are kept in order."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def bounds(cls) -> tuple[tuple[str, str], ...]:
        """Pairs of fields that are a lower and an upper bound."""
        return ()

    @model_validator(mode="after")
    def _order_bounds(self) -> Self:
        """Where only one of a pair is set, the default of the other moves along."""
        for lower, upper in self.bounds():
            low, high = getattr(self, lower), getattr(self, upper)
            if low <= high:
                continue
            if lower not in self.model_fields_set:
                self.__dict__[lower] = high  # past __setattr__, which would count it as set
            elif upper not in self.model_fields_set:
                self.__dict__[upper] = low
            else:
                raise ValueError(f"{lower} ({low}) must not be greater than {upper} ({high})")
        return self
