"""Reads a guideline's prose into codes: what to do, how much, instead of what, watching what.

The rules look for the few turns of phrase that guidelines use; a text that they cannot read, or would read wrongly,
has an entry in guideline_readings.toml under the first twelve hex digits of its SHA-256. Nothing of the prose leaves
this module: what is returned are codes, numbers, names of drugs and of genes.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

STANDARD, AVOID, ALTERNATIVE = "standard", "avoid", "alternative"
LOWER, HIGHER, ADJUST = "lower dose", "higher dose", "adjust dose"
MONITOR, TEST, NONE = "monitor", "test first", "no recommendation"


@dataclass(frozen=True)
class Reading:
    """One text as codes; see packs/dpwg/README.md for the meaning of each field."""

    kind: str = ""
    also: tuple[str, ...] = ()
    factor: tuple[float, float] | None = None
    factor_of: str = ""
    maximum: str = ""
    start: str = ""
    alternatives: tuple[str, ...] = ()
    alternative_class: str = ""
    not_instead: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    qualifiers: tuple[str, ...] = ()
    reason: str = ""
    read_by: str = field(default="rule", compare=False)


def plain(markup: str) -> tuple[str, str]:
    """The recommendation and the further considerations of one entry, without markup, white space squeezed."""
    main, _, other = markup.partition('<h4 id="other-considerations">')
    return _squeeze(main), _squeeze(other.partition("</h4>")[2])


def _squeeze(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def digest(text: str) -> str:
    """The name of a text in the table of reviewed readings."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# Ordered: the first pattern found decides the kind of action; further kinds come from the later tables.
KINDS: tuple[tuple[str, str, str], ...] = (
    (r"xn is not a valid input", NONE, "copy-number-unspecified"),
    (r"^n/a$", NONE, "not-given"),
    (r"insufficient evidence demonstrating clinical impact", STANDARD, ""),
    (r"^no recommendation( (for|due).*(evidence).*)?$", NONE, "insufficient-evidence"),
    (r"no action recommended based on genotype", NONE, "insufficient-evidence"),
    (r"^the guideline does not provide a recommendation", NONE, "not-covered"),
    (r"^no action is (needed|required)", STANDARD, ""),
    (r"^based on (\w+) status, clinical findings|^no \w+ genotype is available. based on|^clinical findings, family",
     NONE, "clinical-findings-guide"),
    (r"relatively contraindicated", AVOID, ""),
    (r"ascertain g6pd status", TEST, "enzyme-activity"),
    (r"^(neither tpmt|tpmt phenotype could not|nudt15 phenotype could not)", TEST, "enzyme-activity"),
    (r"not possible to recommend a dose adjustment for this patient based on the genotype only", TEST,
     "enzyme-activity"),
    (r"^avoid moderate and strong cyp2d6 inhibitors", STANDARD, ""),
    (r"consistently for longer than three months|previously used phenytoin continuously", MONITOR, ""),
    (r"alternative agents are not available, consider the use", MONITOR, ""),
    (r"naïve|naive", AVOID, ""),
    (r"is contra-?indicated|is not recommended|^avoid|^recommend alternative hormonal", AVOID, ""),
    (r"^(indication|percutaneous|for pain|co-medication|patient has additional|efavirenz in|if a gradual|"
     r"for cutaneous|indications|recommendation liver|liver)", "", ""),
    (r"initiate standard starting daily dose. for chronic", STANDARD, ""),
    (r"^initiate with a dose of \S+ \S+ and increase to", STANDARD, ""),
    (r"^initiate with a dose of", ADJUST, ""),
    (r"(use|start with|start at|reduce the dose to) \d+(-\d+)?% of the (standard|normal)", LOWER, ""),
    (r"^(use|increase the dose to) [\d.]+ times the (standard|normal)|^double the standard", HIGHER, ""),
    (r"^choose an alternative or start|^select an alternative or|^choose an alternative, such|^choose an alternative",
     ALTERNATIVE, ""),
    (r"carefully weigh the risk", ALTERNATIVE, ""),
    (r"^(consider|select|prescribe|choose)( an?)?( clinically appropriate)?( alternative| antidepressant)",
     ALTERNATIVE, ""),
    (r"^consider hormonal therapy", ALTERNATIVE, ""),
    (r"for non-malignant conditions, consider alternative non-thiopurine immunosuppressant therapy. for malignan",
     ALTERNATIVE, ""),
    (r"drastically reduced|initiate dose at 10 mg|reduced (starting )?doses|reduce starting dose", LOWER, ""),
    (r"≤ ?\d+ ?mg( per day)? as a starting dose|limit dose to", LOWER, ""),
    (r"reduction of (recommended|the recommended|standard|the standard)|\d% reduction in recommended", LOWER, ""),
    (r"lower starting dose|decreased dose of|lowest recommended starting dose|50% of starting dose", LOWER, ""),
    (r"less than typical maintenance dose", LOWER, ""),
    (r"titrating to a higher target|increase starting (daily )?dose|consider increasing dose by", HIGHER, ""),
    (r"higher maintenance dose or switching", STANDARD, ""),
    (r"slower titration schedule and lower maintenance", LOWER, ""),
    (r"consider 50% reduction in daily dose", STANDARD, ""),
    (r"(no adjustments needed|standard dos|normal starting dose|desired starting dose|recommended starting dose|"
     r"label.recommended|recommended dose|standard dosing|recommended standard of care|no reason to avoid|"
     r"no need to avoid|product label|standard starting daily dose|standard recommended dose)", STANDARD, ""),
    (r"do not exceed the following|no more than \d|administer no more", LOWER, ""),
    (r"(use|start with|with|to) (\d\d)(-\d)?% of the (standard|normal)|half of the normal|reduce the dose", LOWER, ""),
    (r"times the (standard|normal)|fold higher dose|double the standard|1.5x higher|increase the dose to", HIGHER, ""),
    (r"^(monitor|regularly monitor|determine the|be (extra )?alert)", MONITOR, ""),
)  # fmt: skip

