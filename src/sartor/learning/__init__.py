"""Engines that learn from cohorts: encoders, learners, search, metrics, uncertainty. Pure: no I/O, no clock."""
