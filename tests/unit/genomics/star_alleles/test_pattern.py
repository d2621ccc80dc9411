"""Genotype patterns: codes, phase blocks, one copy; and the bit tables that they are matched with."""

from __future__ import annotations

from sartor.capabilities.pharmacogenomics.tables.definitions import definitions
from sartor.domain.genome import CallState
from sartor.genomics.normalise import SiteCall
from sartor.genomics.star_alleles.definition import natural_order
from sartor.genomics.star_alleles.pattern import (
    ABSENT,
    MISSING,
    UNDOCUMENTED,
    Pattern,
    allele_table,
    arrangements,
    as_one_copy,
    bits,
    encode,
    strands,
)


def pattern(first: str, second: str, block: str = "", *, phased: bool = False) -> Pattern:
    codes = {".": MISSING, "-": ABSENT, "?": UNDOCUMENTED}
    one, other = (
        tuple(codes.get(each, int(each) if each.isdigit() else 0) for each in text) for text in (first, second)
    )
    blocks = tuple(int(each) if each.isdigit() else -1 for each in block) if block else (-1,) * len(one)
    return Pattern(one, other, blocks, phased)


def test_codes_tell_reference_variant_missing_and_undocumented_apart() -> None:
    definition = definitions()["CYP3A5"]
    bases = [("T", "TA"), ("A", None), ("G", "N"), (None, None)]
    calls = [SiteCall(site, each, CallState.VARIANT) for site, each in zip(definition.sites, bases, strict=False)]
    found = encode(definition, calls)
    assert found.first[0] == 0
    assert found.second[0] == 1
    assert found.half_called == (1,)
    assert found.missing == (3, 4)
    assert [(each.site, each.copy, each.base) for each in found.unknown if each.base == "N"] == [(2, 1, "N")]
    assert found.second[2] == UNDOCUMENTED
    assert encode(definition, calls, undocumented_as_reference=True).second[2] == 0


def test_blocks_group_what_is_known_to_lie_on_one_copy() -> None:
    assert pattern("0101", "1101").blocks() == [[0]]
    assert pattern("001", "110").blocks() == [[0], [1], [2]]
    assert pattern("001", "110", "000").blocks() == [[0, 1, 2]]
    assert pattern("001", "110", "070").blocks() == [[0, 2], [1]]
    assert pattern("00", "11", "00").effectively_phased
    assert not pattern("00", "11").effectively_phased


def test_one_copy_only_where_nothing_is_heterozygous() -> None:
    mixed = pattern("010", "01-")
    assert not mixed.haploid
    assert as_one_copy(mixed).haploid
    assert as_one_copy(pattern("01", "00")) == pattern("01", "00")


def test_strands_spell_out_every_arrangement() -> None:
    found = [[strand.codes for strand in pair] for pair in strands(pattern("000", "110"), most_blocks=4)]
    assert found == [[(0, 0, 0), (1, 1, 0)], [(0, 1, 0), (1, 0, 0)]]
    assert list(strands(pattern("000", "111"), most_blocks=2)) == []


def test_bits() -> None:
    assert list(bits(0b10110)) == [1, 2, 4]


def test_arrangements_keep_only_what_fits_both_copies() -> None:
    definition = definitions()["TPMT"]
    table = allele_table(definition)
    reference = Pattern((0,) * 43, (0,) * 43, (-1,) * 43, False)
    ((one, other),) = arrangements(reference, table.strict, table.everything)
    assert one == other
    assert one.alleles == table.reference
    undocumented = Pattern((UNDOCUMENTED, *reference.first[1:]), reference.second, reference.block, False)
    assert list(arrangements(undocumented, table.strict, table.everything)) == []


def test_names_sort_as_people_count() -> None:
    names = ["[*2 + *3]", "*10", "*2", "*1", "*80+*28", "*80", "c.2846A>T", "c.61C>T"]
    assert natural_order(names) == ("*1", "*2", "*10", "*80", "*80+*28", "c.61C>T", "c.2846A>T", "[*2 + *3]")
