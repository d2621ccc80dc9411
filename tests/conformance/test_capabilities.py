"""One body of checks over every installed capability, on records from empty to full."""

import pytest

from sartor import registry
from sartor.domain.record import Demographics, OutsideCall, Record
from sartor.testing.conformance import check

RECORDS = {
    "an empty record": Record(),
    "a record without a genome": Record(
        demographics=Demographics(identifier="p", birth_date="1970-02-03", sex="female")
    ),
    "a laboratory's calls only": Record(
        outside_calls=(
            OutsideCall(gene="CYP2D6", diplotype="*4/*4"),
            OutsideCall(gene="HLA-B", diplotype="*57:01/*07:02"),
            OutsideCall(gene="CYP2C19", diplotype="*2/*17"),
        )
    ),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
@pytest.mark.parametrize("name", registry.names())
def test_capability_keeps_the_rules(name, record):
    (capability,) = registry.load([name]).capabilities
    assert check(capability, record) == []


def test_an_unknown_capability_is_an_error_that_names_the_known_ones():
    from sartor.errors import CapabilityNotFound

    with pytest.raises(CapabilityNotFound, match="pharmacogenomics"):
        registry.load(["astrology"])
