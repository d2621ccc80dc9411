"""`sartor pgx`: gene calls of one or many samples as a table, one row per sample and gene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sartor.cli.options import Step, existing, progress
from sartor.errors import ConflictingInputs, UsageError

if TYPE_CHECKING:
    from sartor.domain.cohort import CohortGenotypes
    from sartor.domain.genome import CalledGenome, GeneCall, Genome
    from sartor.domain.provenance import Quarantined
    from sartor.genomics.star_alleles.matching import Rules

    Calls = dict[str, list[GeneCall]]

COLUMNS = (
    "sample", "gene", "diplotypes", "phenotypes", "activity_scores", "phased", "n_missing", "missing",
    "unknown_variants", "source", "notes",
)  # fmt: skip


class RuleSet(StrEnum):
    """Which diplotypes are listed."""

    SARTOR = "sartor"
    PHARMCAT = "pharmcat"


class Options(NamedTuple):
    """How genes are called."""

    rules: Rules
    all_matches: bool
    combinations: bool


def pgx(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT…", help="VCF, BCF, gVCF or consumer array; one or many samples.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="CALLS.tsv", help="Table to write.")],
    outside_calls: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A laboratory's calls (PharmCAT's TSV form) of the one sample.")
    ] = None,
    all_matches: Annotated[
        bool, typer.Option("--all-matches", help="With --rules pharmcat: every match, not only the best.")
    ] = False,
    combinations: Annotated[
        bool, typer.Option("--combinations", help="Where no diplotype fits, combine named alleles and partial ones.")
    ] = False,
    rules: Annotated[
        RuleSet, typer.Option(help="sartor: all that the data leave possible; pharmcat: what PharmCAT 3.1.1 lists.")
    ] = RuleSet.SARTOR,
) -> None:
    """Call every pharmacogene of every sample: diplotypes, phenotypes, activity scores, and what was missing."""
    from sartor.io.tsv import write_rows

    with progress("sartor pgx") as step:
        calls, quarantined = _calls(existing(inputs), Options(rules.value, all_matches, combinations), step)
        if outside_calls is not None:
            calls, bad = _with_outside(calls, existing([outside_calls])[0])
            quarantined += bad
        step("writing")
        n_rows = write_rows(out, COLUMNS, _rows(calls))
    for each in quarantined[:20]:
        typer.echo(f"not used: {each.origin}: {each.reason}", err=True)
    if len(quarantined) > 20:
        typer.echo(f"not used: {len(quarantined) - 20} further records", err=True)
    typer.echo(f"{len(calls)} samples, {n_rows} rows: {out}")


def _calls(paths: Sequence[Path], options: Options, step: Step) -> tuple[Calls, list[Quarantined]]:
    """Every sample's calls. Files that share samples are parts of these people's genomes (one per chromosome)."""
    from sartor.capabilities.pharmacogenomics import card
    from sartor.io.cohort import read_cohorts

    step("reading")
    arrays = [path for path in paths if _is_array(path)]
    genomes = [_read_array(path) for path in arrays]
    cohorts = read_cohorts([path for path in paths if path not in arrays], regions=card.regions)
    calls: Calls = {}
    for genome in genomes:
        step(f"matching {genome.sample}")
        _add(calls, {genome.sample: _call_genome(genome, options)})
    for number, cohort in enumerate(cohorts, 1):
        step(f"matching ({number} of {len(cohorts)})")
        _add(calls, _call_cohort(cohort, options))
    quarantined = [each for genome in genomes for each in genome.quarantined]
    return calls, quarantined + [each for cohort in cohorts for each in cohort.quarantined]


def _is_array(path: Path) -> bool:
    from sartor.io import genotype_array, vcf

    with path.open("rb") as file:
        head = file.read(65536)
    return not vcf.recognises(head, path) and genotype_array.recognises(head, path)


def _read_array(path: Path) -> CalledGenome:
    from sartor.capabilities.pharmacogenomics import card
    from sartor.io import genotype_array

    return genotype_array.read_genome(path, regions=card.regions)


def _add(calls: Calls, more: Calls) -> None:
    if doubled := calls.keys() & more.keys():
        raise ConflictingInputs(
            f"the sample {min(doubled)} stands in files that do not belong together", todo="hand them in one by one"
        )
    calls.update(more)


def _call_genome(genome: Genome, options: Options) -> list[GeneCall]:
    from sartor.capabilities.pharmacogenomics.gather.unread import limits, unread_calls
    from sartor.capabilities.pharmacogenomics.tables.calling import called_by_position
    from sartor.genomics.normalise import call_sites
    from sartor.genomics.star_alleles.possible import gene_call

    called = [
        gene_call(
            each.definition,
            call_sites(genome, each.definition.all_sites, limits=limits()),
            each.phenotypes,
            each.frequencies,
            rules=options.rules,
            all_matches=options.all_matches,
            combinations=options.combinations,
            positions=False,
        )
        for each in called_by_position()
    ]
    return sorted([*called, *unread_calls(genome)], key=lambda call: call.gene)


def _call_cohort(cohort: CohortGenotypes, options: Options) -> Calls:
    from sartor.capabilities.pharmacogenomics.gather.unread import limits, unread_calls_cohort
    from sartor.capabilities.pharmacogenomics.tables.calling import called_by_position
    from sartor.genomics.normalise import cohort_calls
    from sartor.genomics.star_alleles.possible import gene_calls_cohort

    genes = called_by_position()
    sites = cohort_calls(cohort, [site for each in genes for site in each.definition.sites], limits=limits())
    calls: Calls = unread_calls_cohort(cohort)
    for each in genes:
        found = gene_calls_cohort(
            each.definition,
            sites,
            each.phenotypes,
            each.frequencies,
            rules=options.rules,
            all_matches=options.all_matches,
            combinations=options.combinations,
        )
        for sample, call in found.by_sample():
            calls[sample].append(call)
    return {sample: sorted(every, key=lambda call: call.gene) for sample, every in calls.items()}


def _with_outside(calls: Calls, path: Path) -> tuple[Calls, list[Quarantined]]:
    """The calls of the one sample with a laboratory's calls in place of, or beside, our own."""
    from sartor.capabilities.pharmacogenomics.gather.genes import with_outside
    from sartor.io import outside_calls

    if len(calls) != 1:
        raise UsageError(
            f"--outside-calls belongs to one sample and there are {len(calls)}",
            where=str(path),
            todo="call one sample at a time, or use `sartor batch` on a folder of patients",
        )
    outside, bad = outside_calls.read(path)
    return {sample: list(with_outside(found, outside)) for sample, found in calls.items()}, list(bad)


def _rows(calls: Calls) -> Iterator[Sequence[str]]:
    for sample, found in calls.items():
        for call in found:
            yield _row(sample, call)


def _row(sample: str, call: GeneCall) -> tuple[str, ...]:
    listed = [each.label for each in call.diplotypes] or list(call.haplotypes)
    return (
        sample,
        call.gene,
        "|".join(listed),
        "|".join(each.phenotype for each in call.diplotypes) or "|".join(call.phenotypes),
        "|".join("" if score is None else f"{score:g}" for score in _scores(call)),
        call.phased,
        str(call.n_missing),
        "|".join(call.missing),
        "|".join(call.unknown_variants),
        call.source,
        "|".join(_notes(call)),
    )


def _scores(call: GeneCall) -> tuple[float | None, ...]:
    scores = tuple(each.activity_score for each in call.diplotypes) or call.activity_scores
    return scores if any(score is not None for score in scores) else ()


def _notes(call: GeneCall) -> Iterable[str]:
    yield call.status
    if call.input_quality not in ("good", ""):
        yield f"input-{call.input_quality}"
    yield from call.notes
