"""Every shipped clinical case, run as `sartor selftest` runs it."""

import pytest

from sartor import registry, selftest

(CAPABILITY,) = registry.load(["pharmacogenomics"]).capabilities
CASES = selftest.cases(CAPABILITY)


def test_there_are_a_dozen_cases() -> None:
    assert len(CASES) >= 12


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str) -> None:
    result = selftest.run_case(CAPABILITY, CASES[name])
    assert result.id == name
    assert result.title
    assert result.reference
    assert not result.differences, "\n".join(result.differences)
