"""The names that users find in ``P``, ``C``, ``A`` and ``D``."""

from types import ModuleType

import pytest

from duly.bus import accessors, conditions, dependencies, predicates

SIDES = ("old", "new", "old_new")
PREDICATES = """
    AllOf AnyOf Not Guard ValueIs DidChange IsPresent IsMissing StateFrom StateTo StateComparison StateDidChange
    AttrFrom AttrTo AttrComparison AttrDidChange DomainMatches EntityMatches ServiceMatches ServiceDataWhere ANY_VALUE
"""
CONDITIONS = """
    Glob StartsWith EndsWith Contains Regex Present Missing IsNone IsNotNone IsIn NotIn Intersects NotIntersects
    IsOrContains Comparison Increased Decreased
"""
ACCESSORS = """
    get_path get_domain get_entity_id get_context get_service get_service_data get_service_data_key get_all_changes
"""
DEPENDENCIES = """
    StateNew StateOld MaybeStateNew MaybeStateOld TypedStateChangeEvent EntityId Domain MaybeEntityId MaybeDomain
    EventContext EventData
"""
OF_STATES = [
    f"get_{name}_{side}" for name in ("state_value", "state_object", "attr", "attrs", "all_attrs") for side in SIDES
]
BASES = {"EventPredicate", "Condition", "Accessor", "TypedStateChangeData"}
"""For filters of one's own, and for annotations."""


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (predicates, PREDICATES.split()),
        (conditions, CONDITIONS.split()),
        (accessors, [*ACCESSORS.split(), *OF_STATES]),
        (dependencies, DEPENDENCIES.split()),
    ],
)
def test_these_names_are_public_and_no_others(module: ModuleType, names: list[str]) -> None:
    assert set(module.__all__) - BASES == set(names)
    assert all(hasattr(module, name) for name in module.__all__)
