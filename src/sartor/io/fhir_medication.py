"""A FHIR medication request, statement, administration or dispense to a Medication: which drug, whether current."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sartor.domain.code import Coded
from sartor.domain.record import Medication
from sartor.io import fhir_types as fhir
from sartor.knowledge import medicines

if TYPE_CHECKING:
    from sartor.io.fhir_decode import Placed
    from sartor.io.fhir_record import Building

_STATUSES: Final[dict[type, set[str]]] = {
    fhir.MedicationRequest: {
        "active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown",
    },
    fhir.MedicationStatement: {
        "active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown", "not-taken",
    },
    fhir.MedicationAdministration: {
        "in-progress", "not-done", "on-hold", "completed", "entered-in-error", "stopped", "unknown",
    },
    fhir.MedicationDispense: {
        "preparation", "in-progress", "cancelled", "on-hold", "completed", "entered-in-error", "stopped", "declined",
        "unknown",
    },
}  # fmt: skip
_NOT_ORDERED: Final = {"proposal", "option"}
_HANDED_OUT: Final = {"completed", "in-progress"}
_UNSAID: Final = {"", "unknown"}


def medication(building: Building, placed: Placed) -> Medication | None:
    """The medicine that the resource speaks of; None when it names none."""
    it: Any = placed.resource
    codes, text = _medicine(building, it)
    if not codes and not text:
        return None
    status = it.status
    if status and status not in _STATUSES[type(it)]:
        building.wrong(placed, "status", "not a status that this resource can have")
        status = ""
    start, end = _times(building, placed)
    return Medication(
        code=codes,
        text=text,
        status=status,
        current=_is_current(building, it, status, start, end),
        start=start,
        end=end,
        dose=_dose(it),
        reason=_reasons(building, it),
        drugs=medicines.match(codes, text),
        origin=building.origin(placed),
    )


def _medicine(building: Building, it: Any) -> tuple[tuple[Coded, ...], str]:
    """Codes and words of the medicine: of the resource itself, of a contained or of a referenced Medication."""
    codes, text = _concept(building, it.medication_codeable_concept)
    reference = it.medication_reference
    if reference is None or codes:
        return codes, text
    found = _contained(it, reference.reference) if reference.reference.startswith("#") else None
    if found is None and (placed := building.find(reference)) is not None:
        found = placed.resource if isinstance(placed.resource, fhir.Medication) else None
    if found is None:
        return codes, text or reference.display
    codes, inner = _concept(building, found.code)
    if codes:
        return codes, inner
    parts = [_concept(building, each.item_codeable_concept) for each in found.ingredient]
    codes = tuple(code for part, _ in parts for code in part)
    return codes, text or inner or " / ".join(words for _, words in parts if words) or reference.display


def _concept(building: Building, concept: fhir.CodeableConcept | None) -> tuple[tuple[Coded, ...], str]:
    if concept is None:
        return (), ""
    labels = (coding.display for coding in concept.coding if coding.display)
    return building.codes(concept), concept.text or next(labels, "")


def _contained(it: Any, reference: str) -> fhir.Medication | None:
    for raw in it.contained:
        try:
            found = msgspec.json.decode(raw, type=fhir.Medication)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        if "#" + found.id.removeprefix("#") == reference:
            return found
    return None


def _times(building: Building, placed: Placed) -> tuple[str, str]:
    """Start and end, as far as the resource says."""
    it: Any = placed.resource
    if isinstance(it, fhir.MedicationRequest):
        start, end, where = it.authored_on, _until(it), "authoredOn"
    elif isinstance(it, fhir.MedicationDispense):
        start, where = it.when_handed_over or it.when_prepared, "whenHandedOver"
        end = _supplied_until(it)
    else:
        period = it.effective_period
        start = it.effective_date_time or (period.start if period else "")
        end, where = period.end if period else "", "effective[x]"
        if isinstance(it, fhir.MedicationStatement) and not start:
            end = end or _bounds_end(it.dosage)
    return building.date(placed, where, start), building.date(placed, "end", end)


def _until(it: fhir.MedicationRequest) -> str:
    """The day on which the prescribed course ends; the validity of the slip where no course is stated."""
    if end := _bounds_end(it.dosage_instruction):
        return end
    valid = it.dispense_request.validity_period if it.dispense_request else None
    return valid.end if valid else ""


def _bounds_end(dosages: tuple[fhir.Dosage, ...]) -> str:
    """The last end of the dosages; "" when one of them is open."""
    repeats = [dosage.timing.repeat for dosage in dosages if dosage.timing and dosage.timing.repeat]
    ends = [repeat.bounds_period.end for repeat in repeats if repeat.bounds_period]
    return max(ends, default="") if len(ends) == len(dosages) and all(ends) else ""


def _is_current(building: Building, it: Any, status: str, start: str, end: str) -> bool | None:
    """Whether the person takes it at `as_of`; None when the record does not say.

    An order or statement is current when active, begun and not ended. A proposal is no order. An
    administration says that a dose was given; whether it goes on, only its request can say.
    """
    if isinstance(it, fhir.MedicationAdministration):
        return _administered(building, it, status)
    if isinstance(it, fhir.MedicationDispense):
        return _dispensed(building, it, status, start, end)
    if status in _UNSAID:
        return None
    if status != "active":
        return False
    if isinstance(it, fhir.MedicationRequest) and (it.do_not_perform or it.intent in _NOT_ORDERED):
        return False
    return not _is_before(end, building.as_of) and not _is_before(building.as_of, start)


def _administered(building: Building, it: fhir.MedicationAdministration, status: str) -> bool | None:
    if status == "in-progress":
        return True
    if status != "completed":
        return None if status in _UNSAID else False
    order = building.find(it.request)
    if order is None or not isinstance(order.resource, fhir.MedicationRequest):
        return None
    start, end = _times(building, order)
    return _is_current(building, order.resource, order.resource.status, start, end)


def _dispensed(building: Building, it: fhir.MedicationDispense, status: str, start: str, end: str) -> bool | None:
    """Current while the supply that was handed out lasts; after that, what the prescription says, if it is there."""
    if status not in _HANDED_OUT:
        return None if status in _UNSAID else False
    begun = bool(building.as_of and start) and not _is_before(building.as_of, start)
    if begun and end and not _is_before(end, building.as_of):
        return True
    for reference in it.authorizing_prescription:
        order = building.find(reference)
        if order is not None and isinstance(order.resource, fhir.MedicationRequest):
            return _is_current(building, order.resource, order.resource.status, *_times(building, order))
    return None


def _supplied_until(it: fhir.MedicationDispense) -> str:
    """The last day of the supply, counted from the day that it was handed over; "" when that cannot be counted."""
    days = it.days_supply.value if it.days_supply else None
    try:
        first = date.fromisoformat(it.when_handed_over[:10])
        return "" if days is None else (first + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _is_before(one: str, other: str) -> bool:
    """Whether a date lies before another, as precisely as both say; unknown dates are never before."""
    length = min(len(one), len(other), 10)
    return bool(length) and one[:length] < other[:length]


def _dose(it: Any) -> str:
    """The dose in words: as written, or put together from amount and frequency."""
    if isinstance(it, fhir.MedicationAdministration):
        return "" if it.dosage is None else it.dosage.text or _amount(it.dosage.dose)
    dosages = it.dosage if isinstance(it, fhir.MedicationStatement) else it.dosage_instruction
    return "; ".join(text for dosage in dosages if (text := dosage.text or _structured(dosage)))


def _structured(dosage: fhir.Dosage) -> str:
    amounts = [_amount(each.dose_quantity) for each in dosage.dose_and_rate if each.dose_quantity]
    repeat = dosage.timing.repeat if dosage.timing else None
    often = ""
    if repeat is not None and repeat.frequency and repeat.period:
        often = f"{repeat.frequency} × per {repeat.period:g} {repeat.period_unit}"
    elif dosage.timing is not None and dosage.timing.code is not None:
        often = dosage.timing.code.text
    return ", ".join(part for part in (*amounts, often) if part)


def _amount(amount: fhir.Amount | None) -> str:
    if amount is None or amount.value is None:
        return ""
    return f"{amount.value:g} {amount.unit or amount.code}".strip()


def _reasons(building: Building, it: Any) -> tuple[Coded, ...]:
    if isinstance(it, fhir.MedicationDispense):
        return ()
    found = [code for concept in it.reason_code for code in building.codes(concept)]
    for reference in it.reason_reference:
        placed = building.find(reference)
        if placed is not None and isinstance(placed.resource, fhir.Condition):
            found += building.codes(placed.resource.code)
    return tuple(found)