ALSO: tuple[tuple[str, str], ...] = (
    (r"alternative|consider a non-\w+ opioid|non-tramadol opioid|use prasugrel|non-codeine", ALTERNATIVE),
    (r"(\d+% (reduction|lower)|reduced dose|lower maintenance|lower starting dose|drastically reduced|"
     r"strongly reduced dose|less than typical|limit dose to|% of the (standard|normal) |low dose and adjust|"
     r"reduce the dose)", LOWER),
    (r"higher target dose|higher (but|maintenance) |increase (starting|the dose)|dose increase|increasing dose by|"
     r"higher dose", HIGHER),
    (r"therapeutic drug monitoring|monitor|plasma concentration|be (extra )?alert|aware of possible increased risk|"
     r"\becg\b|evaluate regularly|\breport\b|contact their doctor|serum concentration|based on toxicity|"
     r"for toxicity|degree of myelosuppression|endoxifen concentration", MONITOR),
)  # fmt: skip

MONITORING: tuple[tuple[str, str], ...] = (
    (r"therapeutic drug monitoring|plasma concentration|serum concentration|endoxifen concentration", "drug-level"),
    (r"\becg\b", "ecg"),
    (r"myelosuppression|blood count|neutrophil|leukopaenia", "blood-count"),
    (r"\binr\b", "inr"),
    (r"hearing", "hearing"),
    (r"liver (function|enzymes)", "liver-function"),
    (r"kidney function(?! )|kidney function during", "kidney-function"),
    (r"blood pressure", "blood-pressure"),
    (r"myopathy|muscle symptoms", "muscle-symptoms"),
    (r"hemolysis|anemia", "haemolysis"),
    (r"monitor for efficacy|continued efficacy|reduced effect|reduced efficacy|inadequate (effect|analgesia)|"
     r"monitor the (effect|efficacy)", "effect"),
    (r"side effects|toxicity|adverse (events|drug)|cutaneous adverse|\brash\b", "side-effects"),
    (r"platelet aggregation by", "platelet-function"),
)  # fmt: skip

QUALIFIERS: tuple[tuple[str, str], ...] = (
    (r"slower titration", "slower-titration"),
    (r"typical initial or loading dose|loading dose does not", "loading-dose-unchanged"),
    (r"if no response and opioid|does not adequately respond|adequate efficacy is not achieved|in the case of "
     r"inadequate effectiveness|if the effectiveness is (still )?insufficient", "if-response-inadequate"),
    (r"chronic therapy \(>12 weeks", "after-12-weeks"),
    (r"h\. pylori|helicobacter", "helicobacter-or-oesophagitis"),
    (r"longer than three months|continuously for longer", "if-used-3-months-before"),
    (r"naïve|naive,", "if-never-taken"),
    (r"avoid (moderate and strong cyp2d6|cyp2d6 strong|co-medication with cyp2d6)", "avoid-inhibitors"),
    (r"dpyd? activity|dpd activity|enzyme activity must|tpmt (erythrocyte )?activity|erythrocyte tpmt",
     "measure-enzyme-activity"),
    (r"shortest feasible course", "short-course"),
    (r"with lowest recommended starting dose", "start-lowest"),
    (r"lowest effective dosage for shortest", "lowest-dose-shortest-time"),
    (r"for malignan|leukaemia:", "differs-in-malignancy"),
    (r"indication (depression|obsessive)|percutaneous coronary|indications?:|"
     r"other indications|for pain|for cough|heart failure|provocation test|gradual reduction|"
     r"cutaneous administration", "depends-on-indication"),
    (r"co-medication with (both|a (strong|moderate|weak))", "depends-on-comedication"),
    (r"doses higher than 20 mg", "depends-on-dose"),
    (r"liver transplantation", "depends-on-donor-liver"),
    (r"additional significant risk factors|additional risk factors", "depends-on-risk-factors"),
    (r"could not be (assigned|determined)|genotype (result )?is not available|genotype is available", "one-gene-only"),
    (r"combination therapy", "or-add-another-lipid-medicine"),
    (r"once weekly x8", "expert-exceptions"),
    (r"calculated using an algorithm", "use-dose-algorithm"),
    (r"induce allopurinol tolerance", "or-induce-tolerance"),
    (r"after steady state is reached", "titrate-after-steady-state"),
)  # fmt: skip

