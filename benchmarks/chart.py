"""The chart: a bar per promise on a logarithmic scale, from 1 (as good as the peer), and a mark where we want to be."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from benchmarks.lines import Line

_LABEL, _PLOT, _VALUE, _BAR, _GAP, _TOP = 480, 420, 70, 12, 8, 44
_COLOURS = {True: "#2f855a", False: "#c05621"}


def svg(lines: Sequence[Line]) -> str:
    """An SVG document that shows every line with a promise and a result."""
    shown = [line for line in lines if line.met is not None]
    scale = _Scale([value for line in shown for value in (line.ratio, line.target) if value])
    height = _TOP + len(shown) * (_BAR + _GAP) + 20
    body = [*_grid(scale, height), *(part for index, line in enumerate(shown) for part in _bar(line, index, scale))]
    width = _LABEL + _PLOT + _VALUE
    head = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"
 font-size="11" role="img" aria-label="Duly beside its peers">
<rect width="{width}" height="{height}" fill="#ffffff"/>
<g fill="#1a202c"><text x="10" y="18" font-size="13" font-weight="bold">Times better than the peer</text>
<text x="10" y="34">a mark where we want to be; green: kept, orange: not kept</text></g>"""
    return "\n".join([head, *body, "</svg>\n"])


class _Scale:
    """Places ratios on the horizontal axis. Immutable."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low = floor(log10(min([1, *values])))
        self.high = max(ceil(log10(max([1, *values]))), self.low + 1)

    def x(self, value: float) -> float:
        return round(_LABEL + (log10(value) - self.low) / (self.high - self.low) * _PLOT, 1)


def _grid(scale: _Scale, height: int) -> list[str]:
    parts = []
    for exponent in range(scale.low, scale.high + 1):
        x = scale.x(10**exponent)
        colour = "#4a5568" if exponent == 0 else "#e2e8f0"
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{height - 10}" stroke="{colour}"/>')
        parts.append(f'<text x="{x}" y="{_TOP - 10}" text-anchor="middle" fill="#4a5568">{10.0**exponent:g}x</text>')
    return parts


def _bar(line: Line, index: int, scale: _Scale) -> list[str]:
    assert line.ratio is not None
    assert line.target is not None
    y = _TOP + index * (_BAR + _GAP)
    one, end, target = scale.x(1), scale.x(line.ratio), scale.x(line.target)
    size = "" if line.size is None else f" {line.size:,}"
    label = escape(f"{line.title}{size}: {line.ours} / {line.peer}")
    base = y + _BAR - 2
    left, length, colour = min(one, end), max(abs(end - one), 1), _COLOURS[bool(line.met)]
    return [
        f'<text x="{_LABEL - 12}" y="{base}" text-anchor="end" fill="#1a202c">{label}</text>',
        f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>',
        f'<line x1="{target}" x2="{target}" y1="{y - 3}" y2="{y + _BAR + 3}" stroke="#1a202c" stroke-width="2"/>',
        f'<text x="{max(end, target, one) + 6}" y="{base}" fill="#1a202c">{line.ratio:.3g}x</text>',
    ]
