"""Searches every learner's parameters on training rows alone, keeps every candidate's predictions, and chooses.

Defaults of all learners come first; then trials by Optuna's TPE, dealt to the learners that do best, until each has
had its number of trials or the time is up. A learner that breaks is a failed candidate with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Task
from sartor.learning import metrics
from sartor.learning.choice import Contender, fold_scores, simplest_first
from sartor.learning.encoding import fit_encoder
from sartor.learning.learner import FittedLearner, FloatArray, Learner
from sartor.learning.learners.scale import margins, probabilities
from sartor.learning.learners.stacking import NAME as STACK
from sartor.learning.learners.stacking import FittedStack, JoinedEncoder, Part, Weights, learn_weights
from sartor.learning.recalibrating import learn_recalibration
from sartor.learning.recalibration import Recalibration
from sartor.learning.splits import outer_folds
from sartor.learning.stages import Choice
from sartor.learning.task import Matrix, Target

HOLD_OUT_FROM = 20_000
INNER = 5
PATIENCE = 15
OUT_OF_TIME = "the time was up before its turn in a training part"
LEAST_GAIN = 1e-5
Ints = npt.NDArray[np.int64]
Clock = Callable[[], float]
_ONE_AT_A_TIME = Lock()
"""Networks draw from a generator that the whole process shares; two at once would not be reproducible."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is tried.

    trials:    per learner, beyond the defaults; None: as many as the time allows.
    inner, inner_repeats: folds within the training rows; from 20,000 rows on one quarter is held out instead.
    deadline:  by the clock, when the search ends; None for none.
    last:      by the clock, when no further learner is begun with its defaults (the simplest always is).
    economical: learners that are dear to fit (`costly`, networks) keep their defaults.
    seed, fold: of this training part; fold None for the final choice.
    """

    trials: int | None = 0
    inner: int = INNER
    inner_repeats: int = 1
    deadline: float | None = None
    last: float | None = None
    seed: int = 0
    fold: int | None = None
    scheme: str = "auto"
    stack: bool = True
    economical: bool = False


@dataclass
class Tried:
    """One learner on one training part: the best parameters so far and the predictions that they gave.

    first: the simplest, which is fitted whatever the time.
    """

    learner: Learner
    first: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    predicted: FloatArray | None = None
    score: float = -np.inf
    scores: FloatArray = field(default_factory=lambda: np.empty(0))
    trials: int = 0
    since: int = 0
    last_s: float = 0.0
    wall_s: float = 0.0
    failure: str = ""
    study: Any = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What the search found on one training part."""

    tried: Mapping[str, Tried]
    weights: Weights | None
    chosen: str
    choices: tuple[Choice, ...]
    folds: Ints
    ended: str
    recalibration: Recalibration | None = None
    search_s: float = 0.0


@dataclass
class TrainingPart:
    """Training rows with their inner folds; matrices are made once per encoding and split."""

    cohort: Cohort
    target: Target
    folds: Ints
    matrices: dict[Any, tuple[Matrix, Matrix]] = field(default_factory=dict)

    def split(self, learner: Learner, repeat: int, fold: int) -> tuple[Matrix, Matrix]:
        """Encoded (training, held-out) rows; the encoder sees the former alone."""
        key = (encoding_key(learner), repeat, fold)
        if key not in self.matrices:
            inside = np.flatnonzero(self.folds[repeat] != fold)
            outside = np.flatnonzero(self.folds[repeat] == fold)
            encoder = encoder_for(learner, self.cohort.take(inside), self.target.take(inside))
            self.matrices[key] = (
                encoder.apply(self.cohort.take(inside)),
                encoder.apply(self.cohort.take(outside)),
            )
        return self.matrices[key]


def encoding_key(learner: Learner) -> str:
    """Learners with the same key read the same matrix."""
    if hasattr(learner, "fit_encoder"):
        return "equation"
    options = getattr(learner, "encoding_options", {})
    return f"{learner.encoding.value}{options or ''}"


def encoder_for(learner: Learner, cohort: Cohort, target: Target) -> Any:
    """The encoder of these training rows that this learner reads."""
    own = getattr(learner, "fit_encoder", None)
    if own is not None:
        return own(cohort)
    return fit_encoder(cohort, learner.encoding, target=target, options=getattr(learner, "encoding_options", {}))


