"""From a cohort to a validated, calibrated, explained model of one outcome: classification, regression or survival.

Leaks and defects stop the study before anything is learned; simpler models go first, and a larger one is chosen only
where it proves better.
"""

from sartor.studies.risk_model.card import CARD
from sartor.studies.risk_model.fit import fit
from sartor.studies.risk_model.prepare import prepare
from sartor.studies.risk_model.publish import publish
from sartor.studies.risk_model.validate import validate

card = CARD

__all__ = ["card", "fit", "prepare", "publish", "validate"]
