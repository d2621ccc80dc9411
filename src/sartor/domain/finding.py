"""What a capability concludes about one subject, how sure it is, and what should be done."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from pydantic import JsonValue

from sartor.domain.code import Coded, Frozen
from sartor.domain.source import Citation


class Status(StrEnum):
    """Whether a question could be answered at all."""

    ASSESSED = "assessed"
    NOT_ASSESSABLE = "not assessable"


class SourceStrength(StrEnum):
    """How strong the source of a conclusion is."""

    STRONG = "strong"
    MODERATE = "moderate"
    OPTIONAL = "optional"
    WEAK = "weak"
    UNSTATED = "not stated"
    NONE = "no recommendation"


class InputQuality(StrEnum):
    """How good the person's own data are for this conclusion."""

    GOOD = "good"
    REDUCED = "reduced"
    POOR = "poor"
    INFERRED = "inferred"
    ABSENT = "absent"


class Certainty(Frozen):
    """Two axes, never merged into one: the strength of the source and the quality of the input.

    `reasons` are wording keys that say what lowered either of them.
    """

    source_strength: SourceStrength = SourceStrength.NONE
    input_quality: InputQuality = InputQuality.GOOD
    reasons: tuple[str, ...] = ()


class Urgency(IntEnum):
    """How soon a finding calls for action; orders the first page (higher is sooner)."""

    NONE = 0
    FOR_THE_FUTURE = 1
    ROUTINE = 2
    SOON = 3
    NOW = 4


class ActionKind(StrEnum):
    """What is recommended, as a code that a computer can act on."""

    STANDARD = "standard"
    AVOID = "avoid"
    ALTERNATIVE = "alternative"
    LOWER_DOSE = "lower dose"
    HIGHER_DOSE = "higher dose"
    ADJUST_DOSE = "adjust dose"
    MONITOR = "monitor"
    TEST_FIRST = "test first"
    NONE = "no recommendation"


class Action(Frozen):
    """A recommended action.

    kind:         the main one; `also` holds further ones, in order (such as monitor).
    dose_factor:  (low, high) multiples of the usual dose, such as (0.5, 0.5) for half; None if not stated.
    maximum_dose: text with unit from the fact table, such as "20 mg/day"; "" if not stated.
    alternatives: drugs named by the guideline.
    parameters:   further computable facts (interval of a computed dose, monitoring target …).
    """

    kind: ActionKind = ActionKind.NONE
    also: tuple[ActionKind, ...] = ()
    dose_factor: tuple[float, float] | None = None
    maximum_dose: str = ""
    alternatives: tuple[str, ...] = ()
    parameters: dict[str, JsonValue] = {}


class Estimate(Frozen):
    """A number with its interval; `level` is the coverage that the interval claims (0.95)."""

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None


class Finding(Frozen):
    """One conclusion about one coded subject.

    id:         stable within a report, such as "pharmacogenomics/drug/clopidogrel/cpic/acs-pci".
    kind:       "gene", "drug", "disease", "dose", … ; what `about` is.
    context:    population or indication that the conclusion is limited to.
    conclusion: coded; for a gene its phenotype, for a drug its implication.
    concerns_current: True when the subject is something that the person has now (a current medicine).
    because:    names of facts in the evidence.
    details:    further computable facts, by name, that renderers and other stages may use.
    """

    id: str
    capability: str
    kind: str
    about: Coded
    context: tuple[Coded, ...] = ()
    status: Status
    conclusion: tuple[Coded, ...] = ()
    estimate: Estimate | None = None
    certainty: Certainty = Certainty()
    urgency: Urgency = Urgency.NONE
    action: Action = Action()
    concerns_current: bool = False
    because: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    details: dict[str, JsonValue] = {}
