"""From a cohort to a validated, calibrated, explained model of one outcome: classification, regression or survival.

Leaks and defects stop the study before anything is learned; simpler models go first, and a larger one is chosen only
where it proves better.
"""

from __future__ import annotations

from typing import Any

from sartor.domain.study import Publication, Surroundings
from sartor.domain.validation import Validation
from sartor.studies.risk_model.card import CARD
from sartor.studies.risk_model.prepare import prepare

card = CARD

try:
    from sartor.studies.risk_model.fit import fit
except ModuleNotFoundError:

    def fit(prepared: Any, around: Surroundings) -> Any:
        """Not there yet."""
        raise NotImplementedError


try:
    from sartor.studies.risk_model.validate import validate
except ModuleNotFoundError:

    def validate(prepared: Any, fitted: Any, around: Surroundings) -> Validation:
        """Not there yet."""
        raise NotImplementedError


try:
    from sartor.studies.risk_model.publish import publish
except ModuleNotFoundError:

    def publish(prepared: Any, fitted: Any, validation: Validation, around: Surroundings) -> Publication:
        """Not there yet."""
        raise NotImplementedError


__all__ = ["card", "fit", "prepare", "publish", "validate"]
