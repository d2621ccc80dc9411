"""The files that a study puts into a model folder so that the model can be monitored: its reference and its policy."""

from __future__ import annotations

import numpy as np

from sartor.domain.model import Task
from sartor.domain.validation import Validation
from sartor.explaining.drift import policy, reference
from sartor.learning.stages import Fitted, Prepared


def monitoring_files(prepared: Prepared, fitted: Fitted, validation: Validation | None = None) -> dict[str, bytes]:
    """reference.json (of the training rows and the pipeline's out-of-fold predictions) and update_policy.json."""
    predicted = np.asarray(fitted.pipeline.predicted[0], dtype=float)
    if prepared.target.task is Task.CLASSIFICATION and predicted.ndim == 2:
        predicted = predicted[:, 1] if prepared.target.is_binary else predicted.max(axis=1)
    kept = reference.Reference.of(prepared.cohort, predicted, validation)
    return {reference.FILE: kept.to_json(), policy.FILE: policy.default_policy().to_json()}
