"""Names that columns have when they were recorded after the outcome, tell times, number rows, or tell the place."""

from __future__ import annotations

import re
from typing import Final


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})", re.IGNORECASE)


FOLLOW_UP: Final = _words(
    r"follow[ _.-]?up([ _.-]?(time|days|weeks|months|years|duration|length|period))?|fu[ _.-]?(time|days|months|years)|"
    r"(time|days|weeks|months|years)[ _.-]?(to|until|till)[ _.-]?(death|event|relapse|recurrence|failure|readmission|"
    r"progression|censoring|last[ _.-]?(contact|follow[ _.-]?up))|time[ _.-]?to[ _.-]?event|tte|"
    r"(overall|progression[ _.-]?free|disease[ _.-]?free|relapse[ _.-]?free|event[ _.-]?free)[ _.-]?survival.*|"
    r"(os|pfs|dfs|rfs|efs|dss|ttr|ttp)([ _.-]?(time|days|weeks|months|years|status|event))|"
    r"survival([ _.-]?(time|days|weeks|months|years|status))?|surv(time|days|months)?|"
    r"(days|date)[ _.-]?(of|to)[ _.-]?last[ _.-]?(contact|follow[ _.-]?up|visit|seen)|censor(ed|ing)?([ _.-]?time)?|"
    r"(time|date)[ _.-]?of[ _.-]?(death|event|relapse|discharge)|lost[ _.-]?to[ _.-]?follow[ _.-]?up"
)
"""The whole name says that it is known only after the outcome."""

OUTCOME: Final = _words(
    r"(death|died|dead|deceased|mortality|vital)([ _.-]?(status|event|flag|date|cause|time|in[ _.-]?hospital))?|"
    r"(date|cause)[ _.-]?of[ _.-]?death|dod|autopsy.*|(event|outcome|status|endpoint)([ _.-]?(flag|indicator))?|"
    r"readmi(tted|ssion)([ _.-]?\w+)?|relapse[d]?|recurrence|recurred|progress(ed|ion)|post[ _.-]\w+|final[ _.-]\w+|"
    r"discharge[ _.-]?(status|diagnosis|disposition\w*)|(treatment[ _.-]?)?response|complication[s]?|hospice|"
    r"target|label|y|class|final[ _.-]?diagnosis|ground[ _.-]?truth"
)
"""The name may tell of the outcome; its values must say so too."""

TIME: Final = _words(
    r"t|time([ _.-]?\w+)?|days?([ _.-]?\w+)?|weeks?|months?|years?|duration([ _.-]?\w+)?|"
    r"\w+[ _.-](time|days|weeks|months)"
)
"""The name tells a time; its values must say of what."""

PHYSIOLOGICAL: Final = _words(
    r".*(prothrombin|thromboplastin|bleeding|clotting|coagulation|reaction|relaxation|acceleration|deceleration|sleep|screen|"
    r"transit|emptying|filling|ejection|conduction|refill|since|before|prior|onset|door|isch(a)?emi|operat|surgery|pump).*"
)
"""Times that are measured on a patient, or lie before the outcome."""

IDENTIFIER: Final = _words(
    r"(.*[ _.-])?(id|uid|uuid|guid|identifier|nr|nbr|key|index|idx|accession)|unnamed_\d+|mrn|ssn|row([ _.-]?\w+)?|"
    r"(encounter|visit|admission|record|sample|study|case|patient|subject|person)([ _.-]?(no|number|num))?"
)

SITE: Final = _words(
    r"(.*[ _.-])?(site|cent(er|re)|hospital|clinic|ward|institution|facility|provider|trust|scanner|batch|plate|device|"
    r"lab(oratory)?|cohort|dataset|source|country|region|study|wave|collector|operator|reader|machine)"
    r"([ _.-]?(id|code|name|no|nr|nbr|number))?|"
    r"(year|date|month)[ _.-]?of[ _.-]?(collection|enrol\w*|inclusion|entry|scan)|"
    r"(collection|enrol\w*|inclusion|entry|scan)[ _.-]?(year|date|month)"
)


def is_follow_up(name: str) -> bool:
    """Known only after the outcome, by its whole name."""
    return bool(FOLLOW_UP.fullmatch(_spelled(name)))


def may_tell_outcome(name: str) -> bool:
    """Perhaps recorded after the outcome, by its name."""
    return bool(OUTCOME.fullmatch(_spelled(name)))


def tells_time(name: str) -> bool:
    """A time of something, by its name."""
    spelled = _spelled(name)
    return bool(TIME.fullmatch(spelled)) and not PHYSIOLOGICAL.fullmatch(spelled)


def is_identifier(name: str) -> bool:
    """A number of a row or person, by its name."""
    return bool(IDENTIFIER.fullmatch(_spelled(name)))


def is_site(name: str) -> bool:
    """Where or when the row was collected, by its name."""
    return bool(SITE.fullmatch(_spelled(name)))


def _spelled(name: str) -> str:
    """camelCase with underscores."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
