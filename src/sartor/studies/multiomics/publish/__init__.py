"""Validation → report, out-of-fold predictions and tables."""

from sartor.studies.multiomics.publish.report import publish

__all__ = ["publish"]
