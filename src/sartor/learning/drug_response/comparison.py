"""Every learner in every split, the choice among them made by an inner holdout of the same kind as the split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sartor.learning.drug_response.learners import DrugLearner
from sartor.learning.drug_response.measures import Scores, scores, within_drugs
from sartor.learning.drug_response.responses import Floats, Ints, Responses, Split, parts
from sartor.learning.stages import Choice

PIPELINE = "pipeline"
INNER_PARTS = 4
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Compared:
    """All learners in one split.

    predicted: (c, d) out of fold by name, the pipeline among them; NaN where never predicted.
    fold:      (c, d) the test fold of each pair, -1 where it was not tested.
    skipped:   why a learner was left out, by name (a key of the wording).
    """

    split: Split
    fold: Ints
    predicted: dict[str, Floats]
    scores: dict[str, Scores]
    choices: tuple[Choice, ...]
    chosen_in_fold: tuple[str, ...]
    skipped: dict[str, str]


def compare(
    responses: Responses,
    split: Split,
    candidates: Sequence[DrugLearner],
    *,
    folds: int,
    seed: int,
    in_time: Callable[[], bool] = lambda: True,
    progress: Callable[[str], None] = lambda _: None,
) -> Compared | None:
    """Fit each candidate in each fold; raises TooFewData where the split is impossible.

    `in_time` is asked before each fold and may end the comparison: the folds made until then count, None without any.
    """
    new_drugs = split in (Split.NEW_DRUG, Split.BOTH)
    skipped = {each.name: why for each in candidates if (why := each.lacks(responses, new_drugs=new_drugs))}
    able = [each for each in candidates if each.name not in skipped]
    fold_of = np.full(responses.values.shape, -1, dtype=np.int64)
    predicted = {name: np.full(responses.values.shape, np.nan) for name in (PIPELINE, *(each.name for each in able))}
    choices: list[Choice] = []
    chosen: list[str] = []
    for fold, (train, test) in enumerate(parts(responses, split, folds, seed)):
        if not in_time():
            break
        progress(f"{split.value}, fold {fold + 1} of {folds}")
        training = responses.hidden_but(train)
        taken, made = _choose(training, split, able, seed=seed + 1 + fold, fold=fold)
        for each in able:
            predicted[each.name][test] = each.predict(training, seed=seed)[test]
        predicted[PIPELINE][test] = predicted[taken][test]
        fold_of[test] = fold
        choices += made
        chosen.append(taken)
    if not chosen:
        return None
    found = {name: scores(responses.values, table, fold_of) for name, table in predicted.items()}
    return Compared(split, fold_of, predicted, found, tuple(choices), tuple(chosen), skipped)


def _choose(
    training: Responses, split: Split, able: Sequence[DrugLearner], *, seed: int, fold: int
) -> tuple[str, list[Choice]]:
    """Simplest first, by correlation within drugs on one inner holdout, with the whole 95 % interval of the gain."""
    inner, held = next(iter(parts(training, split, INNER_PARTS, seed)))
    seen = training.hidden_but(inner)
    said = {each.name: each.predict(seen, seed=seed) for each in able}
    found = {name: within_drugs(training.values, table, held) for name, table in said.items()}
    incumbent, made = able[0], []
    for level in sorted({each.complexity for each in able}):
        rivals = [each for each in able if each.complexity == level and each.name != incumbent.name]
        if not rivals:
            continue
        rival = max(rivals, key=lambda each: _mean(found[each.name]))
        gain, low, high = _gain(found[incumbent.name], found[rival.name], seed)
        made.append(Choice(rival.name, incumbent.name, gain, low, high, accepted=low > 0, fold=fold))
        incumbent = rival if low > 0 else incumbent
    return incumbent.name, made


def _mean(each: Floats) -> float:
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else -1.0


def _gain(old: Floats, new: Floats, seed: int) -> tuple[float, float, float]:
    """Mean difference over drugs with its 95 % interval."""
    each = new - old
    each = each[~np.isnan(each)]
    if len(each) < 2:
        return 0.0, -1.0, 1.0
    generator = np.random.default_rng(seed)
    drawn = each[generator.integers(0, len(each), size=(RESAMPLES, len(each)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(each.mean()), float(low), float(high)


def all_splits(
    responses: Responses,
    splits: Sequence[Split],
    candidates: Sequence[DrugLearner],
    *,
    folds: int,
    seed: int,
    budget_s: float | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Compared, ...]:
    """One comparison per split, in the order given; the first fold of the first is made whatever the budget."""
    in_time = within(budget_s, clock)
    found = (
        compare(responses, split, candidates, folds=folds, seed=seed, in_time=in_time, progress=progress)
        for split in splits
    )
    return tuple(each for each in found if each is not None)


def within(budget_s: float | None, clock: Callable[[], float]) -> Callable[[], bool]:
    """Whether one more step, as long as the longest so far, fits into nine tenths of the budget; the first does."""
    began = last = clock()
    longest = 0.0
    steps = 0

    def in_time() -> bool:
        nonlocal last, longest, steps
        now = clock()
        longest, last, steps = max(longest, now - last), now, steps + 1
        return budget_s is None or steps == 1 or now - began + longest <= 0.9 * budget_s

    return in_time
