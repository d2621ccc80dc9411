"""Draws the figures of a study as inline SVG: the same figure gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sartor.domain.document import Figure, Series

# Okabe and Ito's colours, told apart by readers with any common colour blindness (jfly.uni-koeln.de/color), the
# darkest first; the marks differ as well, so that no colour alone carries a meaning.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444", "#8c6d31")
MARKS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: Final = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
INK, SOFT, GRID = "#17222c", "#4b5863", "#d8d6cf"
WIDTH: Final = 7.2
LONGEST_LABEL: Final = 44
MOST_CELL_TEXTS: Final = 150

_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "path",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def draw(figure: Figure) -> str:
    """The figure as one <svg> element, hidden from screen readers: its words stand beside it, in `alt` and a table."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    salt = hashlib.sha256(figure.model_dump_json().encode()).hexdigest()[:12]
    style: Any = {**_STYLE, "svg.hashsalt": salt}
    with mpl.rc_context(style):
        canvas = Canvas(figsize=(WIDTH, _height(figure)), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.add_subplot()
        _DRAWN[figure.kind](axes, figure)
        _furnish(axes, figure)
        written = io.StringIO()
        canvas.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(written.getvalue(), salt)


def rows_of(figure: Figure) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of the table that gives a figure's numbers to whoever cannot see it, or wants to copy them."""
    if figure.kind == "heatmap":
        series = figure.series[0]
        columns = _columns_of(series)
        shown = [(label, *(_number(v) for v in row)) for label, row in zip(_rows_labels(series), series.z, strict=True)]
        return ("", *columns), shown
    banded = any(series.low for series in figure.series)
    labelled = any(series.labels for series in figure.series)
    several = len(figure.series) > 1
    head = (figure.y_label or "Value") if not labelled else (figure.x_label or figure.y_label or "Value")
    headings = [*(["Series"] if several else []), "Category" if labelled else figure.x_label or "x", head]
    headings += ["Lower", "Upper"] if banded else []
    rows = [
        (*((series.name,) if several else ()), *row)
        for series in figure.series
        if series.style != "reference"
        for row in _series_rows(series, banded, along_x=figure.kind == "forest")
    ]
    return tuple(headings), rows


def _series_rows(series: Series, banded: bool, *, along_x: bool = False) -> list[tuple[str, ...]]:
    """along_x: the values lie in `x`, and `y` holds only places (forests)."""
    if not series.y and not series.labels:
        told = np.asarray(series.x, float)
        counts, edges = np.histogram(told[np.isfinite(told)], bins=10)
        pairs = zip(edges[:-1], edges[1:], counts, strict=True)
        return [(f"{low:.4g} – {high:.4g}", str(count)) for low, high, count in pairs]
    values = _values(series, along_x=along_x) if series.labels else series.y
    first = series.labels or tuple(_number(value) for value in series.x)
    limits = (
        [tuple(_number(v) for v in pair) for pair in zip(series.low, series.high, strict=True)]
        if series.low
        else [("", "")] * len(values)
    )
    return [
        (label, _number(value), *(limit if banded else ()))
        for label, value, limit in zip(first, values, limits, strict=False)
    ]


def _number(value: float) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.4g}"


def _values(series: Series, *, along_x: bool = False) -> tuple[float, ...]:
    """What a labelled series shows: bars stand in `y`, or in `x` where that is all there is; forests lie along `x`."""
    return (series.x or series.y) if along_x else (series.y or series.x)


def _height(figure: Figure) -> float:
    labels = max((len(series.labels) for series in figure.series), default=0)
    if figure.kind == "forest":
        return max(2.1, 1.2 + 0.34 * labels * max(1, _drawn_series(figure)))
    if figure.kind == "bar" and _lying(figure):
        return max(1.8, 0.9 + 0.3 * labels * max(1, 0.75 * _drawn_series(figure)))
    if figure.kind == "heatmap":
        return max(2.4, min(8.0, 1.2 + 0.36 * len(figure.series[0].z)))
    return 3.9


def _drawn_series(figure: Figure) -> int:
    return sum(series.style != "reference" for series in figure.series)


def _furnish(axes: Any, figure: Figure) -> None:
    lying = figure.kind == "forest" or (figure.kind == "bar" and _lying(figure))
    axes.set_xlabel(figure.x_label or (figure.y_label if lying else ""))
    axes.set_ylabel("" if lying else figure.y_label)
    if figure.x_range is not None:
        axes.set_xlim(*figure.x_range)
    if figure.y_range is not None and not lying:
        axes.set_ylim(*figure.y_range)
    if figure.kind not in ("heatmap",):
        axes.grid(True, axis="x" if lying else "y" if figure.kind in ("bar", "histogram") else "both", color=GRID,
                  linewidth=0.6)  # fmt: skip
        axes.set_axisbelow(True)
    handles, named = axes.get_legend_handles_labels()
    if len(set(named)) > 1:
        columns = min(3, len(named)) if max(map(len, named)) < 30 else 1
        axes.figure.legend(handles, named, loc="outside lower center", ncols=columns, fontsize=8.5)