CLASSES: tuple[tuple[str, str], ...] = (
    (r"non-tramadol opioid|non-codeine|non codeine", "opioid-not-through-CYP2D6"),
    (r"alternative statin", "another-statin"),
    (r"p2y12 inhibitor", "another-P2Y12-inhibitor"),
    (r"not (predominantly |primarily )?metabolized by cyp2c19 or cyp2b6", "not-through-CYP2C19-or-CYP2B6"),
    (r"not (predominantly |primarily )?metabolized by cyp2c19|not dependent on cyp2c19", "not-through-CYP2C19"),
    (r"not (predominantly |primarily )?metabolized by cyp2d6", "not-through-CYP2D6"),
    (r"not (predominantly |primarily )?metabolized by cyp2b6", "not-through-CYP2B6"),
    (r"not metabolized by cyp2c9", "not-through-CYP2C9"),
    (r"non-thiopurine", "non-thiopurine-immunosuppressant"),
    (r"aromatase inhibitor", "aromatase-inhibitor"),
    (r"alternative anesthetics", "safe-anaesthetic"),
    (r"alternative", "another-medicine"),
)  # fmt: skip

_NAMES = (
    "prasugrel ticagrelor rosuvastatin pravastatin fluvastatin nortriptyline desipramine granisetron isavuconazole "
    "posaconazole febuxostat clonidine morphine oxycodone citalopram sertraline paroxetine fluvoxamine fluoxetine "
    "duloxetine mirtazapine sotalol disopyramide quinidine amiodarone bisoprolol carvedilol atenolol flupentixol "
    "penfluridol quetiapine olanzapine clozapine noscapine risperidone aripiprazole haloperidol pimozide "
    "propafenone zuclopenthixol"
)
DRUGS = tuple(_NAMES.split())

INSTEAD = re.compile(
    r"(?:use (?=prasugrel)|i\.e\., |such as |include[s]?,?(?: for example,?)?|for example,?|are possible alternatives?|"
    r"such agents include|possible alternatives include:?|options? (?:is|are)|are not metaboli[sz]ed by cyp\w+|"
    r"consider (?=rosuvastatin))[^.]*"
)


def read(main: str, drug: str) -> Reading:
    """The reading of one recommendation text about a drug; kind is "" when no rule applies."""
    text = main.lower()
    kind, reason = _kind(text)
    if kind == NONE:
        return Reading(kind=NONE, reason=reason)
    monitoring = tuple(code for pattern, code in MONITORING if re.search(pattern, text))
    factor, factor_of = _factor(text)
    also = [code for pattern, code in ALSO if code != kind and re.search(pattern, text)]
    if kind in (LOWER, HIGHER, ADJUST):
        also = [code for code in also if code not in (LOWER, HIGHER)]
    alternative = ALTERNATIVE in (kind, *also) or kind == AVOID
    return Reading(
        kind=kind,
        also=tuple(also),
        factor=factor,
        factor_of=factor_of,
        maximum=_maximum(text),
        start=_start(text),
        alternatives=tuple(_alternatives(text, drug)) if alternative else (),
        alternative_class=_first(CLASSES, text) if alternative else "",
        not_instead=tuple(_not_instead(text)),
        monitoring=monitoring if MONITOR in (kind, *also) else (),
        qualifiers=tuple(code for pattern, code in QUALIFIERS if re.search(pattern, text)),
        reason=reason,
    )


def _kind(text: str) -> tuple[str, str]:
    for pattern, kind, reason in KINDS:
        if re.search(pattern, text):
            return kind, reason
    return "", ""


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((code for pattern, code in table if re.search(pattern, text)), "")


