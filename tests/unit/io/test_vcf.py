"""Reading VCF: what is read, what is set aside and what is refused."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from sartor.domain.genome import CallState, GenomeBuild, Region
from sartor.errors import (
    BuildConflict,
    InputError,
    MalformedInput,
    TruncatedInput,
    UnknownBuild,
    UnknownSample,
    UnsortedInput,
)
from sartor.genomics.cohort_sites import CONCERNS
from sartor.genomics.normalise import Site, call_sites, cohort_calls
from sartor.io import vcf
from sartor.knowledge.genome_builds import build_table

REGION = Region("chr10", 94761800, 94853000)
HEAD38 = "##fileformat=VCFv4.2\n##contig=<ID=chr10,length=133797422>\n"
HEAD37 = "##fileformat=VCFv4.2\n##contig=<ID=10,length=135534747>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
ROW = "chr10\t94781859\trs4244285\tG\tA\t.\tPASS\t.\tGT\t0/1\n"


def row(position: int, ref: str = "G", alt: str = "A", call: str = "0/1", **more: str) -> str:
    values = {"chrom": "chr10", "id": ".", "filter": "PASS", "info": ".", "format": "GT", **more}
    fields = [values["chrom"], str(position), values["id"], ref, alt, ".", values["filter"], values["info"]]
    return "\t".join([*fields, values["format"], call]) + "\n"


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def put(*parts: str, head: str = HEAD38 + COLUMNS, name: str = "a.vcf") -> Path:
        path = tmp_path / name
        path.write_bytes((head + "".join(parts)).encode())
        return path

    return put


def read(path: Path, **more: object):  # type: ignore[no-untyped-def]
    return vcf.read_genome(path, regions=[REGION], **more)  # type: ignore[arg-type]


def records(path: Path):  # type: ignore[no-untyped-def]
    return read(path).overlapping("chr10", 1, 200_000_000)


def test_one_record_with_everything(write) -> None:  # type: ignore[no-untyped-def]
    path = write(row(94781859, call="1|0:31:44:12,19:7", format="GT:DP:GQ:AD:PS", filter="LowQual;q10", id="rs4244285"))
    (found,) = records(path)
    assert (found.chromosome, found.position, found.reference, found.alternates) == ("chr10", 94781859, "G", ("A",))
    assert (found.alleles, found.phased, found.phase_set) == ((1, 0), True, 7)
    assert (found.depth, found.genotype_quality, found.allele_depths) == (31, 44, (12, 19))
    assert found.filters == ("LowQual", "q10")
    assert (found.file, found.line) == ("a.vcf", 4)


@pytest.mark.parametrize(
    ("call", "alleles", "state"),
    [
        ("0/0", (0, 0), CallState.REFERENCE),
        ("./.", (None, None), CallState.NOT_CALLED),
        (".", (None,), CallState.NOT_CALLED),
        ("0/.", (0, None), CallState.NOT_CALLED),
        ("1", (1,), CallState.VARIANT),
        ("/0/1", (0, 1), CallState.VARIANT),
    ],
)
def test_three_states(write, call: str, alleles: tuple[int | None, ...], state: CallState) -> None:  # type: ignore[no-untyped-def]
    (found,) = records(write(row(94781859, call=call)))
    assert (found.alleles, found.state) == (alleles, state)


def test_block_that_begins_before_the_region(write) -> None:  # type: ignore[no-untyped-def]
    path = write(
        row(94000000, "A", "<NON_REF>", "0/0:30:25", info="END=94900000", format="GT:DP:MIN_DP"),
        row(94900001, "A", "<NON_REF>", "0/0:30:25", info="END=94900100", format="GT:DP:MIN_DP"),
    )
    (found,) = records(path)
    assert (found.end, found.depth, found.is_block) == (94900000, 25, True)
    assert read(path).kind == "gvcf"


def test_only_the_regions(write) -> None:  # type: ignore[no-untyped-def]
    path = write(row(1000), row(94781859), row(94999999), row(5, chrom="chr11"))
    assert [found.position for found in records(path)] == [94781859]


@pytest.mark.parametrize("name", ["10", "chr10", "CHR10", "NC_000010.11"])
def test_names_of_chromosomes(write, name: str) -> None:  # type: ignore[no-untyped-def]
    (found,) = records(write(row(94781859, chrom=name)))
    assert found.chromosome == "chr10"


@pytest.mark.parametrize("change", ["crlf", "bom", "gzip", "two gzip members", "no last newline"])
def test_other_ways_of_storing_text(tmp_path: Path, change: str) -> None:
    text = (HEAD38 + COLUMNS + ROW).encode()
    made = {
        "crlf": text.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + text,
        "gzip": gzip.compress(text),
        "two gzip members": gzip.compress(text[:60]) + gzip.compress(text[60:]),
        "no last newline": text[:-1],
    }[change]
    path = tmp_path / "a.vcf"
    path.write_bytes(made)
    assert vcf.recognises(made[:64], path)
    (found,) = records(path)
    assert found.alleles == (0, 1)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ((HEAD38 + COLUMNS + ROW).encode("utf-16"), MalformedInput, "UTF-16"),
        (HEAD38.encode(), MalformedInput, "column names"),
        ((HEAD38 + ROW).encode(), MalformedInput, "line 3"),
        (b"hello\n", MalformedInput, "column names|no header"),
        (b"", MalformedInput, "no header"),
        ((HEAD38 + COLUMNS.replace("\tQUAL", "") + ROW).encode(), MalformedInput, "QUAL"),
        ((HEAD38 + COLUMNS.replace("\t", " ") + ROW).encode(), MalformedInput, "spaces"),
        ((HEAD38 + COLUMNS.replace("S1", "S1\tS1")).encode(), MalformedInput, "twice"),
        ((HEAD38 + COLUMNS + ROW[:30]).encode(), TruncatedInput, "inside a line"),
        ((HEAD38 + COLUMNS[:20]).encode(), TruncatedInput, "header"),
        (gzip.compress((HEAD38 + COLUMNS + ROW).encode())[:-9], TruncatedInput, "too early"),
        ((HEAD38 + COLUMNS.replace("\tFORMAT\tS1", "")).encode(), UnknownSample, "no sample"),
        (("##fileformat=VCFv4.2\n" + COLUMNS + row(94781800)).encode(), UnknownBuild, "##contig"),
    ],
)
def test_refused_with_a_reason(tmp_path: Path, text: bytes, error: type[InputError], says: str) -> None:
    path = tmp_path / "a.vcf"
    path.write_bytes(text)
    with pytest.raises(error, match=says):
        read(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (row(94781859, ref="C"), "contradicts the reference base G"),
        (row(94781859, call="0/2"), "allele that the record does not have"),
        (row(94781859, call="x/1"), "allele that the record does not have"),
        (row(94781859, ref="?"), "not a sequence of bases"),
        (row(94781859, alt="A,,T"), "empty allele"),
        (ROW.replace("\t0/1", ""), "9 columns where the header has 10"),
        ("chr10\tten\t.\tG\tA\t.\t.\t.\tGT\t0/1\n", "no readable chromosome and position"),
        ("chr10\n", "no readable chromosome and position"),
    ],
)
def test_set_aside_with_line_and_reason(write, line: str, says: str) -> None:  # type: ignore[no-untyped-def]
    path = write(row(94762706, "A", "G"), line, row(94781944, "G", "A"))
    found = read(path)
    assert len(found.overlapping("chr10", 1, 200_000_000)) == 2
    (aside,) = found.quarantined
    assert says in aside.reason
    assert (aside.origin.file, aside.origin.line) == ("a.vcf", 5)


def test_unsorted_is_said_and_read_all_the_same(write) -> None:  # type: ignore[no-untyped-def]
    path = write(row(94781944), row(94781859), row(9, chrom="chr9"), row(94762706, "A", "G"))
    found = read(path)
    assert [each.position for each in found.overlapping("chr10", 1, 200_000_000)] == [94762706, 94781859, 94781944]
    (aside,) = found.quarantined
    assert (aside.kind, aside.origin.line) == ("unsorted", 5)


def test_comments_and_blank_lines_between_records(write) -> None:  # type: ignore[no-untyped-def]
    found = read(write("# a remark\n", ROW, "\n", "# another\n", row(94781944)))
    assert not found.quarantined
    assert len(found.overlapping("chr10", 1, 200_000_000)) == 2


def test_samples(write) -> None:  # type: ignore[no-untyped-def]
    path = write(ROW.replace("0/1", "0/0\t1/1"), head=HEAD38 + COLUMNS.replace("S1", "A\tB"))
    assert vcf.sample_names(path) == ("A", "B")
    assert read(path, sample="B").overlapping("chr10", 94781859, 94781859)[0].alleles == (1, 1)
    with pytest.raises(UnknownSample, match="2 samples"):
        read(path)
    with pytest.raises(UnknownSample, match="C"):
        read(path, sample="C")


def test_cohort(write) -> None:  # type: ignore[no-untyped-def]
    head = HEAD38 + COLUMNS.replace("S1", "A\tB\tC")
    path = write(
        ROW.replace("0/1", "0|0\t1/1\t./."),
        row(94781944, call="0\t1|1:9\t0/.", format="GT:PS"),
        row(94842866, "A", "G", "0/1:3\t1/1:4\t0/0:5", format="GT:DP"),
        head=head,
    )
    found = vcf.read_cohort(path, regions=[REGION])
    assert found.samples == ("A", "B", "C")
    first, second, third = found.records
    assert first.alleles.tolist() == [[0, 0], [1, 1], [-1, -1]]
    assert first.phased.tolist() == [True, False, False]
    assert second.alleles.tolist() == [[0, -2], [1, 1], [0, -1]]
    assert second.phase_set is not None
    assert second.phase_set.tolist() == [-1, 9, -1]
    assert third.alleles.tolist() == [[0, 1], [1, 1], [0, 0]]
    part = vcf.read_cohort(path, regions=[REGION], samples=["C", "A"])
    assert part.records[0].alleles.tolist() == [[-1, -1], [0, 0]]


def test_a_cohort_shows_what_is_doubtful(write) -> None:  # type: ignore[no-untyped-def]
    head = HEAD38 + COLUMNS.replace("S1", "A\tB\tC")
    path = write(
        row(94781859, call="0/0:0:0:PASS\t0/1:8:99:PASS\t1:30:.:bad", format="GT:DP:GQ:FT"),
        row(94842866, "A", "G", "0/0:12\t0/1:12\t1/1:12", format="GT:DP"),
        row(94842866, "A", "G", "0/0:12\t1/1:12\t1/1:12", format="GT:DP"),
        head=head,
    )
    cohort = vcf.read_cohort(path, regions=[REGION])
    assert [each.origin.line for each in cohort.quarantined] == [6]
    assert "line 5" in cohort.quarantined[0].reason
    sites = [Site("chr10", 94781859, "G", ("A",)), Site("chr10", 94842866, "A", ("G",))]
    found = cohort_calls(cohort, sites)
    assert found.codes.tolist() == [[[-1, -1], [0, 1], [1, -1]], [[0, 0], [-1, -1], [1, 1]]]
    assert found.concerns is not None
    named = [{c for bit, c in enumerate(CONCERNS) if bits >> bit & 1} for bits in found.concerns.reshape(-1).tolist()]
    assert named[0] == {"no-reads"}
    assert named[1:3] == [{"low-depth"}, {"unexpected-ploidy", "filtered"}]
    assert named[3:] == [set(), {"contradicting-records"}, set()]


def test_a_cohort_shows_reads_that_contradict_the_genotype(write) -> None:  # type: ignore[no-untyped-def]
    calls = "0/0:15,15\t1/1:2,28\t0/1:29,1\t0/1:10,20\t./.:3,3"
    path = write(row(94781859, call=calls, format="GT:AD"), head=HEAD38 + COLUMNS.replace("S1", "A\tB\tC\tD\tE"))
    found = cohort_calls(vcf.read_cohort(path, regions=[REGION]), [Site("chr10", 94781859, "G", ("A",))])
    assert found.concerns is not None
    bit = 1 << CONCERNS.index("allele-balance")
    assert [bool(each & bit) for each in found.concerns[0].tolist()] == [True, False, True, False, False]


def test_least_depth_of_a_block_counts(write) -> None:  # type: ignore[no-untyped-def]
    (found,) = records(write(row(94781859, "G", "<NON_REF>", "0/0:31:0", format="GT:DP:MIN_DP", info="END=94781900")))
    assert found.depth == 0
    (found,) = records(write(row(94781859, call="0/0:0,0", format="GT:AD")))
    assert found.depth == 0
    (found,) = records(write(row(94781859, call="0/0", info="AC=0;DP=0")))
    assert found.depth == 0
    (found,) = records(write(row(94781859, call="0/0:31", format="GT:DP", info="DP=0")))
    assert found.depth == 31
    (found,) = records(write(row(94781859, call="0/0:.,.:.", format="GT:AD:DP")))
    assert found.depth is None


def test_records_that_contradict_each_other_are_said_with_their_lines(write) -> None:  # type: ignore[no-untyped-def]
    genome = read(write(ROW, ROW.replace("0/1", "1/1"), ROW))
    assert [(each.origin.line, "line 4" in each.reason) for each in genome.quarantined] == [(5, True)]
    assert read(write(ROW, ROW.replace("0/1", "1|0"))).quarantined == ()


def test_grch37_is_moved_and_respelled(write) -> None:  # type: ignore[no-untyped-def]
    rows = [row(96541616, "G", "A", "0/1", chrom="10"), row(96602623, "G", "A", "0/1", chrom="10")]
    found = read(write(*rows, head=HEAD37 + COLUMNS))
    assert found.source_build is GenomeBuild.GRCH37
    moved, changed = found.overlapping("chr10", 1, 200_000_000)
    assert (moved.position, moved.reference, moved.alternates, moved.alleles) == (94781859, "G", ("A",), (0, 1))
    assert (changed.position, changed.reference, changed.alternates, changed.alleles) == (94842866, "A", ("G",), (1, 0))


def test_a_block_of_grch37_over_a_base_that_changed(write) -> None:  # type: ignore[no-untyped-def]
    block = row(96602600, "A", "<NON_REF>", "0/0", chrom="10", info="END=96602700")
    genome = read(write(block, head=HEAD37 + COLUMNS))
    sites = [
        Site("chr10", 94842861, "G", ("A",)),
        Site("chr10", 94842866, "A", ("G",)),
        Site("chr10", 94842879, "G", ("A",)),
    ]
    assert [call.alleles for call in call_sites(genome, sites)] == [("G", "G"), ("G", "G"), ("G", "G")]


def reference_rows(build: GenomeBuild) -> list[str]:
    """Rows at defining sites with that build's own bases."""
    shift = 0 if build is GenomeBuild.GRCH38 else 1759757
    places = [
        site
        for site in build_table().sites.values()
        if site.rsid in ("rs12248560", "rs28399504", "rs4244285", "rs4986893")
    ]
    return [row(site.position + shift, site.reference, site.alternates[0]) for site in places]