def fit_learner(
    learner: Learner, matrix: Matrix, target: Target, parameters: Mapping[str, Any], seed: int, threads: int = 1
) -> FittedLearner:
    """Fit, networks one at a time."""
    if learner.complexity < 5:
        return learner.fit(matrix, target, parameters, seed=seed, threads=threads)
    with _ONE_AT_A_TIME:
        return learner.fit(matrix, target, parameters, seed=seed, threads=threads)


def outcome_of(target: Target, predicted: FloatArray) -> FloatArray:
    """(n,) probability of class 1 where there are two classes; else as predicted."""
    return np.asarray(predicted[:, 1] if target.is_binary and predicted.ndim == 2 else predicted, dtype=float)


def tuning_metric(target: Target) -> str:
    """Parameters are chosen by a proper score where there is one, so that probabilities stay true to size."""
    return "log_loss" if target.task is Task.CLASSIFICATION else metrics.headline(target)


def inner_folds(target: Target, groups: Ints | None, dates: FloatArray | None, plan: Plan) -> Ints:
    """(repeats, n) folds within training rows; one held-out quarter (fold 0, the rest -1) where rows are many."""
    if plan.scheme == "temporal" and dates is not None:
        return outer_folds(target, groups=groups, dates=dates, scheme="temporal", folds=4, seed=plan.seed)
    if len(target) >= HOLD_OUT_FROM:
        four = outer_folds(target, groups=groups, folds=4, seed=plan.seed)
        return np.where(four == 0, 0, -1)
    return outer_folds(target, groups=groups, folds=plan.inner, repeats=plan.inner_repeats, seed=plan.seed)


def select(
    cohort: Cohort,
    target: Target,
    learners: Sequence[Learner],
    plan: Plan,
    clock: Clock,
    *,
    groups: Ints | None = None,
    dates: FloatArray | None = None,
) -> Selection:
    """Search every learner on these rows and choose, simplest first."""
    target = target if groups is None else replace(target, groups=groups)
    part = TrainingPart(cohort, target, inner_folds(target, groups, dates, plan))
    tried = {learner.name: Tried(learner, first=not place) for place, learner in enumerate(learners)}
    for one in tried.values():
        _attempt(part, one, one.learner.defaults(target), plan, clock)
    begun = clock()
    ended = _search(part, tried, plan, clock)
    search_s = clock() - begun
    weights, stacked = _stack(part, tried, plan) if plan.stack else (None, None)
    contenders = [
        Contender(name, one.learner.complexity, one.predicted)
        for name, one in tried.items()
        if one.predicted is not None
    ]
    if stacked is not None:
        contenders.append(Contender(STACK, 6, stacked))
    chosen, choices = simplest_first(
        contenders, metrics.headline(target), target, part.folds, groups=groups, seed=plan.seed, fold=plan.fold
    )
    winner = next(each for each in contenders if each.name == chosen)
    recalibration = None
    if winner.complexity >= 2:
        recalibration = learn_recalibration(target, winner.predicted, part.folds, groups=groups, seed=plan.seed)
    return Selection(tried, weights, chosen, choices, part.folds, ended, recalibration, search_s)


def _attempt(part: TrainingPart, one: Tried, parameters: Mapping[str, Any], plan: Plan, clock: Clock) -> float:
    """Score one point; kept where it beats the best so far by more than luck. NaN where it breaks."""
    begun = clock()
    scores = np.empty(0)
    try:
        predicted = _left_out(part, one, parameters, plan, clock)
        scores = fold_scores(tuning_metric(part.target), part.target, predicted, part.folds).ravel()
        score = float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")
    except _TimeUp:
        score, one.failure = float("nan"), one.failure or ("" if one.scores.size else OUT_OF_TIME)
    except Exception as error:  # a learner's failure is a result, whatever it raises
        score = float("nan")
        if one.predicted is None:
            one.failure = f"{type(error).__name__}: {error}"
    one.last_s = clock() - begun
    one.wall_s += one.last_s
    one.trials += 1
    one.since += 1
    if np.isfinite(score) and (one.predicted is None or beats(scores, one.scores)):
        one.parameters, one.predicted, one.score, one.since, one.failure = parameters, predicted, score, 0, ""
        one.scores = scores
    elif one.predicted is None and not one.failure:
        one.failure = "its predictions could not be scored"
    return score


