"""The state of an entity: what Home Assistant sent, with typed access to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar, Final, Generic, NoReturn, TypeAlias, TypeVar, cast, get_args, get_origin, overload

from whenever import ZonedDateTime

from duly.events import HassContext, RawState, hass_context
from duly.events.hass import moment_in
from duly.states.attributes import Attributes
from duly.states.errors import StateConversionError
from duly.states.registry import class_of, register
from duly.states.texts import READERS

T = TypeVar("T")
V = TypeVar("V")
A = TypeVar("A", bound=Attributes)
S = TypeVar("S", bound="State[Any, Any]")

UNKNOWN: Final = "unknown"
UNAVAILABLE: Final = "unavailable"


class State(Generic[V, A]):
    """The state of an entity: frozen, a thin cover over what Home Assistant sent, and equal if that is.

    ``V`` is the type of its value, ``A`` the class of its attributes. A subclass that says ``domain = "…"`` becomes
    the class of the states of that domain::

        class VacuumState(State[str, VacuumAttributes]):
            domain = "vacuum"

    Conversions happen on access and are kept. Where the type of the value does not say how its text is read, override
    ``read``.
    """

    __slots__ = ("_kept", "raw")

    raw: RawState
    """What Home Assistant sent; not to be changed."""
    _kept: dict[str, Any]
    _attributes_class: ClassVar[type[Attributes]] = Attributes
    _reader: ClassVar[Callable[[str], Any]] = str

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _take_arguments(cls)
        if "domain" in vars(cls):
            register(cls, vars(cls)["domain"])

    def __init__(self, raw: RawState) -> None:
        object.__setattr__(self, "raw", raw)
        object.__setattr__(self, "_kept", {})

    # --- who it is ---------------------------------------------------------------------------------------------------

    @property
    def entity_id(self) -> str:
        """The entity, as in ``light.kitchen``."""
        return cast("str", self.raw["entity_id"])

    @property
    def domain(self) -> str:
        """What stands before the dot."""
        return self.entity_id.partition(".")[0]

    @property
    def object_id(self) -> str:
        """What stands behind the dot."""
        return self.entity_id.partition(".")[2]

    @property
    def friendly_name(self) -> str | None:
        """The name for people."""
        name = self.attributes.get("friendly_name")
        return name if isinstance(name, str) else None

    # --- what it is --------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state as text."""
        return cast("str", self.raw["state"])

    @property
    def is_unknown(self) -> bool:
        """Whether Home Assistant does not know it."""
        return self.state == UNKNOWN

    @property
    def is_unavailable(self) -> bool:
        """Whether the entity cannot be reached."""
        return self.state == UNAVAILABLE

    @property
    def value(self) -> V | None:
        """The state as a value; ``None``: it is unknown or unavailable.

        Raises:
            StateConversionError: the text says something else.
        """
        return self._keep("value", self._value)

    def read(self, text: str) -> V:
        """The value of a state that is neither unknown nor unavailable; ``ValueError``: the text is none."""
        return cast("V", type(self)._reader(text))  # noqa: SLF001 - of its own class

    @property
    def attributes(self) -> A:
        """The attributes: a mapping with typed properties."""
        return self._keep("attributes", self._attributes)

    # --- since when, and why -----------------------------------------------------------------------------------------

    @property
    def last_changed(self) -> ZonedDateTime | None:
        """When the state became another, in UTC."""
        return self._moment("last_changed")

    @property
    def last_updated(self) -> ZonedDateTime | None:
        """When the state or its attributes became others, in UTC."""
        return self._moment("last_updated")

    @property
    def last_reported(self) -> ZonedDateTime | None:
        """When the entity last told its state, the same or not, in UTC."""
        return self._moment("last_reported")

    @property
    def context(self) -> HassContext:
        """What it is due to."""
        return self._keep("context", self._context)

    # --- as an object ------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, State) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.entity_id, self.state, self.raw.get("last_updated")))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.entity_id}={self.state!r}>"

    def __reduce__(self) -> tuple[type[State[V, A]], tuple[RawState]]:
        return type(self), (self.raw,)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"{name!r} of {self!r} cannot be set: states do not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"{name!r} of {self!r} cannot be deleted: states do not change")

    # --- inside ------------------------------------------------------------------------------------------------------

    def _keep(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once; threads that are there together may make it twice, and it is the same."""
        kept = self._kept
        if name not in kept:
            kept[name] = make()
        return cast("T", kept[name])

    def _value(self) -> V | None:
        if self.state in {UNKNOWN, UNAVAILABLE}:
            return None
        try:
            return self.read(self.state)
        except ValueError as error:
            raise StateConversionError(self.entity_id, self.state, type(self).__name__) from error

    def _attributes(self) -> A:
        found = self.raw.get("attributes")
        return cast("A", self._attributes_class(found if isinstance(found, Mapping) else {}))

    def _context(self) -> HassContext:
        try:
            return hass_context(self.raw["context"])
        except (KeyError, TypeError):
            return HassContext("")

    def _moment(self, name: str) -> ZonedDateTime | None:
        return self._keep(name, lambda: moment_in(self.raw, name))


AnyState: TypeAlias = State[Any, Any]


@overload
def state_of(raw: RawState, kind: None = None) -> AnyState: ...
@overload
def state_of(raw: RawState, kind: type[S]) -> S: ...
def state_of(raw: RawState, kind: type[AnyState] | None = None) -> AnyState:
    """What Home Assistant sent as an object of ``kind``; without, or with ``State``, of the class for its domain.

    Raises:
        ValueError: ``kind`` is the class of another domain.
    """
    domain = raw["entity_id"].partition(".")[0]
    if kind is None or kind is State:
        return (class_of(domain) or State)(raw)
    wanted = domain_of(kind)
    if wanted is not None and wanted != domain:
        raise ValueError(f"{kind.__name__} is for the domain {wanted!r}, and {raw['entity_id']!r} is of another")
    return kind(raw)


def domain_of(kind: type[AnyState]) -> str | None:
    """The domain that a class is for; ``None``: for any."""
    domain: object = getattr(kind, "domain", None)
    return domain if isinstance(domain, str) else None


def _take_arguments(cls: type[AnyState]) -> None:
    """Let the type arguments say how text is read, and which class the attributes have.

    Raises:
        TypeError: nobody knows how a value of that type is read, and the class does not override ``read``.
    """
    base = next((each for each in vars(cls).get("__orig_bases__", ()) if get_origin(each) is State), None)
    if base is None:
        return
    value, attributes = get_args(base)
    attributes = getattr(attributes, "__bound__", attributes)
    if isinstance(attributes, type):
        cls._attributes_class = attributes
    if value in READERS:
        cls._reader = READERS[value]
    elif cls.read is State.read and isinstance(value, type):
        raise TypeError(f"{cls.__name__} must override read(): there is no one way to read {value.__name__} from text")
