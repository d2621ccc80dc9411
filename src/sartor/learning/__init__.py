"""Engines that learn from cohorts: encoders, learners, search, metrics, calibration, uncertainty. Pure: no I/O, no clock."""
