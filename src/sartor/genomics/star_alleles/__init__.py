"""Named-allele matching: from calls at defining positions to diplotypes, phenotypes and what stays possible."""
