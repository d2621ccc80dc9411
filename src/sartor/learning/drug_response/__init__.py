"""Learning how cells (or patients) answer to drugs: tables, cold-start splits, learners from the means up, measures."""
