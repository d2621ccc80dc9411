"""One folder per question about a cohort, all alike inside."""
