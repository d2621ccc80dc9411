"""From a large source to a small target: pretrained, adapted, compared and guarded against negative transfer."""

from sartor.learning.transfer.candidates import METHODS, Method, SourceModel, fit_source, methods
from sartor.learning.transfer.comparison import WHOLE, Compared, Sites, compare, encode, together
from sartor.learning.transfer.guard import GUARDED, TRUSTED, Guarded, assess, fit_all, guard, weigh
from sartor.learning.transfer.learners import LEARNERS, Transferred, TransferredLearner, transferred
from sartor.learning.transfer.penalised import Linear, fit_towards, recalibrate

__all__ = [
    "GUARDED",
    "LEARNERS",
    "METHODS",
    "TRUSTED",
    "WHOLE",
    "Compared",
    "Guarded",
    "Linear",
    "Method",
    "Sites",
    "SourceModel",
    "Transferred",
    "TransferredLearner",
    "assess",
    "compare",
    "encode",
    "fit_all",
    "fit_source",
    "fit_towards",
    "guard",
    "methods",
    "recalibrate",
    "together",
    "transferred",
    "weigh",
]