def beats(scores: FloatArray, standing: FloatArray) -> bool:
    """Whether a point's scores (folds,) exceed the standing ones by more than one standard error of their differences.

    The rule of one standard error (Breiman and others, Classification and Regression Trees, 1984, section 3.4.3):
    the first point tried, the learner's sound defaults, is left only for more than the luck of the folds. One
    held-out part, used where rows are many, has no such error: any gain counts.
    """
    apart = (scores - standing)[np.isfinite(scores) & np.isfinite(standing)]
    if len(apart) < 2:
        return bool(len(apart)) and float(apart[0]) > LEAST_GAIN
    return bool(float(apart.mean()) > max(LEAST_GAIN, float(apart.std(ddof=1)) / np.sqrt(len(apart))))


class _TimeUp(Exception):
    """The part's last moment came between two inner folds."""


def _left_out(part: TrainingPart, one: Tried, parameters: Mapping[str, Any], plan: Plan, clock: Clock) -> FloatArray:
    """(r, n, …) predictions for the rows of each inner fold."""
    found: FloatArray | None = None
    learner, last = one.learner, None if one.first else plan.last
    for repeat in range(len(part.folds)):
        for fold in range(int(part.folds[repeat].max()) + 1):
            inside = np.flatnonzero(part.folds[repeat] != fold)
            outside = np.flatnonzero(part.folds[repeat] == fold)
            if last is not None and clock() > last:
                raise _TimeUp
            train, test = part.split(learner, repeat, fold)
            state = fit_learner(learner, train, part.target.take(inside), parameters, plan.seed)
            values = outcome_of(part.target, state.predict(test))
            if found is None:
                found = np.full((len(part.folds), len(part.target), *values.shape[1:]), np.nan)
            found[repeat, outside] = values
    assert found is not None
    return found


def _search(part: TrainingPart, tried: Mapping[str, Tried], plan: Plan, clock: Clock) -> str:
    """Trials, the most promising learner first; says what ended them."""
    if plan.trials == 0:
        return "defaults"
    open_ = [one for one in tried.values() if one.predicted is not None and _searchable(one, part.target)]
    if plan.economical:
        open_ = [one for one in open_ if not getattr(one.learner, "costly", one.learner.complexity >= 5)]
    turn = 0
    while open_:
        open_ = [one for one in open_ if not _finished(one, plan)]
        if plan.deadline is not None:
            now = clock()
            if now >= plan.deadline:
                return "time"
            open_ = [one for one in open_ if now + 1.2 * one.last_s < plan.deadline]
        if not open_:
            break
        ranked = sorted(open_, key=lambda one: (-one.score, one.learner.complexity, one.learner.name))
        one = ranked[0] if turn % 3 else min(ranked, key=lambda o: (o.trials * max(o.last_s, 1e-3), o.learner.name))
        if plan.deadline is None:
            one = min(open_, key=lambda o: o.trials)
        _trial(part, one, plan, clock)
        turn += 1
    return "time" if plan.deadline is not None and plan.trials is None else "trials"


def _finished(one: Tried, plan: Plan) -> bool:
    return one.since > PATIENCE or (plan.trials is not None and one.trials > plan.trials)


def _searchable(one: Tried, target: Target) -> bool:
    class Probe:
        asked = False

        def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
            self.asked = True
            return low

        def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
            self.asked = True
            return low

        def suggest_categorical(self, name: str, choices: Any) -> Any:
            self.asked = True
            return choices[0]

    probe = Probe()
    one.learner.suggest(probe, target)
    return probe.asked


def _trial(part: TrainingPart, one: Tried, plan: Plan, clock: Clock) -> None:
    import optuna

    if one.study is None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=plan.seed % 2**31, n_startup_trials=5)
        one.study = optuna.create_study(direction="maximize", sampler=sampler)
    trial = one.study.ask()
    score = _attempt(part, one, one.learner.suggest(trial, part.target), plan, clock)
    if np.isfinite(score):
        one.study.tell(trial, score)
    else:
        one.study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _stack(part: TrainingPart, tried: Mapping[str, Tried], plan: Plan) -> tuple[Weights | None, FloatArray | None]:
    """Weights on all left-out rows, and the stack's own predictions, each fold's by weights of the other folds."""
    target = part.target
    members = {
        name: one.predicted for name, one in tried.items() if one.predicted is not None and one.learner.complexity >= 2
    }
    if target.task is Task.SURVIVAL or len(members) < 2:
        return None, None
    names = list(members)
    stacked = [_as_margins(target, members[name]) for name in names]
    rows = np.flatnonzero(part.folds[0] >= 0)
    learned_from = target.take(rows)
    pieces = outer_folds(learned_from, folds=min(5, learned_from.units), seed=plan.seed)[0]
    predicted = np.full(members[names[0]].shape, np.nan)
    for repeat in range(len(part.folds)):
        each = [margin[repeat][rows] for margin in stacked]
        outcome = target.values[rows]
        for piece in range(int(pieces.max()) + 1):
            learned, held = pieces != piece, pieces == piece
            found = learn_weights(target.task, names, [margin[learned] for margin in each], outcome[learned])
            values = probabilities(target.task, found.margin([margin[held] for margin in each]))
            predicted[repeat, rows[held]] = outcome_of(target, values)
    mean = [np.concatenate([margin[repeat][rows] for repeat in range(len(part.folds))]) for margin in stacked]
    return learn_weights(target.task, names, mean, np.tile(target.values[rows], len(part.folds))), predicted