@pytest.mark.parametrize("build", list(GenomeBuild))
def test_build_from_reference_bases(write, build: GenomeBuild) -> None:  # type: ignore[no-untyped-def]
    path = write(*reference_rows(build), head="##fileformat=VCFv4.2\n" + COLUMNS)
    found = read(path)
    assert found.source_build is build
    assert len(found.overlapping("chr10", 94781859, 94781859)) == 1


@pytest.mark.parametrize(
    ("line", "build"),
    [
        ("##reference=file:///data/GRCh38_full_analysis_set.fa", GenomeBuild.GRCH38),
        ("##reference=hg19.fasta", GenomeBuild.GRCH37),
        ("##contig=<ID=chr10,assembly=GRCh38.p14>", GenomeBuild.GRCH38),
        ("##contig=<ID=20,assembly=b37>", GenomeBuild.GRCH37),
        ("##contig=<ID=NC_000010.10>", GenomeBuild.GRCH37),
    ],
)
def test_build_from_the_header(write, line: str, build: GenomeBuild) -> None:  # type: ignore[no-untyped-def]
    assert read(write(head=f"##fileformat=VCFv4.2\n{line}\n{COLUMNS}")).source_build is build


def test_bases_that_contradict_the_stated_build(write) -> None:  # type: ignore[no-untyped-def]
    wrong = {"A": "C", "C": "G", "G": "T", "T": "A"}
    places = [site for site in build_table().sites.values() if site.chromosome == "chr10" and len(site.reference) == 1]
    rows = [row(site.position, wrong[site.reference], site.reference) for site in places[:5]]
    with pytest.raises(BuildConflict, match="contradict"):
        read(write(*rows))


