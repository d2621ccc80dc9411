"""Make the example patient: an invented woman's VCF, FHIR record and outside calls, always the same.

Usage: python examples/make_patient.py [FOLDER]        (needs pip install 'sartor[bcf]', for bgzip and the index)

Nobody real is in it: names, dates and values are made up; genotypes follow the alleles named in GENES.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from make_record import OUTSIDE_CALLS, bundle  # noqa: E402

DEFINITIONS = HERE.parent / "src/sartor/capabilities/pharmacogenomics/data/definitions.json"
SAMPLE = "example-patient"
SEED = 20251020

# gene → the alleles of her two chromosome copies ("" is the allele without any change from the reference bases)
GENES = {
    "ABCG2": ("", "rs2231142 variant (T)"),
    "CACNA1S": ("", ""),
    "CFTR": ("", ""),
    "CYP2B6": ("*1", "*6"),
    "CYP2C19": ("*2", "*2"),
    "CYP2C9": ("*1", "*3"),
    "CYP3A4": ("*1", "*1"),
    "CYP3A5": ("*3", "*3"),
    "CYP4F2": ("*1", "*3"),
    "DPYD": ("", "c.1129-5923C>G, c.1236G>A (HapB3)"),
    "G6PD": ("", ""),
    "IFNL3": ("", "rs12979860 variant (T)"),
    "NAT2": ("*5", "*6"),
    "NUDT15": ("*1", "*1"),
    "RYR1": ("", ""),
    "SLCO1B1": ("*1", "*5"),
    "TPMT": ("*1", "*3A"),
    "UGT1A1": ("*1", "*80+*28"),
    "VKORC1": ("", "rs9923231 variant (T)"),
}
PHASED = {"NAT2": 18400010}
NOT_CALLED = {"rs2279343", "rs118192177"}
LOW_QUALITY = {"rs3093105"}
LEFT_OUT_EVERY = {"RYR1": 9, "CFTR": 14}
FOLLOWING = {"rs3064744": "AT"}
WOBBLE = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}

HEADER = """##fileformat=VCFv4.2
##source=examples/make_patient.py
##reference=GRCh38
##ALT=<ID=NON_REF,Description="Any other allele">
##FILTER=<ID=LowQual,Description="Low quality">
##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the block">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Fewest reads in the block">
##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">"""
LENGTHS = {
    "chr1": 248956422, "chr2": 242193529, "chr4": 190214555, "chr6": 170805979, "chr7": 159345973, "chr8": 145138636,
    "chr10": 133797422, "chr12": 133275309, "chr13": 114364328, "chr16": 90338345, "chr19": 58617616,
    "chrX": 156040895,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A defining position with her two alleles."""

    chromosome: str
    position: int
    rsid: str
    reference: str
    alleles: tuple[str, str]
    gene: str

    @property
    def is_reference(self) -> bool:
        """Whether both copies are the reference."""
        return self.alleles == (self.reference, self.reference)

    @property
    def end(self) -> int:
        """Last base."""
        return self.position + len(self.reference) - 1


def places() -> list[Place]:
    """Her alleles at every defining position of GENES, in the order of a VCF."""
    found = []
    for gene in json.loads(DEFINITIONS.read_text(encoding="utf-8"))["genes"]:
        if gene["gene"] not in GENES:
            continue
        bases = {allele["name"]: allele.get("bases", {}) for allele in gene["alleles"]}
        one, two = (bases[name] if name else {} for name in GENES[gene["gene"]])
        for index, (position, rsid, reference, _) in enumerate(gene["sites"]):
            alleles = tuple(_plain(copy.get(str(index), reference), reference) for copy in (one, two))
            found.append(Place(gene["chromosome"], position, rsid, reference, alleles, gene["gene"]))
    order = list(LENGTHS)
    return sorted(found, key=lambda place: (order.index(place.chromosome), place.position))


def _plain(base: str, reference: str) -> str:
    """One base of those that an ambiguity code allows: the reference where it is among them."""
    choice = WOBBLE.get(base, base)
    return reference if base in WOBBLE and reference in choice else choice if base not in WOBBLE else choice[0]


def rows(random: Random) -> Iterator[str]:
    """VCF rows as a caller writes them: reference blocks, sites, one left-out or uncalled position here and there."""
    block: list[Place] = []
    for index, place in enumerate(places()):
        every = LEFT_OUT_EVERY.get(place.gene)
        left_out = every is not None and index % every == 0 and place.is_reference
        special = not place.is_reference or place.rsid in NOT_CALLED | LOW_QUALITY
        if block and (special or left_out or block[-1].gene != place.gene):
            yield _block_row(block, random)
            block = []
        if special:
            yield _site_row(place, random)
        elif not left_out:
            block.append(place)
    if block:
        yield _block_row(block, random)


def _block_row(block: list[Place], random: Random) -> str:
    first, end = block[0], max(place.end for place in block)
    depth = random.randint(27, 38)
    genotype = f"0/0:{depth}:{random.randint(60, 99)}:{depth - random.randint(1, 6)}"
    return _row(first.chromosome, first.position, first.reference[0], "<NON_REF>", ".", f"END={end}",
                "GT:DP:GQ:MIN_DP", genotype)  # fmt: skip


def _site_row(place: Place, random: Random) -> str:
    following = FOLLOWING.get(place.rsid, "")
    alternates = [allele for allele in dict.fromkeys(place.alleles) if allele != place.reference]
    known = [place.reference, *alternates]
    indices = [known.index(allele) for allele in place.alleles]
    depth, quality, filtered = random.randint(26, 40), random.randint(80, 99), "."
    if place.rsid in LOW_QUALITY:
        depth, quality, filtered = 6, 11, "LowQual"
    reads = _reads(indices, len(known), depth, random)
    genotype, separator, keys, tail = "/".join(map(str, indices)), "/", "GT:AD:DP:GQ", ""
    if place.gene in PHASED:
        separator, keys, tail = "|", "GT:AD:DP:GQ:PS", f":{PHASED[place.gene]}"
        genotype = separator.join(map(str, indices))
    if place.rsid in NOT_CALLED:
        genotype, depth, quality, reads = "./.", 2, 0, [2, *[0] * len(alternates)]
    written = [allele + following for allele in alternates]
    counts = ",".join(map(str, [*reads, 0]))
    return _row(place.chromosome, place.position, place.reference + following, ",".join([*written, "<NON_REF>"]),
                filtered, ".", keys, f"{genotype}:{counts}:{depth}:{quality}{tail}")  # fmt: skip


def _reads(indices: list[int], alleles: int, depth: int, random: Random) -> list[int]:
    """Reads of each allele: about half each when she has two different ones."""
    counts = [0] * alleles
    if indices[0] == indices[1]:
        counts[indices[0]] = depth
        return counts
    counts[indices[0]] = depth // 2 + random.randint(-3, 3)
    counts[indices[1]] = depth - counts[indices[0]]
    return counts


def _row(chromosome: str, position: int, reference: str, alternate: str, filtered: str, info: str, keys: str,
         genotype: str) -> str:  # fmt: skip
    quality = "." if alternate == "<NON_REF>" else "60"
    return "\t".join([chromosome, str(position), ".", reference, alternate, quality, filtered, info, keys, genotype])


def write_vcf(path: Path) -> None:
    """The VCF, compressed with bgzip, and its tabix index."""
    import pysam

    plain = path.with_suffix("")
    contigs = [f"##contig=<ID={name},length={length},assembly=GRCh38>" for name, length in LENGTHS.items()]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + SAMPLE
    plain.write_text("\n".join([HEADER, *contigs, columns, *rows(Random(SEED))]) + "\n", encoding="utf-8")
    pysam.tabix_compress(str(plain), str(path), force=True)
    pysam.tabix_index(str(path), preset="vcf", force=True)
    plain.unlink()


def main(folder: Path) -> None:
    """Write the three files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_vcf(folder / "genome.vcf.gz")
    record = json.dumps(bundle(Random(SEED)), ensure_ascii=False, indent=1)
    (folder / "record.json").write_text(record + "\n", encoding="utf-8")
    (folder / "outside_calls.tsv").write_text(OUTSIDE_CALLS, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "patient")
