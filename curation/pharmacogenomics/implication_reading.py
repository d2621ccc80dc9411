"""Reads what a guideline says that a genotype does, into codes of effect and of adverse reaction, gene by gene."""

from __future__ import annotations

import re

SPLIT = re.compile(r"(?:^|, )([A-Z][A-Z0-9-]{2,10}): ")

EFFECTS: tuple[tuple[str, str], ...] = (
    (r"^n/a", "not-given"),
    (r"does not provide a description", "not-described"),
    (r"do not eliminate the chance", "risk-not-excluded"),
    (r"(very limited|no|limited) data (are )?available|minimal evidence|insufficient evidence to determine|"
     r"no data about|not enough scientific", "little-evidence"),
    (r"no significant effect|little or no (increased|effect)|little to no effect on the plasma concentration of|"
     r"does not (appear to )?(result|translate)|no evidence that|no indications supporting|insufficient evidence that|"
     r"questionable clinical", "little-effect"),
    (r"normal or (increased|reduced)|^normal|^typical|^expected|low or reduced risk|normal risk|low risk of acute|"
     r"therapeutic endoxifen|very low likelihood|low likelihood|risk and (statin|rosuvastatin) exposure|"
     r"weak or no evidence for an increased|responsive to ivacaftor$|normal (ppi|dpd|phenytoin|efavirenz|voriconazole)",
     "usual-response"),
    (r"negative for a cftr variant", "no-response-expected"),
    (r"(reduced|decreased|diminished) (morphine|clopidogrel active|o-desmethyl|conversion of (codeine|tramadol|"
     r"clopidogrel))|lower endoxifen|(reduced|decreased) metabolism of hydrocodone to active|endoxifen concentration|"
     r"reduces the conversion of (codeine|tramadol|clopidogrel|tamoxifen)|reduces the (activation|conversion) to|"
     r"decreased metabolism of venlafaxine to active", "reduced-activation"),
    (r"increased (formation of (morphine|o-desmethyl)|clopidogrel active|metabolism of venlafaxine to the active)|"
     r"increases the conversion of (codeine|tramadol)|increased conversion of clopidogrel", "increased-activation"),
    (r"(higher|increased|extremely high|moderate to high|high) (plasma |dose-adjusted |concentrations|atomoxetine conc|"
     r"\w+ ?(acid |statin )?exposure|ppi)|possibly higher|increase[sd]? (the |in the )?(\w+ )?(plasma )?(concentration|"
     r"exposure|quantit)|increased plasma|(reduced|decreased)( \w+)? metabolism(?! of (hydrocodone|venlafaxine))|"
     r"reduces? (the )?(\w+ )?(conversion|metabolism)( of \w+)? to (inactive|less)|higher( \w+)* concentration|"
     r"increased \w+ plasma|increases? the \w+ plasma|reduced conversion|reduces? conversion|leads to (an )?increased",
     "increased-exposure"),
    (r"lower plasma|decreased plasma|lower dose-adjusted|increased? (in )?metabolism(?! of venlafaxine)|"
     r"attainment of therapeutic|(reduction|decrease) (of|in) the (exposure|\w+ plasma)|decreases the plasma|reduced "
     r"plasma|increased conversion of|increases (the )?conversion of (?!codeine|tramadol)|unlikely ultrarapid|"
     r"achieve adequate serum|reducing the plasma|lower plasma", "decreased-exposure"),
    (r"diminished analgesia|therapeutic failure|pharmacotherapy failure|decrease the probability of clinical|decreased "
     r"response|reduced (effective|analgesia|efficacy)|ineffective|lower likelihood of response|decreased chance|"
     r"not effective|efficacy can be reduced|recurrence|risk of switching|effectiveness of \w+ is reduced|"
     r"lack of efficacy|probability of attainment|may not be achieved|reduced effect", "reduced-effect"),
    (r"increased chance of efficacy|greater improvement", "greater-effect"),
    (r"side effects|toxicit|adverse events", "more-side-effects"),
    (r"reduction of the required dose|dose requirement|sensitivity to|required dose", "lower-dose-needed"),
    (r"higher dose (is|being) (required|possibly)|higher dose is possibly", "higher-dose-needed"),
)  # fmt: skip

