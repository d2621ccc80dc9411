"""What the models that were handed in predict for this person, explained, as far as each model's card covers them.

Silent without a model. A model is a folder that `sartor study` wrote; it is given by `sartor report --model DIR`.
"""

from sartor.capabilities.learned_risk.assess import assess
from sartor.capabilities.learned_risk.explain import explain
from sartor.capabilities.learned_risk.gather import gather
from sartor.capabilities.learned_risk.tables import CARD

card = CARD

__all__ = ["assess", "card", "explain", "gather"]
