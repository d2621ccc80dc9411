"""Units of measurements: by factor, by molar mass, and honestly not at all."""

import pytest

from sartor.knowledge import units


@pytest.mark.parametrize(
    ("value", "unit", "to", "measurement", "expected"),
    [
        (1.0, "mg/dL", "umol/L", "creatinine", 88.4),
        (5.0, "mmol/L", "mg/dL", "total cholesterol", 193.3),
        (100.0, "mg/dl", "mmol/l", "glucose", 5.55),
        (70.0, "[in_i]", "cm", "", 177.8),
        (150.0, "[lb_av]", "kg", "", 68.04),
        (12.0, "g/dL", "g/L", "haemoglobin", 120.0),
        (3.0, "strange", "strange", "", 3.0),
    ],
)
def test_converted(value, unit, to, measurement, expected):
    assert units.convert(value, unit, to, measurement=measurement) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("unit", "to", "measurement"), [("mg/dL", "mmol/L", ""), ("mm[Hg]", "kg", ""), ("x", "kg", "")]
)
def test_no_way_is_none(unit, to, measurement):
    assert units.convert(1.0, unit, to, measurement=measurement) is None
