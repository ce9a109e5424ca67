"""YAML, read so that every mistake is told with its place: syntax, tags, a key that is written twice."""

from __future__ import annotations

import re
from typing import Any, Final

from yaml import CSafeLoader, MappingNode, MarkedYAMLError, Node, ScalarNode, YAMLError
from yaml.composer import Composer
from yaml.reader import ReaderError

_LONGEST_SHOWN: Final = 60
_BARE_ASTERISK: Final = re.compile(r":\s+\*[\s/]")


class YamlError(ValueError):
    """A text that is no YAML, or more than plain data."""


class _Loader(Composer, CSafeLoader):
    """The scanner of libyaml with the composer in Python: nesting that is too deep is an error, not the end."""

    def __init__(self, text: str) -> None:
        CSafeLoader.__init__(self, text)
        Composer.__init__(self)

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - as PyYAML has it
        """A value; PyYAML says neither where one is wrong, nor always that it is."""
        try:
            return super().construct_object(node, deep)
        except YamlError:
            raise
        except (ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
            place, kind = node.start_mark, node.tag.rpartition(":")[2]
            shown = repr(node.value)[:_LONGEST_SHOWN]
            raise YamlError(f"line {place.line + 1}, column {place.column + 1}: no {kind}: {shown}: {error}") from None

    def compose_mapping_node(self, anchor: dict[Any, Node] | None) -> MappingNode:
        """A mapping; a key that is written twice is refused."""
        node: MappingNode = super().compose_mapping_node(anchor)  # type: ignore[arg-type]  # it may be None
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                line = key.start_mark.line + 1
                earlier = seen.get((key.tag, key.value))
                if earlier is not None:
                    raise YamlError(f"line {line}: duplicate key '{key.value}', line {earlier} has it already")
                seen[key.tag, key.value] = line
        return node


def read_yaml(text: str) -> object:
    """What a text says: plain data, dates among it.

    Raises:
        YamlError: it is no YAML; says where and why.
    """
    try:
        return _Loader(text).get_single_data()
    except MarkedYAMLError as error:
        raise YamlError(_text(error, text)) from None
    except ReaderError as error:
        raise YamlError(_unreadable(error, text)) from None
    except RecursionError:
        raise YamlError("lists and mappings are too deep") from None
    except (YAMLError, UnicodeEncodeError) as error:
        raise YamlError(str(error)) from None


def _text(error: MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    what = "; ".join(filter(None, (error.context, error.problem)))
    if mark is None:
        return what
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = ": put in quotes what begins with *" if _BARE_ASTERISK.search(line) else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}{hint}"


def _unreadable(error: ReaderError, text: str) -> str:
    line = text.encode(errors="surrogatepass")[: error.position].count(b"\n") + 1
    return f"line {line}: {error.reason}: {error.character!r}"
