"""Genes that a medicine's guideline asks for and that were not tested: whether they could change the advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from sartor.capabilities.pharmacogenomics.assess import lookup
from sartor.capabilities.pharmacogenomics.assess.lookup import Outcome, State
from sartor.capabilities.pharmacogenomics.tables.guidelines import NO_RESULT, GuidelineSet, Recommendation
from sartor.domain.finding import Action, ActionKind
from sartor.domain.genome import GeneCall

_NOTHING_TO_DO = (ActionKind.STANDARD, ActionKind.NONE)
_UNKNOWN_KEYS = (NO_RESULT, lookup.INDETERMINATE)


def untested(genes: Sequence[str], calls: Mapping[str, GeneCall]) -> tuple[str, ...]:
    """The genes without a result, where another one has a result."""
    without = tuple(gene for gene in genes if not lookup.is_determined(calls.get(gene)))
    return without if len(without) < len(genes) else ()


def siblings_untested(
    guidelines: GuidelineSet, drug: str, genes: Sequence[str], calls: Mapping[str, GeneCall]
) -> tuple[str, ...]:
    """Untested genes of the publisher's other guidelines on the medicine that could call for more than usual use."""
    rows = [row for each in guidelines.guidelines if drug in each.drugs for row in guidelines.of(drug, each)]
    others = dict.fromkeys(gene for row in rows if _demands(row) for gene in row.keys if gene not in genes)
    return tuple(gene for gene in others if not lookup.is_determined(calls.get(gene)))


def could_change(
    rows: Sequence[Recommendation], found: Sequence[Outcome], row: Recommendation, genes: Sequence[str]
) -> bool:
    """Whether any possible result of the genes, the others being as they are, leads to a row that asks for more."""
    possible = [_possible(rows, gene) for gene in genes]
    for outcome in found:
        known = [state for state in outcome.states if state.gene not in genes]
        for combination in product(*possible):
            other = lookup.find(rows, [*known, *combination])
            if other is not None and other.reading_id != row.reading_id and _demands(other):
                return True
    return False


def _possible(rows: Sequence[Recommendation], gene: str) -> list[State]:
    keys = dict.fromkeys(row.keys[gene] for row in rows if gene in row.keys)
    return [State(gene, {key: 1}) for key in keys if key not in _UNKNOWN_KEYS]


def _demands(row: Recommendation) -> bool:
    return row.reading["kind"] not in _NOTHING_TO_DO


def behind_test(action: Action) -> Action:
    """The action while a gene that could change it is untested: what asks for nothing waits for the test."""
    if action.kind not in _NOTHING_TO_DO:
        return action
    also = (ActionKind.STANDARD,) if action.kind is ActionKind.STANDARD else ()
    return action.model_copy(update={"kind": ActionKind.TEST_FIRST, "also": (*also, *action.also)})
