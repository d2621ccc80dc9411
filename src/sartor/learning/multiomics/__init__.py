"""Learning from several matrices per patient: alone, averaged, stacked, joined, in factors, a graph, a network."""