# pattern → function of its groups giving the lowest and highest multiple of the usual dose
FACTORS: tuple[tuple[str, str], ...] = (
    (r"reduce daily dose by 10-fold", "0.1 0.1"),
    (r"reduced (?:starting )?doses \((\d+)% ?(?:-|to) ?(\d+)%", "share"),
    (r"starting doses to (\d+)% of normal", "share"),
    (r"(\d+)-(\d+)% lower starting", "less"),
    (r"(\d+)% (?:lower|reduction)", "less"),
    (r"reduce starting dose by (\d+)%", "less"),
    (r"approximately (\d+)% less", "less"),
    (r"with (\d+)-(\d+)% of the lowest", "share"),
    (r"(?:with|initiate) (\d+)% of (?:the lowest|starting)", "share"),
    (r"(?:use|start with|at|to) (\d+)-(\d+)% of the (?:standard|normal)", "share"),
    (r"(?:use|start with|start at|reduce the dose to|initial dose|start with the) (\d+)% of the (?:standard|normal)",
     "share"),
    (r"half of the normal", "0.5 0.5"),
    (r"double the standard|increase starting daily dose by 100%", "2 2"),
    (r"increasing dose by (\d+)-(\d+)%", "more"),
    (r"dose by (\d+)% or more", "more"),
    (r"increase the dose to (\d+)%", "share"),
    (r"([\d.]+) to ([\d.]+) times", "times"),
    (r"([\d.]+) times the (?:standard|normal|initial)", "times"),
    (r"([\d.]+)-fold higher dose", "times"),
    (r"([\d.]+)x higher", "times"),
    (r"by a factor of ([\d.]+)-([\d.]+)", "times"),
)  # fmt: skip


def _factor(text: str) -> tuple[tuple[float, float] | None, str]:
    for pattern, how in FACTORS:
        found = re.search(pattern, text)
        if found is None:
            continue
        return _multiples(found.groups(), how), _factor_of(text, found)
    return None, ""


def _multiples(groups: tuple[str, ...], how: str) -> tuple[float, float]:
    if how[0].isdigit():
        low, high = how.split()
        return float(low), float(high)
    numbers = [float(group.rstrip(".")) for group in groups]
    scale = {
        "times": lambda n: n,
        "share": lambda n: n / 100,
        "less": lambda n: 1 - n / 100,
        "more": lambda n: 1 + n / 100,
    }[how]
    values = sorted(round(scale(number), 4) for number in numbers)
    return values[0], values[-1]


def _factor_of(text: str, found: re.Match[str]) -> str:
    near = text[max(0, found.start() - 40) : found.end() + 60]
    for word, code in (("the lowest recommended starting", "lowest starting dose"),
                       ("maintenance", "maintenance dose"), ("other doses", "maintenance dose"),
                       ("start", "starting dose"), ("initial", "starting dose"),
                       ("initiate", "starting dose")):  # fmt: skip
        if word in near:
            return code
    return "dose"


def _maximum(text: str) -> str:
    patterns = (
        r"limit dose to ([<≤] ?[\d.]+ ?mg/day)",
        r"should not exceed ([\d.]+ mg/kg/day)",
        r"≤ ?([\d.]+) ?mg(?: per day)? as a starting dose",
        r"no more than ([\d.]+ mg/day or [\d.]+ mg/month)",
        r"maximum (?:recommended )?dose of ([\d.]+ mg)",
    )
    for pattern in patterns:
        if found := re.search(pattern, text):
            value = re.sub(r"([<≤]) ?", r"\1 ", found.group(1)).replace("mg/", " mg/").replace("  ", " ").strip()
            return f"{value} mg as starting dose" if value.replace(".", "").isdigit() else value
    return ""


def _start(text: str) -> str:
    patterns = (
        r"decreased dose of ([\d.]+(?: or [\d.]+)? mg/day)",
        r"dose at (10 mg/m2/day)",
        r"initiate with a dose of ([\d.]+ mg(?:/kg)?(?:/day)?)",
    )
    return next((found.group(1) for pattern in patterns if (found := re.search(pattern, text))), "")


def _alternatives(text: str, drug: str) -> Iterator[str]:
    seen = set(_not_instead(text))
    for stretch in INSTEAD.findall(text):
        for name in re.findall(r"[a-z]+", stretch):
            if name in DRUGS and name != drug and name not in seen:
                seen.add(name)
                yield name
        if "liposomal amphotericin" in stretch and "amphotericin B (liposomal)" not in seen:
            seen.add("amphotericin B (liposomal)")
            yield "amphotericin B (liposomal)"


def _not_instead(text: str) -> Iterator[str]:
    if "non-tramadol" in text or "do not select tramadol" in text:
        yield "tramadol"
    if re.search(r"non-codeine|do not (select|choose) codeine", text):
        yield "codeine"
    for name in ("tegafur", "carbamazepine"):
        if re.search(rf"{name} (is not an alternative|carries a)", text):
            yield name
    if "avoid carbamazepine and oxcarbazepine" in text:
        yield from ("carbamazepine", "oxcarbazepine")
    if "do not select simvastatin" in text:
        yield "simvastatin"
    if re.search(r"fluorouracil and capecitabine are not (suitable )?alternatives", text):
        yield from ("fluorouracil", "capecitabine")
