"""Gene sets in GMT form, and the pack made of them."""

import pytest

from sartor.errors import MalformedInput
from sartor.io.gene_sets import parse
from sartor.io.knowledge_service import install


def test_plain_and_wikipathways_names():
    rows = parse("A set\tabout\tTP53\tBRCA1\tTP53\n\nPath%WP_1%WP99%Homo sapiens\thttp\t7157\n", "x.gmt")
    assert rows == [
        {"id": "A set", "name": "A set", "genes": "BRCA1|TP53"},
        {"id": "WP99", "name": "Path", "genes": "7157"},
    ]


@pytest.mark.parametrize("text", ["", "name\tdescription\n", "name only\n", "A\tx\tG1\nA\tx\tG2\n"])
def test_what_is_not_gmt_is_refused(text):
    with pytest.raises(MalformedInput):
        parse(text, "x.gmt")


def test_a_gmt_file_becomes_a_pack(tmp_path):
    (tmp_path / "mine.gmt").write_text("Mine\tabout\tTP53\tBRCA1\n", encoding="utf-8")
    pack = install("gene-sets", home=tmp_path / "home", origin=str(tmp_path / "mine.gmt"), retrieved="2026-11-21")
    assert pack.source.title == "mine.gmt"
    assert pack.tables["sets"] == [{"id": "Mine", "name": "Mine", "genes": "BRCA1|TP53"}]