def _line(axes: Any, figure: Figure) -> None:
    colour = 0
    for series in figure.series:
        if series.style == "reference":
            axes.plot(series.x, series.y, color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), label=series.name, zorder=1)
            continue
        ink, mark, dash = COLOURS[colour % 8], MARKS[colour % 8], DASHES[colour % len(DASHES)]
        step = "post" if series.style == "step" else None
        if series.low and series.style != "points":
            axes.fill_between(series.x, series.low, series.high, color=ink, alpha=0.16, linewidth=0, step=step)
        if series.style == "points":
            _points(axes, series, ink, mark)
        elif step:
            axes.step(series.x, series.y, where="post", color=ink, linestyle=dash, label=series.name)
        else:
            few = len(series.x) <= 15
            axes.plot(series.x, series.y, color=ink, linestyle=dash, marker=mark if few else None, markersize=4,
                      label=series.name)  # fmt: skip
        colour += 1


def _points(axes: Any, series: Series, ink: str, mark: str) -> None:
    many = len(series.x) > 300
    if series.low:
        _errors(axes, series.x, series.y, series, ink, mark, upright=True)
        return
    axes.plot(series.x, series.y, linestyle="", marker=mark, color=ink, markersize=2.5 if many else 5,
              alpha=0.5 if many else 0.9, markeredgewidth=0, label=series.name, rasterized=False)  # fmt: skip


def _errors(axes: Any, x: Any, y: Any, series: Series, ink: str, mark: str, *, upright: bool) -> None:
    middle = np.asarray(y if upright else x, dtype=float)
    apart = np.vstack([middle - np.asarray(series.low, float), np.asarray(series.high, float) - middle])
    apart = np.where(np.isfinite(apart), np.clip(apart, 0, None), 0)
    axes.errorbar(x, y, **{"yerr" if upright else "xerr": apart}, fmt=mark, color=ink, markersize=5, linewidth=1.5,
                  capsize=2.5, label=series.name)  # fmt: skip


def _scatter(axes: Any, figure: Figure) -> None:
    colour = 0
    for series in figure.series:
        if series.style == "reference":
            axes.plot(series.x, series.y, color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), label=series.name)
            continue
        if series.style == "line":
            series = series.model_copy(update={"style": "points"})
        _points(axes, series, COLOURS[colour % 8], MARKS[colour % 8])
        colour += 1


def _forest(axes: Any, figure: Figure) -> None:
    """Estimates with intervals lie along x, the first label on top; a reference series gives upright lines."""
    drawn = [series for series in figure.series if series.style != "reference"]
    labels = drawn[0].labels if drawn else ()
    for index, series in enumerate(drawn):
        shift = (index - (len(drawn) - 1) / 2) * 0.8 / max(1, len(drawn))
        place = np.array([labels.index(each) if each in labels else k for k, each in enumerate(series.labels)])
        values = series.x or series.y
        ink, mark = COLOURS[index % 8], MARKS[index % 8]
        if series.low:
            _errors(axes, np.asarray(values, float), place + shift, series, ink, mark, upright=False)
        else:
            axes.plot(values, place + shift, linestyle="", marker=mark, color=ink, label=series.name)
    for series in figure.series:
        if series.style == "reference" and series.x:
            axes.axvline(series.x[0], color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1, label=series.name)
    _side_labels(axes, labels)


def _side_labels(axes: Any, labels: tuple[str, ...]) -> None:
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def _lying(figure: Figure) -> bool:
    """Bars lie when their labels are long or many; else they stand."""
    labels = [label for series in figure.series for label in series.labels]
    count = max((len(series.labels) for series in figure.series), default=0)
    return bool(labels) and (max(map(len, labels)) > 9 or count > 8)


def _bar(axes: Any, figure: Figure) -> None:
    drawn = [series for series in figure.series if series.style != "reference"]
    labels = drawn[0].labels if drawn else ()
    lying, width = _lying(figure), 0.78 / max(1, len(drawn))
    for index, series in enumerate(drawn):
        values = np.asarray(_values(series), float)
        place = np.arange(len(values)) + (index - (len(drawn) - 1) / 2) * width if labels else np.asarray(series.x)
        apart = None
        if series.low:
            apart = np.clip(np.vstack([values - np.asarray(series.low), np.asarray(series.high) - values]), 0, None)
        bars = axes.barh if lying else axes.bar
        limits = {"xerr" if lying else "yerr": apart} if apart is not None else {}
        bars(place, values, width, color=COLOURS[index % 8], label=series.name, ecolor=INK, capsize=2, **limits)
    for series in figure.series:
        if series.style == "reference":
            value = (series.x or series.y)[0]
            (axes.axvline if lying else axes.axhline)(value, color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)))
    if labels and lying:
        _side_labels(axes, labels)
    elif labels:
        axes.set_xticks(range(len(labels)), [_short(label) for label in labels])


