"""One folder per clinical question about one patient, all alike inside."""
