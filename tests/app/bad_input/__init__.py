"""Everything bad that anybody sends, over HTTP, with the answer it gets."""