def _histogram(axes: Any, figure: Figure) -> None:
    """`x` are the values themselves, or with `y` the left edges (or middles) of bins that hold y rows each."""
    several = len(figure.series) > 1
    pooled = np.concatenate([np.asarray(series.x, float) for series in figure.series if not series.y] or [np.empty(0)])
    edges = np.histogram_bin_edges(pooled[np.isfinite(pooled)], bins=30) if pooled.size else None
    colour = 0
    for series in figure.series:
        if series.style == "reference":
            axes.axvline(series.x[0], color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)), label=series.name)
            continue
        ink = COLOURS[colour % 8]
        if series.y:
            places = np.asarray(series.x, float)
            width = float(np.min(np.diff(places))) if len(places) > 1 else 1.0
            axes.bar(places, series.y, width=width, color=ink, alpha=0.55 if several else 0.85, label=series.name)
        else:
            axes.hist(series.x, bins=edges, color=ink, alpha=0.55 if several else 0.85, label=series.name)
        colour += 1


def _rows_labels(series: Series) -> tuple[str, ...]:
    rows = len(series.z)
    return series.labels[:rows] if len(series.labels) >= rows else tuple(str(k + 1) for k in range(rows))


def _columns_of(series: Series) -> tuple[str, ...]:
    """Labels of the columns: those after the rows' labels, or the same where the map is square."""
    rows, columns = len(series.z), len(series.z[0]) if series.z else 0
    if len(series.labels) == rows + columns:
        return series.labels[rows:]
    if rows == columns and len(series.labels) == rows:
        return series.labels
    return tuple(_number(x) for x in series.x) if len(series.x) == columns else tuple(map(str, range(1, columns + 1)))


def _heatmap(axes: Any, figure: Figure) -> None:
    from matplotlib.colors import TwoSlopeNorm

    series = figure.series[0]
    values = np.asarray(series.z, float)
    least, most = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    diverging = least < 0 < most
    limit = max(-least, most)
    how: dict[str, Any] = {"cmap": "RdBu_r", "norm": TwoSlopeNorm(0, -limit, limit)} if diverging else {"cmap": "Blues"}
    edges = np.arange(values.shape[1] + 1) - 0.5, np.arange(values.shape[0] + 1) - 0.5
    cells = axes.pcolormesh(*edges, np.ma.masked_invalid(values), edgecolor="white", linewidth=0.5, **how)
    axes.invert_yaxis()
    rows, columns = _rows_labels(series), _columns_of(series)
    long = max((len(each) for each in columns), default=0) > 6
    axes.set_xticks(range(len(columns)), [_short(each, 24) for each in columns], rotation=40 if long else 0,
                    ha="right" if long else "center")  # fmt: skip
    axes.set_yticks(range(len(rows)), [_short(each) for each in rows])
    axes.tick_params(length=0, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if values.size <= MOST_CELL_TEXTS:
        for row, column in np.ndindex(*values.shape):
            if np.isfinite(values[row, column]):
                strong = abs(values[row, column]) > 0.6 * limit if limit else False
                axes.text(column, row, f"{values[row, column]:.2g}", ha="center", va="center", fontsize=8,
                          color="#ffffff" if strong else INK)  # fmt: skip
        return
    axes.figure.colorbar(cells, ax=axes, shrink=0.85, pad=0.02).solids.set_rasterized(False)


def _short(text: str, most: int = LONGEST_LABEL) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _inline(svg: str, salt: str) -> str:
    """The bare element without XML head: sized by the page, ids apart from those of other figures."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{salt}-", svg)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    svg = _without_inline_styles(svg)
    return re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', _opening, svg, count=1).strip()


def _opening(found: re.Match[str]) -> str:
    return f'<svg viewBox="{found[1]}" xmlns:xlink="http://www.w3.org/1999/xlink" aria-hidden="true" focusable="false">'


def _without_inline_styles(svg: str) -> str:
    """`style="a: b"` as attributes a="b": the page's content policy lets no style attribute through."""

    def attributes(found: re.Match[str]) -> str:
        pairs = (each.split(":", 1) for each in found[1].split(";") if ":" in each)
        return " ".join(f'{name.strip()}="{value.strip()}"' for name, value in pairs)

    return re.sub(r'style="([^"]*)"', attributes, svg)


_DRAWN: Final[dict[str, Callable[[Any, Figure], None]]] = {
    "line": _line,
    "scatter": _scatter,
    "forest": _forest,
    "bar": _bar,
    "histogram": _histogram,
    "heatmap": _heatmap,
}
