"""Are there groups of patients, how many, do they come back, and what sets them apart?

Unsupervised: outcomes are only looked at afterwards. "No groups" is an answer.
"""

from sartor.studies.subgroups.card import CARD
from sartor.studies.subgroups.fit import fit
from sartor.studies.subgroups.prepare import prepare
from sartor.studies.subgroups.publish import publish
from sartor.studies.subgroups.validate import validate

card = CARD

__all__ = ["card", "fit", "prepare", "publish", "validate"]