@pytest.mark.parametrize("build", list(GenomeBuild))
def test_places_that_contradict_the_stated_build(write, build: GenomeBuild) -> None:  # type: ignore[no-untyped-def]
    head = (HEAD37 if build is GenomeBuild.GRCH38 else HEAD38) + COLUMNS
    with pytest.raises(BuildConflict, match=f"lie on {build}"):
        read(write(*reference_rows(build), head=head))
    assert read(write(*reference_rows(build)[:2], head=head)).sample == "S1"


class TestWithIndex:
    """The lane that reads only what it needs."""

    pysam = pytest.importorskip("pysam")

    def indexed(self, path: Path, *, csi: bool = False) -> Path:
        target = path.with_name("b.vcf.gz")
        self.pysam.tabix_compress(str(path), str(target), force=True)
        self.pysam.tabix_index(str(target), preset="vcf", force=True, csi=csi)
        return target

    @pytest.mark.parametrize("csi", [False, True])
    def test_same_records_as_without(self, write, csi: bool) -> None:  # type: ignore[no-untyped-def]
        rows = [row(place, "G" if place == 94781859 else "T", "C") for place in range(94700059, 94900000, 100)]
        block = row(94600000, "T", "<NON_REF>", "0/0", info="END=94770000")
        path = write(block, *rows, row(5, chrom="chr11"))
        indexed = self.indexed(path, csi=csi)
        with_index = read(indexed).overlapping("chr10", 1, 200_000_000)
        without = records(path)
        assert len(with_index) > 900
        assert [(each.position, each.end, each.alleles) for each in with_index] == [
            (each.position, each.end, each.alleles) for each in without
        ]

    def test_a_file_cut_off_is_noticed(self, write) -> None:  # type: ignore[no-untyped-def]
        path = self.indexed(write(ROW))
        path.write_bytes(path.read_bytes()[:-28])
        with pytest.raises(TruncatedInput, match="end mark"):
            read(path)

    def test_a_damaged_index_is_done_without(self, write) -> None:  # type: ignore[no-untyped-def]
        path = self.indexed(write(ROW))
        index = path.with_name(path.name + ".tbi")
        index.write_bytes(index.read_bytes()[:40])
        assert len(read(path).overlapping("chr10", 1, 200_000_000)) == 1

    def test_disorder_under_an_index_is_an_error(self, write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        good = self.indexed(write(row(94781859), row(94781944)))
        index = good.with_name(good.name + ".tbi").read_bytes()
        (tmp_path / "c").mkdir()
        bad = tmp_path / "c" / "b.vcf.gz"
        plain = write(row(94781944), row(94781859), name="d.vcf")
        self.pysam.tabix_compress(str(plain), str(bad), force=True)
        bad.with_name("b.vcf.gz.tbi").write_bytes(index)
        with pytest.raises(UnsortedInput, match="94781859"):
            read(bad)

    def test_bcf(self, write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        head = HEAD38 + '##FILTER=<ID=PASS,Description="x">\n##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
        source = write(row(1000), ROW, head=head + COLUMNS)
        target = tmp_path / "a.bcf"
        with (
            self.pysam.VariantFile(str(source)) as given,
            self.pysam.VariantFile(str(target), "wb", header=given.header) as out,
        ):
            for each in given:
                out.write(each)
        assert vcf.recognises(target.read_bytes()[:64], target)
        assert vcf.sample_names(target) == ("S1",)
        found = read(target)
        assert found.kind == "bcf"
        assert [each.alleles for each in found.overlapping("chr10", 1, 200_000_000)] == [(0, 1)]
        shutil.copy(target, tmp_path / "cut.bcf")
        (tmp_path / "cut.bcf").write_bytes(target.read_bytes()[:-30])
        with pytest.raises(TruncatedInput):
            read(tmp_path / "cut.bcf")


def test_one_sample_s_bad_genotype_leaves_the_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "two.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr10,length=133797422>\n"
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"
        "chr10\t94781859\trs4244285\tG\tA\t.\tPASS\t.\tGT\t0/1\t0/7\n"
    )
    found = vcf.read_cohort(path, regions=[Region("chr10", 94781800, 94781900)])
    assert found.records[0].alleles.tolist() == [[0, 1], [-1, -2]]
    (refused,) = found.quarantined
    assert "sample S2" in refused.reason
    assert refused.origin.line == 4
