"""Jobs of the API: building, validating, submitting, querying and following them."""
