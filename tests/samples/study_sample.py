"""A document with every kind of block and figure, with intervals and reference lines, as any study may hand in."""

from __future__ import annotations

import math

from sartor.domain.document import Document, Figure, Paragraph, Section, Series, TableBlock
from sartor.domain.explanation import Wording


def said(text: str) -> Wording:
    return Wording(key=text)


def figures() -> tuple[Figure, ...]:
    grid = tuple(k / 10 for k in range(11))
    band = tuple(max(0.0, x - 0.08) for x in grid), tuple(min(1.0, x + 0.08) for x in grid)
    names = ("Logistic regression", "Random forest", "LightGBM")
    ideal = Series(name="ideal", x=(0.0, 1.0), y=(0.0, 1.0), style="reference")
    curve = Series(name="observed", x=grid, y=tuple(x**1.1 for x in grid), low=band[0], high=band[1])
    survival = Series(name="low risk", x=(0.0, 1.0, 3.0, 7.0), y=(1.0, 0.9, 0.7, 0.65), style="step",
                      low=(1.0, 0.85, 0.6, 0.5), high=(1.0, 0.95, 0.8, 0.75))  # fmt: skip
    risk = Series(name="high risk", x=(0.0, 2.0, 4.0, 7.0), y=(1.0, 0.7, 0.4, 0.2), style="step")
    scores = Series(name="AUC", labels=names, x=(0.78, 0.8, 0.79), y=(3.0, 2.0, 1.0), low=(0.75, 0.77, 0.76),
                    high=(0.81, 0.83, 0.82))  # fmt: skip
    chance = Series(name="chance", x=(0.5,), style="reference")
    bars = Series(name="share", labels=("age", "systolic blood pressure"), y=(0.4, -0.2), low=(0.3, -0.3),
                  high=(0.5, -0.1))  # fmt: skip
    dots = Series(name="patients", x=tuple(math.cos(k) for k in range(60)), y=tuple(math.sin(k) for k in range(60)),
                  style="points")  # fmt: skip
    marked = Series(name="groups", x=(0.1, 0.5, 0.9), y=(0.2, 0.45, 0.8), low=(0.1, 0.3, 0.6), high=(0.3, 0.6, 0.95),
                    style="points")  # fmt: skip
    map_ = Series(name="r", labels=("A", "B"), z=((1.0, -0.4), (-0.4, 1.0)))
    wide = Series(name="r", labels=("A", "B", "first marker", "second marker", "third"),
                  z=((0.1, 0.4, 0.9), (0.2, float("nan"), 0.5)))  # fmt: skip
    values = Series(name="without", x=tuple((k * 37 % 101) / 100 for k in range(200)))
    more = Series(name="with", x=tuple((k * 53 % 101) / 200 + 0.4 for k in range(200)))
    cut = Series(name="threshold", x=(0.5,), style="reference")
    counted = Series(name="rows", x=(0.0, 0.25, 0.5, 0.75), y=(4.0, 9.0, 3.0, 1.0))
    alt = "What it shows, in words."
    return (
        Figure(kind="line", title="Calibration", alt=alt, x_label="Predicted", y_label="Observed",
               series=(curve, ideal), x_range=(0, 1), y_range=(0, 1)),
        Figure(kind="line", title="Survival", alt=alt, x_label="Years", y_label="Alive", series=(survival, risk)),
        Figure(kind="forest", title="Candidates", alt=alt, x_label="AUC", series=(scores, chance)),
        Figure(kind="bar", title="Importance", alt=alt, y_label="Share", series=(bars,)),
        Figure(kind="scatter", title="Map", alt=alt, x_label="first", y_label="second", series=(dots, marked)),
        Figure(kind="heatmap", title="Correlation", alt=alt, series=(map_,)),
        Figure(kind="heatmap", title="Markers", alt=alt, series=(wide,)),
        Figure(kind="histogram", title="Risks", alt=alt, x_label="Risk", y_label="Rows", series=(values, more, cut)),
        Figure(kind="histogram", title="Counts", alt=alt, x_label="Risk", y_label="Rows", series=(counted,)),
    )  # fmt: skip


def document() -> Document:
    table = TableBlock(title="Two rows", headings=("Name", "Value"), rows=(("a", "1"), ("b", "2")), emphasis=(1,),
                       note="A note.")  # fmt: skip
    wide = TableBlock(title="Folded", headings=tuple("abcdef"), rows=(tuple("123456"),) * 3, folded=True)
    first = Section(
        anchor="first",
        heading=said("First"),
        blocks=(
            Paragraph(said=(said("Plain."), said("And more."))),
            Paragraph(said=(said("Good."),), tone="good"),
            Paragraph(said=(said("Take care."),), tone="warning"),
            Paragraph(said=(said("Stop."),), tone="stop"),
            table,
            wide,
        ),
    )
    second = Section(anchor="second", heading=said("Figures"), blocks=figures())
    return Document(
        title="A study", verdict=(said("It does well."), said("Not for children.")), sections=(first, second)
    )
