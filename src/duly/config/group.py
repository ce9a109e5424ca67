"""What all tables of settings have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


class ConflictError(ValueError):
    """Values that are fine one by one but not together; ``keys`` are their paths from the model that says so."""

    def __init__(self, message: str, *keys: tuple[str, ...]) -> None:
        self.keys = keys
        super().__init__(message)


class Group(BaseModel):
    """A table of settings: unknown keys are errors, pairs of bounds are kept in order."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def bounds(cls) -> tuple[tuple[str, str], ...]:
        """Pairs of fields that are a lower and an upper bound."""
        return ()

    def fall_back_on(self, defaults: Mapping[str, Any]) -> None:
        """Take other defaults than those of the class, for what was not set."""
        for name, field in type(self).model_fields.items():
            if name not in self.model_fields_set:  # in their order, since some follow from others
                derived = field.get_default(call_default_factory=True, validated_data=self.__dict__)
                self.__dict__[name] = defaults.get(name, derived)  # past __setattr__, which would count it as set
        self.order_bounds()

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        self.order_bounds()
        return self

    def order_bounds(self) -> None:
        """Where only one of a pair is set, let the default of the other move along.

        Raises:
            ConflictError: both are set, in the wrong order.
        """
        for lower, upper in self.bounds():
            low, high = getattr(self, lower), getattr(self, upper)
            if low <= high:
                continue
            if lower not in self.model_fields_set:
                self.__dict__[lower] = high
            elif upper not in self.model_fields_set:
                self.__dict__[upper] = low
            else:
                raise ConflictError(
                    f"{lower} ({low}) must not be greater than {upper} ({high}): lower the first or raise the second",
                    (lower,),
                    (upper,),
                )