REACTIONS: tuple[tuple[str, str], ...] = (
    (r"hypersensitivity", "hypersensitivity"),
    (r"sjs|scar\b|stevens|dress", "severe-skin-reaction"),
    (r"hearing loss", "hearing-loss"),
    (r"malignant hyperthermia|malignant hypertherm", "malignant-hyperthermia"),
    (r"hemolytic|hemolysis", "haemolysis"),
    (r"myelosuppression|leukopaenia|leukopenia|neutropenia", "bone-marrow-suppression"),
    (r"myopathy", "muscle-damage"),
    (r"severe or even fatal|severe, potentially fatal|life-threatening toxicity|severe toxicity|fatal toxicity",
     "life-threatening-toxicity"),
    (r"bilirubin|jaundice", "jaundice"),
    (r"cerebrovascular|platelet reactivity", "clotting"),
    (r"bleeding|inr ", "bleeding"),
    (r"qt prolongation|torsades|qt interval", "qt-prolongation"),
    (r"cardiotoxic", "heart-rhythm"),
    (r"cns adverse", "nervous-system-effects"),
    (r"liver injury", "liver-injury"),
    (r"breast cancer recurrence", "cancer-recurrence"),
)  # fmt: skip

RISK_WORDS = re.compile(
    r"increase|greater|high|elevated|markedly|lower endoxifen|possible|in \d+%|occur|severe|very high|medium|variable|"
    r"unknown|reduced effect|risk of"
)


def parts(text: str, genes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(gene, what is said of it); a text without a gene's name speaks of the row's first gene that it fits."""
    pieces = SPLIT.split(text)
    if len(pieces) == 1:
        return tuple((gene, text) for gene in genes)
    found = [(pieces[at], pieces[at + 1].strip()) for at in range(1, len(pieces) - 1, 2)]
    return tuple((gene, words) for gene, words in found if gene in genes) or tuple((gene, text) for gene in genes)


def codes(words: str) -> tuple[str, ...]:
    """Codes of effect, then of adverse reactions whose risk is said to be raised; () when nothing could be read."""
    text = words.lower()
    effects = [code for pattern, code in EFFECTS if re.search(pattern, text)]
    if found := re.search(r"(unknown|variable) risk", text):
        return ("risk-unknown" if found.group(1) == "unknown" else "risk-variable",)
    for only in ("not-given", "not-described", "risk-not-excluded"):
        if only in effects:
            return (only,)
    if "usual-response" in effects:
        return ("usual-response",)
    if "reduced-activation" in effects or "increased-activation" in effects:
        effects = [code for code in effects if code not in ("increased-exposure", "decreased-exposure")]
    if "increased-exposure" in effects and "decreased-exposure" in effects:
        effects.remove("decreased-exposure" if text.find("higher") >= 0 or "reduced metab" in text else
                       "increased-exposure")  # fmt: skip
    reactions = [code for pattern, code in REACTIONS if re.search(pattern, text)] if RISK_WORDS.search(text) else []
    if "typical myopathy risk" in text or "unknown myopathy" in text or "unknown risk for myopathy" in text:
        reactions = [code for code in reactions if code != "muscle-damage"]
    if "lower on-treatment" in text or "little-effect" in effects:
        reactions = []
    if "little-effect" in effects or "little-evidence" in effects:
        effects = [code for code in effects if code not in ("more-side-effects", "reduced-effect")]
    if reactions and "more-side-effects" in effects and "side effects" not in text:
        effects.remove("more-side-effects")
    return tuple(dict.fromkeys((*effects, *reactions)))
