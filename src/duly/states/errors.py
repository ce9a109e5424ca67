"""The errors that have to do with Home Assistant; those of the connection are in ``duly.hass.errors``.

DulyError
└── HassError
    ├── HassUnavailableError      the link is not up, was lost while waiting, or is not configured
    ├── HassAuthError             the token is refused
    ├── HassTimeoutError          no answer in time
    ├── HassCommandError          Home Assistant said no
    ├── EntityNotFoundError       there is no such entity
    ├── StatesNotReadyError       no states have been loaded yet
    └── StateConversionError      the text of a state is not what the class of the state makes of it
"""

from duly.core.errors import DulyError


class HassError(DulyError):
    """Something about Home Assistant; never a ``TimeoutError``, so an execution that raises it is an ``error``."""


class EntityNotFoundError(HassError, KeyError):
    """There is no such entity."""

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"there is no entity {entity_id!r}: check the id, and whether Home Assistant has loaded it")
        self.entity_id = entity_id

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show it in quotation marks


class StatesNotReadyError(HassError):
    """No states have been loaded yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"there are no states yet: {reason}")
        self.reason = reason


class StateConversionError(HassError):
    """The text of a state is not what the class of the state makes of it."""

    def __init__(self, entity_id: str, state: str, class_name: str) -> None:
        super().__init__(
            f"{class_name} can make nothing of the state {state!r} of {entity_id}: read .state, which is the text"
        )
        self.entity_id = entity_id
        self.state = state
        self.class_name = class_name
