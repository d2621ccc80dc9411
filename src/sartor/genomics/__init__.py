"""Engines over genotypes; pure."""
