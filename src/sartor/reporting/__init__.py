"""From a report to what a person or a machine reads: HTML, PDF, text, FHIR."""
