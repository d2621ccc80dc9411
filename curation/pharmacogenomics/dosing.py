"""Compile the published dosing equations and dose factors into our table.

Run from the repository root: `python curation/pharmacogenomics/dosing.py`. Coefficients and factors are transcribed
by hand from the papers named in SOURCES; no patient data enter.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "src/sartor/capabilities/pharmacogenomics/data/dosing.json"

SOURCES = [
    {"id": "iwpc-2009", "publisher": "IWPC",
     "title": "Estimation of the warfarin dose with clinical and pharmacogenetic data (IWPC)",
     "version": "2009", "date": "2009-02-19", "licence": "facts", "pmid": "19228618", "doi": "10.1056/NEJMoa0809329"},
    {"id": "gage-2008", "publisher": "Gage",
     "title": "Use of pharmacogenetic and clinical factors to predict the therapeutic dose of warfarin",
     "version": "2008", "date": "2008-09", "licence": "facts", "pmid": "18305455", "doi": "10.1038/clpt.2008.10"},
    {"id": "coag-2016",
     "title": "Warfarin dosing algorithms in the COAG trial: predicted and observed maintenance doses",
     "version": "2016", "date": "2016-10", "licence": "facts", "doi": "10.1097/FPC.0000000000000235"},
    {"id": "cpic-warfarin-2017", "title": "CPIC guideline for pharmacogenetics-guided warfarin dosing: 2017 update",
     "version": "2017", "date": "2017-02", "licence": "CC0-1.0", "pmid": "28198005", "doi": "10.1002/cpt.668"},
    {"id": "dubois-1916", "title": "A formula to estimate the approximate surface area if height and weight be known",
     "version": "1916", "date": "1916-06", "licence": "facts", "doi": "10.1001/archinte.1916.00080130010002"},
    {"id": "cpic-tacrolimus-2015", "publisher": "CPIC",
     "title": "CPIC guideline for CYP3A5 genotype and tacrolimus dosing",
     "version": "2015", "date": "2015-07", "licence": "CC0-1.0", "pmid": "25801146", "doi": "10.1002/cpt.113",
     "url": "https://cpicpgx.org/guidelines/guideline-for-tacrolimus-and-cyp3a5/"},
    {"id": "cpic-thiopurines-2018", "publisher": "CPIC",
     "title": "CPIC guideline for thiopurine dosing based on TPMT and NUDT15 genotypes: 2018 update",
     "version": "2018, with the revision of 2024 for two intermediate metabolizers", "date": "2024-03",
     "licence": "CC0-1.0", "pmid": "30447069", "doi": "10.1002/cpt.1304",
     "url": "https://cpicpgx.org/guidelines/guideline-for-thiopurines-and-tpmt/"},
    {"id": "cpic-fluoropyrimidines-2017", "publisher": "CPIC",
     "title": "CPIC guideline for DPYD genotype and fluoropyrimidine dosing: 2017 update",
     "version": "2017, with the revision of 2018 for activity score 1.5", "date": "2018-10", "licence": "CC0-1.0",
     "pmid": "29152729", "doi": "10.1002/cpt.911",
     "url": "https://cpicpgx.org/guidelines/guideline-for-fluoropyrimidines-and-dpyd/"},
]  # fmt: skip


def spread(mean_absolute_error: float, slope: float) -> float:
    """The standard deviation, on the equation's own scale, of normal errors with this mean absolute error in dose."""
    return round(mean_absolute_error / (slope * math.sqrt(2 / math.pi)), 4)


# IWPC, validation cohort: mean absolute error 8.5 (pharmacogenetic) and 9.9 mg/week (clinical); median dose 28 mg/week,
# where the dose changes by 2·√28 mg/week per unit of √dose. Not confirmed in the article (docs/methods/dosing.md).
# Gage, in the COAG trial (its table 1): 1.3 and 1.5 mg/day; at the same median, 4 mg/day, the dose changes by 4 mg/day
# per unit of ln(dose).
IWPC_SLOPE, GAGE_SLOPE = 2 * math.sqrt(28), 28 / 7


def number(name: str, coefficient: float, reference: float) -> dict[str, Any]:
    return {"input": name, "coefficient": coefficient, "reference": reference}


def category(name: str, coefficients: dict[str, float]) -> list[dict[str, Any]]:
    return [{"input": name, "is": value, "coefficient": weight} for value, weight in coefficients.items()]


