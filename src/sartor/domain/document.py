"""What a study's report shows, before it is drawn: sections of sentences, tables and figures."""

from __future__ import annotations

from typing import Literal

from sartor.domain.code import Frozen
from sartor.domain.explanation import Wording


class Series(Frozen):
    """One series of a figure; `low` and `high` are its interval or band (empty for none).

    name: label in the legend. labels: categories on the axis, for bars, forests and heat maps.
    z:    heat map only, rows × columns. style: "line", "points", "step", "reference" (thin, dashed).
    """

    name: str
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    z: tuple[tuple[float, ...], ...] = ()
    style: str = "line"


class Figure(Frozen):
    """One plot: `alt` says in words what it shows; titles and axis labels are already worded."""

    kind: Literal["line", "bar", "forest", "scatter", "heatmap", "histogram"]
    title: str
    alt: str
    x_label: str = ""
    y_label: str = ""
    series: tuple[Series, ...]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


class TableBlock(Frozen):
    """One table: cells are ready text; `emphasis` are the indices of rows to show in bold."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    emphasis: tuple[int, ...] = ()
    note: str = ""
    folded: bool = False


class Paragraph(Frozen):
    """Sentences said one after another; `tone` is "plain", "good", "warning" or "stop"."""

    said: tuple[Wording, ...]
    tone: str = "plain"


class Section(Frozen):
    """One section: an anchor, a heading and what stands under it, in order."""

    anchor: str
    heading: Wording
    blocks: tuple[Paragraph | TableBlock | Figure, ...] = ()


class Document(Frozen):
    """A whole report: title, one-line verdict for the hurried reader, sections."""

    title: str
    verdict: tuple[Wording, ...] = ()
    sections: tuple[Section, ...]
