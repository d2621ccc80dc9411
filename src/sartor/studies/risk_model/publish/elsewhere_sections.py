"""Beyond the cohort: other sites, later patients, what a genotype adds, how the model is kept up, where it stops."""

from __future__ import annotations

from sartor.domain.document import Figure, Paragraph, Section, TableBlock
from sartor.domain.validation import TEMPORAL, Measure
from sartor.studies.risk_model.publish.accuracy_sections import calibration_figure
from sartor.studies.risk_model.publish.telling import (
    Told,
    interval,
    lead,
    name_of,
    say,
    shares,
    short,
    table,
    worded,
)

AT_SITES = ("calibration_slope", "calibration_intercept", "observed_expected", "ici", "brier", "integrated_brier",
            "mae", "abstained_share")  # fmt: skip
GENOTYPE = "with genotype against without"
DIGEST = 16
Blocks = list[Paragraph | TableBlock | Figure]


def elsewhere(told: Told) -> Section:
    """External and temporal validation."""
    blocks: Blocks = []
    places = [f"external:{site.name}" for site in told.prepared.sites]
    if not places:
        blocks.append(lead(worded("sites.none"), tone="warning"))
    else:
        blocks += [lead(worded("sites.lead")), _sites(told, places)]
        for place in places:
            curve = told.curve("calibration", where=place)
            if curve is not None:
                title = say("figure.calibration_site", site=place.removeprefix("external:"))
                blocks.append(calibration_figure(curve, title, told))
    blocks.append(lead(worded("temporal.done" if told.where == TEMPORAL else "temporal.none")))
    return Section(anchor="elsewhere", heading=worded("heading.elsewhere"), blocks=tuple(blocks))


def _sites(told: Told, places: list[str]) -> TableBlock:
    names = [name for name in AT_SITES if any(told.measure(name, where=place) for place in places)]
    rows = [_site_row(told, told.where, say("this_cohort"), names)]
    rows += [_site_row(told, place, place.removeprefix("external:"), names) for place in places]
    headings = (say("column.site"), say("column.rows"), name_of(told.metric), *map(name_of, names))
    return TableBlock(title=say("table.sites"), headings=headings, rows=tuple(rows), emphasis=(0,))


def _site_row(told: Told, place: str, label: str, names: list[str]) -> tuple[str, ...]:
    first = told.measure(told.metric, where=place)
    found = [(name, told.measure(name, where=place)) for name in names]
    cells = [shares(m) if name.endswith("_share") else interval(m) for name, m in found]
    return (label, f"{first.n:,}" if first else "–", interval(first), *cells)


def added_value(told: Told) -> Section | None:
    """What the genotype adds to the other inputs, on the same patients; None where that was not asked."""
    found = [m for m in told.validation.measures if m.candidate == GENOTYPE]
    if not found:
        return None
    rows = [(_named(m), interval(m), f"{m.n:,}") for m in found]
    blocks = (lead(worded("added.lead")), table("added", ("measure", "value", "rows"), rows))
    return Section(anchor="added", heading=worded("heading.added"), blocks=blocks)


def _named(measure: Measure) -> str:
    return name_of(measure.name) + ("" if measure.at is None else f", {short(measure.at)}")


def upkeep(told: Told) -> Section:
    """Sample size, how the model is watched, and the written plan of its updates."""
    blocks: Blocks = []
    size = next((check for check in told.validation.checks if check.name == "sample_size"), None)
    if size is None:
        blocks.append(lead(worded("size.none")))
    else:
        key = "size.enough" if size.passed else "size.short"
        counted = {name: _count(size.values.get(name)) for name in ("n", "needed", "parameters")}
        blocks.append(lead(worded(key, **counted), tone="plain" if size.passed else "warning"))
        blocks.append(
            table("size", ("question", "detail"), [(told.check_name("sample_size"), size.detail)], folded=True)
        )
    blocks.append(lead(worded("update.lead"), worded("update.watch"), worded("update.keep")))
    return Section(anchor="upkeep", heading=worded("heading.upkeep"), blocks=tuple(blocks))


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"


def limits(told: Told) -> Section:
    """What the numbers do not show."""
    said = [worded("limits.association"), worded("limits.population"), worded("limits.intervals")]
    if not told.prepared.sites:
        said.append(worded("limits.one_cohort"))
    resamples = told.validation.facts.get("resamples")
    if resamples:
        said.append(worded("limits.resamples", resamples=str(resamples)))
    skipped = [each.name for each in told.fitted.candidates if each.status != "fitted"]
    if skipped:
        said.append(worded("limits.skipped", names=[name.replace("_", " ") for name in skipped]))
    return Section(anchor="limits", heading=worded("heading.limits"), blocks=(Paragraph(said=tuple(said)),))


def provenance(told: Told) -> Section:
    """What it was made from: inputs with digests, seed, time, versions."""
    rows = [
        (each.path.rsplit("/", 1)[-1], each.kind, f"{each.size:,}", f"{each.sha256[:DIGEST]}…")
        for each in told.prepared.inputs
    ]
    blocks: Blocks = [table("inputs", ("file", "kind", "bytes", "digest"), rows)] if rows else []
    cpu = sum(each.cpu_s for each in told.fitted.candidates)
    budget = told.prepared.budget_s
    values = {"seed": str(told.prepared.seed), "cpu": f"{cpu:.0f}", "made": told.around.now[:16].replace("T", " ")}
    key = "made.with_budget" if budget else "made.plain"
    blocks.insert(0, lead(worded(key, **values, **({"budget": f"{budget:.0f}"} if budget else {}))))
    return Section(anchor="provenance", heading=worded("heading.provenance"), blocks=tuple(blocks))
