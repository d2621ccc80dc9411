"""The FHIR R4 elements that Sartor reads, as msgspec structs: typed, and only the fields that are used.

Every field has a default, so that an absent element is never an error; what an element may hold is what
HL7 FHIR R4 (4.0.1) says. `tag_field` makes msgspec choose the struct by `resourceType` while it decodes.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field


class Element(Struct, frozen=True, gc=False, rename="camel"):
    """The base of all structs here: immutable, camelCase in JSON."""


class Coding(Element, frozen=True):
    """One code of one system."""

    system: str = ""
    code: str = ""
    display: str = ""


class CodeableConcept(Element, frozen=True):
    """A concept in several code systems, or in words."""

    coding: tuple[Coding, ...] = ()
    text: str = ""


class Reference(Element, frozen=True):
    """A pointer to another resource."""

    reference: str = ""
    display: str = ""


class Period(Element, frozen=True):
    """From and until; either may be open."""

    start: str = ""
    end: str = ""


class Amount(Element, frozen=True):
    """FHIR Quantity (also Age, Duration, SimpleQuantity)."""

    value: float | None = None
    comparator: str = ""
    unit: str = ""
    system: str = ""
    code: str = ""


class Range(Element, frozen=True):
    """Two bounds."""

    low: Amount | None = None
    high: Amount | None = None


class Ratio(Element, frozen=True):
    """One quantity per another, such as a titre of 1:128."""

    numerator: Amount | None = None
    denominator: Amount | None = None


class Identifier(Element, frozen=True):
    """A business identifier, such as a medical record number."""

    type: CodeableConcept | None = None
    system: str = ""
    value: str = ""
    use: str = ""


class HumanName(Element, frozen=True):
    """A person's name."""

    use: str = ""
    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()


class InnerExtension(Element, frozen=True):
    """A part of a complex extension (US Core race and ethnicity)."""

    url: str = ""
    value_coding: Coding | None = None
    value_string: str = ""


class Extension(Element, frozen=True):
    """An extension; only the kinds of value that US Core race, ethnicity and birth sex have."""

    url: str = ""
    value_code: str = ""
    value_codeable_concept: CodeableConcept | None = None
    extension: tuple[InnerExtension, ...] = ()


class Resource(Element, frozen=True, tag_field="resourceType"):
    """What all resources have."""

    id: str = ""


class Patient(Resource, frozen=True, tag="Patient"):
    """The person."""

    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    gender: str = ""
    birth_date: str = ""
    deceased_date_time: str = ""
    extension: tuple[Extension, ...] = ()


class Condition(Resource, frozen=True, tag="Condition"):
    """A diagnosis or problem."""

    subject: Reference | None = None
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    onset_date_time: str = ""
    onset_age: Amount | None = None
    onset_period: Period | None = None
    onset_string: str = ""
    abatement_date_time: str = ""
    abatement_period: Period | None = None
    abatement_string: str = ""


class Ingredient(Element, frozen=True):
    """An ingredient of a Medication."""

    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class Medication(Resource, frozen=True, tag="Medication"):
    """A medicine that other resources point to."""

    code: CodeableConcept | None = None
    ingredient: tuple[Ingredient, ...] = ()


class Repeat(Element, frozen=True):
    """How often a dose is taken."""

    bounds_period: Period | None = None
    frequency: int | None = None
    period: float | None = None
    period_unit: str = ""


class Timing(Element, frozen=True):
    """When a dose is taken."""

    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Element, frozen=True):
    """How much is taken at a time."""

    dose_quantity: Amount | None = None
    dose_range: Range | None = None


class Dosage(Element, frozen=True):
    """How a medicine is taken."""

    text: str = ""
    timing: Timing | None = None
    dose_and_rate: tuple[DoseAndRate, ...] = ()


class AdministeredDosage(Element, frozen=True):
    """How a medicine was administered."""

    text: str = ""
    dose: Amount | None = None


class DispenseRequest(Element, frozen=True):
    """For how long a prescription is valid."""

    validity_period: Period | None = None


class MedicationRequest(Resource, frozen=True, tag="MedicationRequest"):
    """A prescription or order."""

    subject: Reference | None = None
    status: str = ""
    intent: str = ""
    do_not_perform: bool = False
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    authored_on: str = ""
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    dosage_instruction: tuple[Dosage, ...] = ()
    dispense_request: DispenseRequest | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class MedicationStatement(Resource, frozen=True, tag="MedicationStatement"):
    """What the person is said to take."""

    subject: Reference | None = None
    status: str = ""
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    date_asserted: str = ""
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    dosage: tuple[Dosage, ...] = ()
    contained: tuple[msgspec.Raw, ...] = ()


class MedicationAdministration(Resource, frozen=True, tag="MedicationAdministration"):
    """A dose that was given."""

    subject: Reference | None = None
    status: str = ""
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    request: Reference | None = None
    dosage: AdministeredDosage | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class MedicationDispense(Resource, frozen=True, tag="MedicationDispense"):
    """What a pharmacy handed out."""

    subject: Reference | None = None
    status: str = ""
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    when_prepared: str = ""
    when_handed_over: str = ""
    days_supply: Amount | None = None
    authorizing_prescription: tuple[Reference, ...] = ()
    dosage_instruction: tuple[Dosage, ...] = ()
    contained: tuple[msgspec.Raw, ...] = ()


class Reaction(Element, frozen=True):
    """What an allergy did."""

    manifestation: tuple[CodeableConcept, ...] = ()
    description: str = ""


class AllergyIntolerance(Resource, frozen=True, tag="AllergyIntolerance"):
    """An allergy or intolerance."""

    patient: Reference | None = None
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    criticality: str = ""
    code: CodeableConcept | None = None
    reaction: tuple[Reaction, ...] = ()