IWPC_BODY = ("age_decades", "height_cm", "weight_kg")
EQUATIONS = [
    {
        "id": "iwpc-pharmacogenetic", "drug": "warfarin", "family": "iwpc", "genetic": True, "inverse": "square",
        "per_week": 1, "intercept": 5.6044, "source": "iwpc-2009", "residual": spread(8.5, IWPC_SLOPE),
        "residual_source": "iwpc-2009", "level": 0.95,
        "terms": [
            number("age_decades", -0.2614, 6), number("height_cm", 0.0087, 170), number("weight_kg", 0.0128, 75),
            *category("vkorc1", {"A/G": -0.8677, "A/A": -1.6974, "unknown": -0.4854}),
            *category("cyp2c9", {"*1/*2": -0.5211, "*1/*3": -0.9357, "*2/*2": -1.0616, "*2/*3": -1.9206,
                                 "*3/*3": -2.3312, "unknown": -0.2188}),
            *category("ancestry", {"Asian": -0.1092, "Black": -0.2760, "Unknown": -0.1032}),
            number("inducer", 1.1816, 0), number("amiodarone", -0.5503, 0),
        ],
    },
    {
        "id": "iwpc-clinical", "drug": "warfarin", "family": "iwpc", "genetic": False, "inverse": "square",
        "per_week": 1, "intercept": 4.0376, "source": "iwpc-2009", "residual": spread(9.9, IWPC_SLOPE),
        "residual_source": "iwpc-2009", "level": 0.95,
        "terms": [
            number("age_decades", -0.2546, 6), number("height_cm", 0.0118, 170), number("weight_kg", 0.0134, 75),
            *category("ancestry", {"Asian": -0.6752, "Black": 0.4060, "Unknown": 0.0443}),
            number("inducer", 1.2799, 0), number("amiodarone", -0.5695, 0),
        ],
    },
    {
        "id": "gage-pharmacogenetic", "drug": "warfarin", "family": "gage", "genetic": True, "inverse": "exponential",
        "per_week": 7, "intercept": 0.9751, "source": "gage-2008", "residual": spread(1.3, GAGE_SLOPE),
        "residual_source": "coag-2016", "level": 0.95,
        "terms": [
            number("vkorc1_a", -0.3238, 0), number("body_surface", 0.4317, 1.9), number("cyp2c9_3", -0.4008, 0),
            number("age_years", -0.00745, 65), number("cyp2c9_2", -0.2066, 0), number("target_inr", 0.2029, 2.5),
            number("amiodarone", -0.2538, 0), number("smoker", 0.0922, 0), number("african_american", -0.0901, 0),
            number("thrombosis", 0.0664, 0),
        ],
    },
    {
        "id": "gage-clinical", "drug": "warfarin", "family": "gage", "genetic": False, "inverse": "exponential",
        "per_week": 7, "intercept": 0.613, "source": "gage-2008", "residual": spread(1.5, GAGE_SLOPE),
        "residual_source": "coag-2016", "level": 0.95,
        "terms": [
            number("body_surface", 0.425, 1.9), number("age_years", -0.0075, 65), number("african_american", 0.156, 0),
            number("target_inr", 0.216, 2.5), number("amiodarone", -0.257, 0), number("smoker", 0.108, 0),
            number("thrombosis", 0.0784, 0),
        ],
    },
]  # fmt: skip

WARFARIN = {
    "covered_cyp2c9": ["*1", "*2", "*3"],
    "body_surface": {"factor": 0.007184, "weight_power": 0.425, "height_power": 0.725, "source": "dubois-1916"},
    "inducers": ["carbamazepine", "phenytoin", "fosphenytoin", "rifampin", "rifampicin"],
    "amiodarone": ["amiodarone"],
    "assumed": {"target_inr": 2.5, "smoker": 0, "thrombosis": 0},
    "alternatives": {"target_inr": [2.0, 3.5], "smoker": [0, 1], "thrombosis": [0, 1]},
    "limits": {"age_years": [18, 110], "height_cm": [120, 220], "weight_kg": [30, 250]},
    "ancestry_words": {
        "Asian": ["asian", "chinese", "japanese", "korean", "vietnamese", "filipino", "2028-9"],
        "Black": ["black", "african", "2054-5"],
        "White": ["white", "caucasian", "european", "2106-3"],
    },
    "less_accurate": ["Black"],
    "thrombosis_codes": ["I26", "I80.1", "I80.2", "I80.3", "I82", "128053003", "59282003", "132281000119108"],
    "thrombosis_words": [
        "deep vein thrombosis",
        "deep venous thrombosis",
        "pulmonary embolism",
        "venous thromboembolism",
    ],
    "guideline": "cpic-warfarin-2017",
}

ANY_IM = ["Intermediate Metabolizer", "Possible Intermediate Metabolizer"]
NM, PM = ["Normal Metabolizer"], ["Poor Metabolizer"]


