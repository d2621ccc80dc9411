"""Learning from several matrices per patient: each alone, averaged, stacked, joined early, in factors, a graph, a network."""
