"""Does what a large source knows help a small target: one disease or hospital to another, guarded against harm.

Everything that could be done (source as it is, recalibrated, from scratch, pooled, adapted) stands side by side.
"""

from sartor.studies.transfer.card import CARD
from sartor.studies.transfer.fit import fit
from sartor.studies.transfer.prepare import prepare
from sartor.studies.transfer.publish import publish
from sartor.studies.transfer.validate import validate

card = CARD

__all__ = ["card", "fit", "prepare", "publish", "validate"]