def rule(
    genes: dict[str, list[str]], low: float, high: float, action: str, strength: str, **more: Any
) -> dict[str, Any]:
    return {"genes": genes, "factor": [low, high], "action": action, "strength": strength, **more}


def thiopurine(one_low: float, nudt15_poor: dict[str, Any]) -> list[dict[str, Any]]:
    """First rule that fits wins; a gene that a rule does not name may be anything, also unknown."""
    return [
        rule({"TPMT": PM}, 0.1, 0.1, "alternative", "strong", note="tpmt-poor", days_per_week=3),
        nudt15_poor,
        rule({"TPMT": ANY_IM, "NUDT15": ANY_IM}, 0.2, 0.5, "lower dose", "strong", note="thiopurine-both"),
        rule({"TPMT": ANY_IM}, one_low, 0.8, "lower dose", "strong"),
        rule({"NUDT15": ANY_IM}, one_low, 0.8, "lower dose", "strong"),
        rule({"TPMT": NM}, 1.0, 1.0, "standard", "strong"),
        rule({"NUDT15": NM}, 1.0, 1.0, "standard", "strong"),
    ]


POOR_NUDT15 = rule({"NUDT15": PM}, 0.1, 0.1, "alternative", "strong", note="nudt15-poor")
DPYD_RULES = [
    rule({"DPYD": ["0.0"]}, 0.0, 0.0, "avoid", "strong"),
    rule({"DPYD": ["0.5"]}, 0.0, 0.25, "avoid", "strong", note="dpyd-half"),
    rule({"DPYD": ["1.0"]}, 0.5, 0.5, "lower dose", "strong", note="dpyd-titrate"),
    rule({"DPYD": ["1.5"]}, 0.5, 0.5, "lower dose", "moderate", note="dpyd-titrate"),
    rule({"DPYD": ["2.0"]}, 1.0, 1.0, "standard", "strong"),
]
THIOPURINES, FLUOROPYRIMIDINES = "cpic-thiopurines-2018", "cpic-fluoropyrimidines-2017"

FACTORS = [
    {"drug": "tacrolimus", "rxnorm": "42316", "id": "cpic-cyp3a5", "source": "cpic-tacrolimus-2015",
     "genes": ["CYP3A5"], "maximum": {"value": 0.3, "unit": "mg/kg/d"}, "urgency": "soon",
     "rules": [
         rule({"CYP3A5": [*NM, *ANY_IM]}, 1.5, 2.0, "higher dose", "strong", note="tacrolimus-monitor"),
         rule({"CYP3A5": PM}, 1.0, 1.0, "standard", "strong", note="tacrolimus-monitor"),
     ]},
    {"drug": "azathioprine", "rxnorm": "1256", "id": "cpic-tpmt-nudt15", "source": THIOPURINES,
     "genes": ["TPMT", "NUDT15"], "usual": {"low": 2.0, "high": 3.0, "unit": "mg/kg/d"}, "urgency": "now",
     "rules": thiopurine(0.3, POOR_NUDT15)},
    {"drug": "mercaptopurine", "rxnorm": "103", "id": "cpic-tpmt-nudt15", "source": THIOPURINES,
     "genes": ["TPMT", "NUDT15"], "usual": {"low": 1.5, "high": 1.5, "unit": "mg/kg/d"}, "urgency": "now",
     "rules": thiopurine(0.3, rule({"NUDT15": PM}, 0.1333, 0.1333, "lower dose", "strong",
                                   note="mercaptopurine-nudt15-poor", start="10 mg/m² a day"))},
    {"drug": "thioguanine", "rxnorm": "10485", "id": "cpic-tpmt-nudt15", "source": THIOPURINES,
     "genes": ["TPMT", "NUDT15"], "urgency": "now",
     "rules": thiopurine(0.5, rule({"NUDT15": PM}, 0.25, 0.25, "lower dose", "strong", note="nudt15-poor"))},
    *({"drug": drug, "rxnorm": code, "id": "cpic-dpyd", "source": FLUOROPYRIMIDINES, "genes": ["DPYD"],
       "urgency": "now", "rules": DPYD_RULES}
      for drug, code in (("fluorouracil", "4492"), ("capecitabine", "194000"))),
]  # fmt: skip


def main() -> None:
    content = {
        "schema": "sartor/dosing/1", "sources": SOURCES, "rxnorm": {"warfarin": "11289"}, "warfarin": WARFARIN,
        "equations": EQUATIONS, "factors": FACTORS,
    }  # fmt: skip
    OUT.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
