"""A model as it is used: rows of a table to explained, recalibrated predictions that know where they end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sartor.domain.cohort_table import Cohort
from sartor.domain.model import Feature, ModelCard, Predictions, PredictionStatus, Task
from sartor.errors import ModelRefused
from sartor.learning.alignment import Aligned, align
from sartor.learning.learner import Files, FittedLearner, FloatArray
from sartor.learning.survival_uncertainty import times_outlived
from sartor.learning.task import Matrix

FORMAT = 1
STATE = "model.json"
ENCODER = "encoder.json"
LEARNER = "learner/"
PARTS = ("recalibration", "conformal", "novelty")


class FittedEncoder(Protocol):
    """Columns to the matrix that the learner was fitted on (learning.encoding.Encoder)."""

    def apply(self, cohort: Cohort) -> Matrix: ...  # noqa: D102
    def to_json(self) -> bytes: ...  # noqa: D102


class MarginMap(Protocol):
    """An affine map of the margin (learning.recalibration.Recalibration)."""

    @property
    def slope(self) -> float: ...  # noqa: D102
    @property
    def intercept(self) -> float: ...  # noqa: D102
    def to_json(self) -> bytes: ...  # noqa: D102


class NoveltyMeasure(Protocol):
    """How unlike the training rows a row is (learning.novelty.Novelty)."""

    def p_value(self, matrix: Matrix) -> FloatArray: ...  # noqa: D102
    def to_json(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that a prediction needs; a function of its parts alone.

    fitted:        the learner's state. `learner` is its name among the learners.
    recalibration: affine map of the margin; None leaves it as it is.
    conformal:     gives `low` and `high` (and prediction sets); None leaves them unknown (NaN).
    novelty:       p-value of "this row comes from where the training rows came from"; None for none.
    features:      the original inputs, as in the card.
    classes:       of a classification; for competing risks the names of the events, "censored" first.
    horizons:      survival: times at which the absolute risk is given.
    unusual_below, abstain_below: p-values under which a row is called unlike the training data, and is refused. A
                   p-value of 0.01 refuses one in a hundred of those who are like the training data.
    least_known:   a row is refused when what is known of it carries less than this share of what is usually known,
                   weighted by importance.
    covers:        the card's conditions on a row; one who does not meet them is refused.
    """

    encoder: FittedEncoder
    fitted: FittedLearner
    features: tuple[Feature, ...]
    task: Task
    learner: str = ""
    recalibration: MarginMap | None = None
    conformal: Any = None
    novelty: NoveltyMeasure | None = None
    classes: tuple[str, ...] = ()
    horizons: tuple[float, ...] = ()
    unusual_below: float = 0.05
    abstain_below: float = 0.01
    least_known: float = 0.5
    covers: tuple[Mapping[str, Any], ...] = ()

    def predict(self, cohort: Cohort, ids: Sequence[str], *, explain: bool = True) -> Predictions:
        """What the model says of each row, explained over the original features.

        cohort:  any columns, in any order; those that the model knows are taken by name, a column that is not there is
                 missing for everyone. Labels that training never saw are missing, with a reason.
        explain: without, `contributions` has no columns and `base` is the margin (many rows, numbers only).

        `value` is the link of `margin`: the logistic function for two classes, exp for survival (the hazard against
        that of a row with margin 0), the margin itself for regression, softmax over the classes' margins with more
        classes. Where the status is ABSTAINED, value, low and high are NaN and the reason is given.
        """
        aligned = align(cohort, self.features)
        matrix = self.encoder.apply(aligned.cohort)
        scale = self._scale(matrix, explain=explain)
        value, chosen = self._values(scale.margins)
        members = self._groups(cohort)
        low, high = self._interval(value, scale.margins, members)
        further = self._further(matrix, scale.margins, members)
        status, reasons = self._status(aligned, matrix, cohort)
        average = self._not_by_group(members, len(value))
        spoken = (status[row] is not PredictionStatus.ABSTAINED for row in range(len(value)))
        reasons = _joined(reasons, [said if shown else "" for said, shown in zip(average, spoken, strict=True)])
        refused = np.array([each is PredictionStatus.ABSTAINED for each in status], dtype=bool)
        for numbers in (value, low, high, *(each for each in further.values() if each.dtype.kind == "f")):
            numbers[refused] = np.nan
        for labels in (each for each in further.values() if each.dtype.kind == "O"):
            labels[refused] = ""
        rows = np.arange(len(value))
        contributions = scale.contributions[rows, :, chosen]
        return Predictions(
            ids=tuple(ids),
            features=tuple(feature.name for feature in self.features) if explain else (),
            value=value,
            low=low,
            high=high,
            margin=scale.margins[rows, chosen],
            base=scale.base[rows, chosen],
            contributions=contributions,
            status=status,
            reasons=reasons,
            further=further,
        )

    def values(self, cohort: Cohort) -> FloatArray:
        """`value` alone, refusing nobody: (n,), or (n, classes) with more than two classes. For audits of the model."""
        matrix = self.encoder.apply(align(cohort, self.features).cohort)
        margins = self._recalibrated(_two_dimensional(self._margin(matrix)))
        return self._probabilities(margins) if margins.shape[1] > 1 else self._values(margins)[0]

    def survival(self, cohort: Cohort) -> FloatArray:
        """P(no event of interest by each horizon), (n, horizons), refusing nobody. For audits of the model."""
        matrix = self.encoder.apply(align(cohort, self.features).cohort)
        return self._survival(matrix, self._recalibrated(_two_dimensional(self._margin(matrix)))[:, 0])

    def matrix(self, cohort: Cohort) -> Matrix:
        """The encoded inputs, as the learner sees them."""
        return self.encoder.apply(align(cohort, self.features).cohort)

    def to_files(self) -> Files:
        """The whole state as files: no pickle, and the same state gives the same bytes."""
        state = {
            "format": FORMAT,
            "task": self.task.value,
            "learner": self.learner,
            "classes": list(self.classes),
            "horizons": list(self.horizons),
            "unusual_below": self.unusual_below,
            "abstain_below": self.abstain_below,
            "least_known": self.least_known,
            "features": [feature.model_dump(mode="json") for feature in self.features],
        }
        files = {STATE: _json(state), ENCODER: self.encoder.to_json()}
        files |= {f"{LEARNER}{name}": content for name, content in self.fitted.to_files().items()}
        for name in PARTS:
            if (part := getattr(self, name)) is not None:
                files[f"{name}.json"] = part.to_json()
        return files

    def _margin(self, matrix: Matrix) -> FloatArray:
        margin = self.fitted.margin(matrix)
        return _log_odds(margin) if self._on_probability else margin

    @property
    def _on_probability(self) -> bool:
        """Whether the learner's additive scale is the probability itself (forests); the model's is the log odds."""
        return self.task is Task.CLASSIFICATION and getattr(self.fitted, "link", "logit") == "identity"

    def _recalibrated(self, margins: FloatArray) -> FloatArray:
        if self.recalibration is None:
            return margins
        return self.recalibration.intercept + self.recalibration.slope * margins

    def _scale(self, matrix: Matrix, *, explain: bool) -> _Additive:
        """Margins, base and contributions per original feature, recalibrated."""
        if not explain:
            margins = self._recalibrated(_two_dimensional(self._margin(matrix)))
            return _Additive(margins, margins, np.zeros((len(matrix), 0, margins.shape[1])))
        base, contributions = self.fitted.contributions(matrix)
        base, contributions = _two_dimensional(base), _three_dimensional(contributions)
        margins = base + contributions.sum(axis=1)
        if self._on_probability:
            base, contributions, margins = _onto_log_odds(base, contributions, margins)
        slope = 1.0 if self.recalibration is None else self.recalibration.slope
        contributions = slope * self._by_feature(matrix, contributions)
        return _Additive(self._recalibrated(margins), self._recalibrated(base), contributions)

    def _by_feature(self, matrix: Matrix, contributions: FloatArray) -> FloatArray:
        """(n, columns, k) → (n, p, k) in the order of `features`."""
        position = {feature.name: index for index, feature in enumerate(self.features)}
        summed = np.zeros((contributions.shape[0], len(self.features), contributions.shape[2]))
        for column, source in enumerate(matrix.feature_of):
            summed[:, position[matrix.features[source]]] += contributions[:, column]
        return summed

    def _values(self, margins: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """`value`, and the column of the margins that it belongs to."""
        first = np.zeros(len(margins), dtype=np.int64)
        if margins.shape[1] > 1:
            probabilities = self._probabilities(margins)
            chosen = probabilities.argmax(axis=1)
            return probabilities[np.arange(len(margins)), chosen], chosen
        if self.task is Task.CLASSIFICATION:
            return _logistic(margins[:, 0]), first
        if self.task is Task.SURVIVAL:
            return np.exp(margins[:, 0]), first
        return margins[:, 0].copy(), first

    def _probabilities(self, margins: FloatArray) -> FloatArray:
        """(n, classes): softmax of the margins, or the logistic function and its complement."""
        if margins.shape[1] == 1:
            positive = _logistic(margins[:, 0])
            return np.column_stack([1 - positive, positive])
        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def _groups(self, cohort: Cohort) -> Any:
        """Who belongs to the groups within which coverage holds, (n, groups); None where the model has none."""
        if self.conformal is None or not getattr(self.conformal, "groups", ()):
            return None
        return self.conformal.members(cohort)

    def _interval(self, value: FloatArray, margins: FloatArray, members: Any) -> tuple[FloatArray, FloatArray]:
        if self.conformal is None or margins.shape[1] > 1:
            return np.full(len(value), np.nan), np.full(len(value), np.nan)
        low, high = self.conformal.interval(value, members)
        return np.array(low, dtype=float), np.array(high, dtype=float)

    def _further(self, matrix: Matrix, margins: FloatArray, members: Any) -> dict[str, npt.NDArray[Any]]:
        if self.task is Task.SURVIVAL and self.horizons:
            return self._over_time(matrix, margins[:, 0])
        if self.task is not Task.CLASSIFICATION:
            return {}
        found: dict[str, npt.NDArray[Any]] = {}
        probabilities = self._probabilities(margins)
        if margins.shape[1] > 1:
            found["class"] = np.array([self.classes[index] for index in probabilities.argmax(axis=1)], dtype=object)
            found |= {f"probability:{name}": probabilities[:, k].copy() for k, name in enumerate(self.classes)}
        if hasattr(self.conformal, "sets"):
            possible = self.conformal.sets(probabilities, members)
            found["set"] = np.array([self._named(row) for row in possible], dtype=object)
        return found

    def _over_time(self, matrix: Matrix, margin: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """The risk by each horizon with its interval, and the time that most like this row outlive."""
        conformal, found = self.conformal, {}
        survival = self._survival(matrix, margin)
        learned = _two_dimensional(self._margin(matrix))[:, 0] if self.recalibration is not None else margin
        for index, horizon in enumerate(self.horizons):
            risk = 1 - survival[:, index]
            found[f"risk:{horizon:g}"] = risk
            if getattr(conformal, "risks", ()):
                low, high = conformal.risk_interval(horizon, risk, learned)
                found |= {f"risk_low:{horizon:g}": low, f"risk_high:{horizon:g}": high}
        if getattr(conformal, "level", None) is not None:
            grid = np.array(conformal.times)
            bound = times_outlived(self._survival(matrix, margin, grid), grid, conformal.level)
            found[f"event_free_until:{100 * conformal.coverage:.0f}%"] = bound
        return found

    def _survival(self, matrix: Matrix, margin: FloatArray, times: FloatArray | None = None) -> FloatArray:
        """P(no event by each horizon, or time), (n, k); a recalibrated margin moves it as proportional hazards do."""
        at = np.array(self.horizons, dtype=float) if times is None else times
        found = np.asarray(self.fitted.survival(matrix, at), dtype=float)
        if self.recalibration is None:
            return found
        step = np.clip(margin - _two_dimensional(self._margin(matrix))[:, 0], -50, 50)
        return np.asarray(np.clip(found, 1e-300, 1.0) ** np.exp(step)[:, None])

    def _named(self, members: npt.NDArray[np.bool_]) -> str:
        return "|".join(name for name, inside in zip(self.classes, members, strict=True) if inside)

    def _stranger(self, matrix: Matrix, p_value: FloatArray) -> npt.NDArray[np.bool_]:
        """Rows far stranger than any in training: where these are too few for a p-value that refuses."""
        found = np.zeros(len(matrix), dtype=bool)
        measure = getattr(self.novelty, "far_beyond", None)
        least = getattr(self.novelty, "least_p_value", 0.0)
        rows = np.flatnonzero(p_value <= least)
        if measure is not None and least >= self.abstain_below and len(rows):
            found[rows] = measure(matrix.take(rows))
        return found

    def _not_by_group(self, members: Any, n: int) -> list[str]:
        """For each row the columns by whose groups its interval or set does not hold, in words; "" where it does."""
        groups = getattr(self.conformal, "groups", ())
        lacking: list[list[str]] = [[] for _ in range(n)]
        for name in dict.fromkeys(name for group in groups for name in group.columns):
            of_column = [k for k, group in enumerate(groups) if name in group.columns]
            for row in np.flatnonzero(~members[:, of_column].any(axis=1)):
                lacking[row].append(name)
        said = "the uncertainty holds for people on average, not for this person's group by"
        return [f"{said} {', '.join(each)}" if each else "" for each in lacking]

    def _status(
        self, aligned: Aligned, matrix: Matrix, cohort: Cohort
    ) -> tuple[tuple[PredictionStatus, ...], tuple[str, ...]]:
        """Refuse first (not covered, too little known, unlike training), then warn."""
        n = len(matrix)
        p_value = np.ones(n) if self.novelty is None else self.novelty.p_value(matrix)
        outside = not_covered(self.covers, cohort, n)
        little = aligned.share_known < self.least_known
        strange = (p_value < self.abstain_below) | aligned.far | self._stranger(matrix, p_value)
        refused = strange | little | np.array([bool(each) for each in outside], dtype=bool)
        unusual = (p_value < self.unusual_below) | aligned.has_notes
        status = [PredictionStatus.PREDICTED] * n
        reasons = [""] * n
        for row in np.flatnonzero(refused | unusual).tolist():
            said = list(outside[row])
            if little[row]:
                said.append(f"too little is known: missing {', '.join(aligned.missing_of(row))}")
            if p_value[row] < self.unusual_below:
                said.append(f"unlike the training data (p = {p_value[row]:.2g})")
            said += aligned.notes_of(row, stand_ins=not refused[row])
            status[row] = PredictionStatus.ABSTAINED if refused[row] else PredictionStatus.UNUSUAL
            reasons[row] = "; ".join(said)
        return tuple(status), tuple(reasons)


@dataclass(frozen=True, slots=True)
class _Additive:
    """Margins (n, k), base (n, k) and contributions (n, p, k)."""

    margins: FloatArray
    base: FloatArray
    contributions: FloatArray


def _joined(reasons: Sequence[str], further: Sequence[str]) -> tuple[str, ...]:
    return tuple("; ".join(each for each in pair if each) for pair in zip(reasons, further, strict=True))


def not_covered(covers: Sequence[Mapping[str, Any]], cohort: Cohort, n: int) -> list[list[str]]:
    """For each row the conditions of a card that it does not meet, in words; a missing value cannot meet one."""
    found: list[list[str]] = [[] for _ in range(n)]
    for condition in covers:
        name = str(condition["feature"])
        if name not in cohort:
            for row in found:
                row.append(f"not covered: {name} is not known")
            continue
        for row, label in zip(found, cohort.column(name).labels(), strict=True):
            if said := _unmet(condition, name, label):
                row.append(said)
    return found


def _unmet(condition: Mapping[str, Any], name: str, label: str) -> str:
    if not label:
        return f"not covered: {name} is not known"
    if "in" in condition:
        return "" if label in {str(each) for each in condition["in"]} else f"not covered: {name} is {label}"
    try:
        value = float(label)
    except ValueError:
        return f"not covered: {name} is {label}"
    low, high = condition.get("low"), condition.get("high")
    if low is not None and value < float(low):
        return f"not covered: {name} {value:g} is below {float(low):g}"
    if high is not None and value > float(high):
        return f"not covered: {name} {value:g} is above {float(high):g}"
    return ""


def model_from_files(files: Mapping[str, bytes], card: ModelCard | None = None) -> Model:
    """The model again, from what `to_files` gave; the card adds what it covers.

    Raises ModelRefused for another format, a learner that is not known, or a part that is missing or malformed.
    """
    state = _state(files)
    task = Task(state["task"])
    learner = _learner(str(state["learner"]), task)
    prefixed = {name.removeprefix(LEARNER): content for name, content in files.items() if name.startswith(LEARNER)}
    features = tuple(Feature.model_validate(each) for each in state["features"])
    if card is not None and (card.task is not task or [f.name for f in card.features] != [f.name for f in features]):
        raise ModelRefused("the card and the model's state disagree", where=STATE, todo="export the model again")
    return Model(
        encoder=_encoder(_part(files, ENCODER)),
        fitted=learner.from_files(prefixed),
        features=features if card is None else card.features,
        task=task,
        learner=str(state["learner"]),
        recalibration=_recalibration(files.get("recalibration.json")),
        conformal=_conformal(files.get("conformal.json")),
        novelty=_novelty(files.get("novelty.json")),
        classes=tuple(state["classes"]),
        horizons=tuple(state["horizons"]),
        unusual_below=float(state["unusual_below"]),
        abstain_below=float(state["abstain_below"]),
        least_known=float(state["least_known"]),
        covers=() if card is None else card.covers,
    )


def _state(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        state = json.loads(_part(files, STATE))
        found = int(state["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefused(f"its state cannot be read ({error})", where=STATE, todo="export the model again") from error
    if found > FORMAT:
        raise ModelRefused(
            f"format {found} is newer than this release reads ({FORMAT})", where=STATE, todo="update Sartor"
        )
    return dict(state)


def _part(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ModelRefused(f"{name} is missing", where="model folder", todo="get the whole model folder again")
    return files[name]


def _learner(name: str, task: Task) -> Any:
    """The learner that reads the state: one of the task's, or a study's own."""
    try:
        return _by_name(name, task)
    except (KeyError, ModuleNotFoundError) as error:
        raise ModelRefused(
            f"this release does not know the learner {name!r}", where=STATE, todo="update Sartor"
        ) from error


def _by_name(name: str, task: Task) -> Any:
    from sartor.learning.transfer.learners import NAME, TransferredLearner

    if name == NAME:
        return TransferredLearner()
    if task is Task.SURVIVAL:
        from sartor.learning import survival

        return survival.by_name(name)
    from sartor.learning import learners

    return learners.by_name(name)


def _encoder(content: bytes) -> FittedEncoder:
    from sartor.learning.encoding import encoder_from_json

    return encoder_from_json(content)


def _recalibration(content: bytes | None) -> Any:
    if content is None:
        return None
    from sartor.learning.recalibration import Recalibration

    return Recalibration.from_json(content)


def _conformal(content: bytes | None) -> Any:
    if content is None:
        return None
    from sartor.learning.conformal import Conformal

    return Conformal.from_json(content)


def _novelty(content: bytes | None) -> Any:
    if content is None:
        return None
    from sartor.learning.novelty import Novelty

    return Novelty.from_json(content)


def _json(state: Mapping[str, Any]) -> bytes:
    return (json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _logistic(margin: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(margin))
    return np.asarray(np.where(margin >= 0, 1 / (1 + small), small / (1 + small)))


def _log_odds(probability: FloatArray) -> FloatArray:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _onto_log_odds(
    base: FloatArray, contributions: FloatArray, margins: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Contributions to a probability, scaled row by row so that they add up on the log odds; their shares stay."""
    odds, odds_of_base = _log_odds(margins), _log_odds(base)
    step = margins - base
    flat = np.abs(step) < 1e-12
    inside = np.clip(base, 1e-6, 1 - 1e-6)
    factor = np.where(flat, 1 / (inside * (1 - inside)), (odds - odds_of_base) / np.where(flat, 1.0, step))
    scaled = contributions * factor[:, None, :]
    return odds_of_base, scaled, odds_of_base + scaled.sum(axis=1)


def _two_dimensional(values: FloatArray) -> FloatArray:
    return np.asarray(values, dtype=float).reshape(len(values), -1)


def _three_dimensional(values: FloatArray) -> FloatArray:
    found = np.asarray(values, dtype=float)
    return found[:, :, None] if found.ndim == 2 else found