def _as_margins(target: Target, predicted: FloatArray) -> FloatArray:
    """(r, n) or (r, n, classes)."""
    if target.is_binary:
        return np.stack([margins(target.task, np.column_stack([1 - each, each])) for each in predicted])
    return margins(target.task, predicted)


@dataclass(frozen=True, slots=True)
class Refit:
    """Candidates fitted on a whole training part, with their encoders."""

    encoders: Mapping[str, Any]
    fitted: Mapping[str, tuple[str, FittedLearner]]
    failures: Mapping[str, str]
    wall_s: Mapping[str, float]

    def lost(self, weights: Weights) -> str:
        """Why the stack cannot stand: a member that carries weight could not be fitted. Empty where it can."""
        used = [name for name, weight in zip(weights.members, weights.weights, strict=True) if weight > 0]
        missing = [name for name in used if name not in self.fitted]
        if not used:
            return "no member carries weight"
        return f"its member {missing[0]} could not be fitted again" if missing else ""

    def stacked(self, weights: Weights, target: Target, matrices: Mapping[str, Matrix]) -> FloatArray:
        """The stack's predictions from its members' own matrices, by encoding; nothing is joined."""
        each = {name: self.fitted[name] for name, w in zip(weights.members, weights.weights, strict=True) if w > 0}
        margin = weights.intercept + sum(
            weights.of(name) * fitted.margin(matrices[key]) for name, (key, fitted) in each.items()
        )
        return probabilities(target.task, np.asarray(margin))

    def stack(self, weights: Weights, cohort: Cohort) -> tuple[JoinedEncoder, FittedStack] | None:
        """The stack as one model on the joined matrix; None where a member is lost."""
        if self.lost(weights):
            return None
        used = [(n, w) for n, w in zip(weights.members, weights.weights, strict=True) if w > 0]
        keys = dict.fromkeys(self.fitted[name][0] for name, _ in used)
        encoder = JoinedEncoder({key: self.encoders[key] for key in keys})
        parts = tuple(Part(name, weight, self.fitted[name][1], self.fitted[name][0]) for name, weight in used)
        spans = encoder.spans(cohort.take(np.arange(min(1, len(cohort)))))
        return encoder, FittedStack(STACK, _task(parts), parts, weights.intercept, spans)


def _task(parts: Sequence[Part]) -> Task:
    return Task(getattr(parts[0].fitted, "task"))  # noqa: B009


def refit(
    cohort: Cohort, target: Target, tried: Sequence[Tried], seed: int, clock: Clock, *, threads: int = 1
) -> Refit:
    """Fit these learners with the parameters found, on all the rows."""
    encoders: dict[str, Any] = {}
    matrices: dict[str, Matrix] = {}
    fitted: dict[str, tuple[str, FittedLearner]] = {}
    failures: dict[str, str] = {}
    took: dict[str, float] = {}
    for one in tried:
        begun = clock()
        key = encoding_key(one.learner)
        try:
            if key not in encoders:
                encoders[key] = encoder_for(one.learner, cohort, target)
                matrices[key] = encoders[key].apply(cohort)
            fitted[one.learner.name] = (
                key,
                fit_learner(one.learner, matrices[key], target, one.parameters, seed, threads),
            )
        except Exception as error:  # as in the search
            failures[one.learner.name] = f"{type(error).__name__}: {error}"
        took[one.learner.name] = clock() - begun
    return Refit(encoders, fitted, failures, took)