class Valued(Element, frozen=True):
    """What an Observation and its components share: a code and one of several kinds of value."""

    code: CodeableConcept | None = None
    value_quantity: Amount | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str = ""
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_date_time: str = ""
    value_time: str = ""
    value_period: Period | None = None


class Component(Valued, frozen=True):
    """One part of an Observation, such as the systolic pressure."""


class Observation(Valued, frozen=True, tag="Observation", tag_field="resourceType"):
    """A laboratory value, vital sign or statement of social history."""

    id: str = ""
    subject: Reference | None = None
    status: str = ""
    category: tuple[CodeableConcept, ...] = ()
    effective_date_time: str = ""
    effective_period: Period | None = None
    effective_instant: str = ""
    component: tuple[Component, ...] = ()


class Procedure(Resource, frozen=True, tag="Procedure"):
    """Something that was done."""

    subject: Reference | None = None
    status: str = ""
    code: CodeableConcept | None = None
    performed_date_time: str = ""
    performed_period: Period | None = None
    performed_string: str = ""


class RelativeCondition(Element, frozen=True):
    """A condition of a relative."""

    code: CodeableConcept | None = None
    onset_age: Amount | None = None
    onset_string: str = ""
    onset_period: Period | None = None


class FamilyMemberHistory(Resource, frozen=True, tag="FamilyMemberHistory"):
    """A relative and what they had."""

    patient: Reference | None = None
    status: str = ""
    relationship: CodeableConcept | None = None
    sex: CodeableConcept | None = None
    deceased_boolean: bool | None = None
    deceased_age: Amount | None = None
    deceased_date: str = ""
    deceased_string: str = ""
    condition: tuple[RelativeCondition, ...] = ()


class Attachment(Element, frozen=True):
    """A document, in base64 or elsewhere."""

    content_type: str = ""
    data: str = ""
    url: str = ""
    title: str = ""


class DocumentContent(Element, frozen=True):
    """One form of a document."""

    attachment: Attachment | None = None


class DocumentReference(Resource, frozen=True, tag="DocumentReference"):
    """A clinical note."""

    subject: Reference | None = None
    status: str = ""
    type: CodeableConcept | None = None
    description: str = ""
    date: str = ""
    content: tuple[DocumentContent, ...] = ()


class Immunization(Resource, frozen=True, tag="Immunization"):
    """A vaccination."""

    patient: Reference | None = None
    status: str = ""
    vaccine_code: CodeableConcept | None = None
    occurrence_date_time: str = ""
    occurrence_string: str = ""


class Encounter(Resource, frozen=True, tag="Encounter"):
    """A visit or stay."""

    subject: Reference | None = None
    status: str = ""
    class_: Coding | None = field(default=None, name="class")
    type: tuple[CodeableConcept, ...] = ()
    period: Period | None = None


class Provision(Element, frozen=True):
    """Whether a consent permits or denies."""

    type: str = ""


class Consent(Resource, frozen=True, tag="Consent"):
    """A consent given or refused."""

    patient: Reference | None = None
    status: str = ""
    scope: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    date_time: str = ""
    provision: Provision | None = None


Clinical = (
    Condition
    | MedicationRequest
    | MedicationStatement
    | MedicationAdministration
    | MedicationDispense
    | AllergyIntolerance
    | Observation
    | Procedure
    | FamilyMemberHistory
    | DocumentReference
    | Immunization
    | Encounter
    | Consent
)
Read = Clinical | Patient | Medication
READ: dict[str, type[Struct]] = {
    kind.__name__: kind
    for kind in (
        Patient, Condition, Medication, MedicationRequest, MedicationStatement, MedicationAdministration,
        MedicationDispense, AllergyIntolerance, Observation, Procedure, FamilyMemberHistory, DocumentReference,
        Immunization, Encounter, Consent,
    )
}  # fmt: skip
"""Resource types that become part of a Record, by name."""

_COUNTED = """
Account ActivityDefinition AdverseEvent Appointment AppointmentResponse AuditEvent Basic Binary
BiologicallyDerivedProduct BodyStructure CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
CompartmentDefinition Composition ConceptMap Contract Coverage CoverageEligibilityRequest
CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement
DiagnosticReport DocumentManifest EffectEvidenceSynthesis Endpoint EnrollmentRequest EnrollmentResponse
EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit Flag Goal
GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy ImmunizationEvaluation
ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure
MeasureReport Media MedicationKnowledge MedicinalProduct MedicinalProductAuthorization
MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient
MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged
MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
MolecularSequence NamingSystem NutritionOrder ObservationDefinition OperationDefinition OperationOutcome
Organization OrganizationAffiliation Parameters PaymentNotice PaymentReconciliation Person PlanDefinition
Practitioner PractitionerRole Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup
ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment
RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition
StructureDefinition StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer
SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery
SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription
"""
COUNTED: dict[str, type[Struct]] = {
    name: msgspec.defstruct(name, [], tag=name, tag_field="resourceType", frozen=True, gc=False, module=__name__)
    for name in _COUNTED.split()
}
"""The other resource types of R4 (but Bundle): recognised and counted, their content passed over."""


class Entry(Element, frozen=True):
    """One place of a bundle."""

    full_url: str = ""
    resource: Anything | None = None


class Bundle(Resource, frozen=True, tag="Bundle"):
    """Resources in one document; may hold bundles in turn."""

    timestamp: str = ""
    entry: tuple[Entry, ...] = ()


if TYPE_CHECKING:
    Anything = Read | Bundle
else:
    Anything = reduce(or_, (*READ.values(), *COUNTED.values(), Bundle))
