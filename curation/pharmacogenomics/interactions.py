"""Compile the inhibitors and inducers of drug-metabolizing enzymes, and the rules of phenoconversion, into our table.

Run from the repository root: `python curation/pharmacogenomics/interactions.py`. The facts are transcribed here by
hand, enzyme by enzyme and class by class, from the sources named below; the FDA publishes its table as a web page.
Each row says whether it was checked against the table's present edition (docs/methods/phenoconversion.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "src/sartor/capabilities/pharmacogenomics/data/interactions.json"

SOURCES = [
    {
        "id": "fda-ddi-table",
        "title": "FDA, Examples of Drugs that Interact with CYP Enzymes and Transporter Systems",
        "version": "content current as of 29 May 2026",
        "licence": "public domain (work of the United States government)",
        "url": "https://www.fda.gov/drugs/drug-interactions-labeling/"
        "healthcare-professionals-fdas-examples-drugs-interact-cyp-enzymes-and-transporter-systems",
        "note": "Only medicines, by active ingredient, without the table's footnotes. Read in public copies of the "
        "page, which agree where they overlap. The FDA writes CYP3A; the rows stand under CYP3A4. Lumacaftor is listed "
        "with ivacaftor.",
    },
    {
        "id": "fda-ddi-earlier",
        "title": "FDA, Drug Development and Drug Interactions: Table of Substrates, Inhibitors and Inducers",
        "version": "2020 edition",
        "licence": "public domain (work of the United States government)",
        "url": "https://www.fda.gov/drugs/drug-interactions-labeling/"
        "drug-development-and-drug-interactions-table-substrates-inhibitors-and-inducers",
        "note": "Rows transcribed without a copy at hand that the edition of 2026 does not list: not checked.",
    },
    {
        "id": "cicali-2020",
        "title": "A scoping review of the evidence behind CYP2D6 inhibitor classifications",
        "version": "2020",
        "licence": "facts",
        "url": "https://doi.org/10.1002/cpt.1768",
        "pmid": "31910286",
        "note": "Which classes of the FDA table agree with published changes of exposure; CYP2D6 only.",
    },
    {
        "id": "cpic-cyp2d6-opioids-2021",
        "title": "CPIC guideline for CYP2D6, OPRM1 and COMT genotypes and select opioid therapy",
        "version": "2021",
        "licence": "CC0-1.0",
        "url": "https://doi.org/10.1002/cpt.2149",
        "pmid": "33387367",
        "note": "Activity score × 0 with a strong and × 0.5 with a moderate inhibitor of CYP2D6.",
    },
    {
        "id": "sartor-steps",
        "title": "Sartor, phenoconversion by steps (docs/methods/phenoconversion.md)",
        "version": "1",
        "licence": "Apache-2.0",
        "url": "",
        "note": "No guideline gives a number for these enzymes. Sartor moves the phenotype by class (strong inhibitor: "
        "poor; moderate inhibitor: one step down; strong or moderate inducer: one step up) and marks it uncertain.",
    },
]

# enzyme -> role -> strength -> ingredients
Classes = dict[str, dict[str, dict[str, list[str]]]]

FDA: Classes = {
    "CYP1A2": {
        "inhibitor": {
            "strong": ["fluvoxamine"],
            "moderate": ["capmatinib", "ciprofloxacin", "methoxsalen", "mexiletine", "vemurafenib"],
            "weak": ["acyclovir", "allopurinol", "cimetidine", "peginterferon alfa-2a", "zileuton"],
        },
        "inducer": {"moderate": ["phenytoin", "rifampin", "teriflunomide"]},
    },
    "CYP2B6": {
        "inhibitor": {"weak": ["clopidogrel", "tenofovir", "ticlopidine", "voriconazole"]},
        "inducer": {
            "strong": ["carbamazepine"],
            "moderate": ["efavirenz", "rifampin"],
            "weak": ["isavuconazole", "lemborexant", "lorlatinib", "nevirapine", "ritonavir"],
        },
    },
    "CYP2C9": {
        "inhibitor": {
            "moderate": ["amiodarone", "fluconazole", "miconazole"],
            "weak": ["ceritinib", "diosmin", "disulfiram", "fluvastatin", "fluvoxamine", "voriconazole"],
        },
        "inducer": {
            "moderate": ["enzalutamide", "rifampin"],
            "weak": ["apalutamide", "aprepitant", "carbamazepine", "dabrafenib", "lorlatinib", "ritonavir"],
        },
    },
    "CYP2C19": {
        "inhibitor": {
            "strong": ["fluconazole", "fluoxetine", "fluvoxamine", "ticlopidine"],
            "moderate": ["cenobamate", "felbamate", "voriconazole"],
            "weak": ["omeprazole", "pirtobrutinib"],
        },
        "inducer": {
            "strong": ["rifampin"],
            "moderate": ["apalutamide", "efavirenz", "enzalutamide", "phenytoin"],
            "weak": ["ritonavir", "zanubrutinib"],
        },
    },
    "CYP2D6": {
        "inhibitor": {
            "strong": ["bupropion", "fluoxetine", "paroxetine", "quinidine", "terbinafine"],
            "moderate": ["abiraterone", "cinacalcet", "duloxetine", "lorcaserin", "mirabegron", "rolapitant"],
            "weak": [
                "amiodarone", "celecoxib", "cimetidine", "clobazam", "cobicistat", "escitalopram", "fluvoxamine",
                "labetalol", "sertraline", "vemurafenib",
            ],
        },
    },
    "CYP3A4": {
        "inhibitor": {
            "strong": [
                "adagrasib", "ceritinib", "clarithromycin", "cobicistat", "idelalisib", "itraconazole", "ketoconazole",
                "nefazodone", "nelfinavir", "posaconazole", "ritonavir", "telithromycin", "tucatinib", "voriconazole",
            ],
            "moderate": [
                "aprepitant", "ciprofloxacin", "conivaptan", "crizotinib", "diltiazem", "dronedarone", "erythromycin",
                "fluconazole", "imatinib", "isavuconazole", "verapamil",
            ],
            "weak": [
                "amiodarone", "chlorzoxazone", "cilostazol", "cimetidine", "clotrimazole", "cyclosporine",
                "entrectinib", "fluvoxamine", "fosaprepitant", "istradefylline", "ivacaftor", "larotrectinib",
                "lazertinib", "lomitapide", "pirtobrutinib", "ranitidine", "ranolazine", "selpercatinib",
                "sevabertinib", "ticagrelor",
            ],
        },
        "inducer": {
            "strong": [
                "apalutamide", "carbamazepine", "enzalutamide", "ivosidenib", "lumacaftor", "mitotane", "phenytoin",
                "rifampin", "st. john's wort",
            ],
            "moderate": [
                "bosentan", "cenobamate", "dabrafenib", "efavirenz", "etravirine", "lorlatinib", "pexidartinib",
                "phenobarbital", "primidone", "repotrectinib", "sotorasib",
            ],
            "weak": [
                "armodafinil", "elagolix", "mobocertinib", "modafinil", "rufinamide", "tazemetostat", "vemurafenib",
                "zanubrutinib",
            ],
        },
    },
}  # fmt: skip

# Rows of the earlier transcription that the present edition does not list. They are kept, unchecked: to leave an
# interaction out that an edition named would be the less cautious error. (Indinavir is listed with ritonavir only.)
EARLIER: Classes = {
    "CYP1A2": {"inhibitor": {"strong": ["enoxacin"]}, "inducer": {"moderate": ["ritonavir"]}},
    "CYP2C9": {"inhibitor": {"moderate": ["felbamate"]}},
    "CYP2D6": {"inhibitor": {"weak": ["desvenlafaxine", "ritonavir"]}},
    "CYP3A4": {
        "inhibitor": {
            "strong": ["boceprevir", "indinavir", "telaprevir", "troleandomycin"],
            "moderate": ["tofisopam"],
        }
    },
}

# The review (cicali-2020, table 4 and conclusion) found these CYP2D6 classes not borne out by published exposure.
NOT_CONFIRMED = {"celecoxib", "desvenlafaxine", "duloxetine", "mirabegron"}
# It asked about moderate and weak inhibitors of its time only; abiraterone was listed as weak then, as moderate now.
NOT_REVIEWED = {*FDA["CYP2D6"]["inhibitor"]["strong"], "abiraterone", "lorcaserin", "rolapitant"}

# Ingredients that are also applied to skin, eye, ear, mouth or vagina, where they hardly reach the liver.
ALSO_LOCAL = {"ciprofloxacin", "clotrimazole", "erythromycin", "ketoconazole", "miconazole", "terbinafine"}

NAMES = {
    "rifampin": ["rifampicin"], "cyclosporine": ["ciclosporin"], "acyclovir": ["aciclovir"],
    "st. john's wort": ["hypericum perforatum", "st john's wort", "st. john's wort extract", "hypericum"],
    "phenytoin": ["fosphenytoin"], "phenobarbital": ["phenobarbitone"], "tenofovir": ["tenofovir disoproxil"],
    "peginterferon alfa-2a": ["peginterferon alpha-2a"],
}  # fmt: skip

STEPS = (("inhibitor", "moderate", -1), ("inducer", "strong", 1), ("inducer", "moderate", 1))

# gene -> what a class of medicine does to it
RULES: list[dict[str, Any]] = [
    {"gene": "CYP2D6", "role": "inhibitor", "strength": "strong", "score_factor": 0.0, "certain": True,
     "source": "cpic-cyp2d6-opioids-2021"},
    {"gene": "CYP2D6", "role": "inhibitor", "strength": "moderate", "score_factor": 0.5, "certain": False,
     "source": "cpic-cyp2d6-opioids-2021"},
    *(
        {"gene": gene, "role": "inhibitor", "strength": "strong", "to_lowest": True, "certain": gene == "CYP2C19",
         "source": "sartor-steps"}
        for gene in ("CYP2B6", "CYP2C19", "CYP2C9", "CYP3A4")
    ),
    *(
        {"gene": gene, "role": role, "strength": strength, "steps": steps, "certain": False, "source": "sartor-steps"}
        for gene in ("CYP2B6", "CYP2C19", "CYP2C9", "CYP3A4")
        for role, strength, steps in STEPS
    ),
]  # fmt: skip

POOR, LIKELY_POOR, INTERMEDIATE, LIKELY_INTERMEDIATE, NORMAL, RAPID, ULTRARAPID = (
    f"{word} Metabolizer"
    for word in ("Poor", "Likely Poor", "Intermediate", "Likely Intermediate", "Normal", "Rapid", "Ultrarapid")
)

# gene -> phenotypes from the least to the most active; a phenotype and its "likely" form stand on one rung
LADDERS = {
    "CYP2B6": [[POOR], [INTERMEDIATE], [NORMAL], [RAPID], [ULTRARAPID]],
    "CYP2C19": [[POOR, LIKELY_POOR], [INTERMEDIATE, LIKELY_INTERMEDIATE], [NORMAL], [RAPID], [ULTRARAPID]],
    "CYP2C9": [[POOR], [INTERMEDIATE], [NORMAL]],
    "CYP2D6": [[POOR], [INTERMEDIATE], [NORMAL], [ULTRARAPID]],
    "CYP3A4": [[POOR], [INTERMEDIATE], [NORMAL]],
}

# gene -> the score that stands for a rung that was reached by a step
RUNG_SCORES = {"CYP2C9": [0.5, 1.0, 2.0]}

# gene -> the first bound that a score meets names its phenotype (PMID 31647186)
SCORE_BOUNDS = {
    "CYP2D6": [
        {"phenotype": ULTRARAPID, "above": 2.25},
        {"phenotype": NORMAL, "at_least": 1.25},
        {"phenotype": INTERMEDIATE, "above": 0.0},
        {"phenotype": POOR, "at_least": 0.0},
    ],
}


def rows() -> list[dict[str, Any]]:
    """One row per enzyme, role and ingredient."""
    found = [*classes(FDA, "fda-ddi-table", checked=True), *classes(EARLIER, "fda-ddi-earlier", checked=False)]
    return sorted(found, key=lambda row: (row["gene"], row["role"], row["drug"]))


def classes(table: Classes, source: str, *, checked: bool) -> list[dict[str, Any]]:
    """The rows of one edition."""
    return [
        row(gene, role, strength, drug) | {"checked": checked, "source": source}
        for gene, roles in table.items()
        for role, strengths in roles.items()
        for strength, drugs in strengths.items()
        for drug in drugs
    ]


def row(gene: str, role: str, strength: str, drug: str) -> dict[str, Any]:
    """One medicine and one enzyme, without its source."""
    reviewed = gene == "CYP2D6" and drug not in NOT_REVIEWED
    local = {"also_local": True} if drug in ALSO_LOCAL else {}
    return {
        "gene": gene,
        "drug": drug,
        "names": NAMES.get(drug, []),
        "role": role,
        "strength": strength,
        **local,
        "confirmed": drug not in NOT_CONFIRMED if reviewed else None,
    }


def main() -> None:
    content = {
        "schema": "sartor/interactions/1", "sources": SOURCES, "ladders": LADDERS, "rung_scores": RUNG_SCORES,
        "score_bounds": SCORE_BOUNDS, "rules": RULES,
    }  # fmt: skip
    head = json.dumps(content, indent=1, ensure_ascii=False)[:-2]
    body = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows())
    OUT.write_text(f'{head},\n "rows": [\n{body}\n ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
