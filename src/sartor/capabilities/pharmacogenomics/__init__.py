"""Which medicines need another choice or dose because of this person's genes, as far as published guidelines say.

Reads star alleles from the genome (or a laboratory's own calls), takes the current medicines' effect on the enzymes
into account, and looks every guideline up for every genotype that the data leave possible.
"""

from sartor.capabilities.pharmacogenomics.assess import assess
from sartor.capabilities.pharmacogenomics.explain import explain
from sartor.capabilities.pharmacogenomics.gather import gather
from sartor.capabilities.pharmacogenomics.tables import CARD

card = CARD

__all__ = ["assess", "card", "explain", "gather"]
