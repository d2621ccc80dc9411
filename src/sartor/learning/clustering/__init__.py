"""Groups of patients: a representation, the number of groups (one included), their stability, and what they mean."""

from sartor.learning.clustering.assignment import Assignment, Placed, assignment, assignment_from_files
from sartor.learning.clustering.methods import METHODS, Partition, part
from sartor.learning.clustering.number import Number, OfNumber, choose
from sartor.learning.clustering.outcomes import GroupOutcome, differ, outcomes
from sartor.learning.clustering.profile import Difference, Rules, differences, rules
from sartor.learning.clustering.representation import Representation, represent
from sartor.learning.clustering.stability import DOUBTFUL, STABLE, Sensitivity, Stability, sensitivity, stability

__all__ = [
    "DOUBTFUL",
    "METHODS",
    "STABLE",
    "Assignment",
    "Difference",
    "GroupOutcome",
    "Number",
    "OfNumber",
    "Partition",
    "Placed",
    "Representation",
    "Rules",
    "Sensitivity",
    "Stability",
    "assignment",
    "assignment_from_files",
    "choose",
    "differ",
    "differences",
    "outcomes",
    "part",
    "represent",
    "rules",
    "sensitivity",
    "stability",
]
