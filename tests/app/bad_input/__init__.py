"""Invalid requests over HTTP, and the responses to them."""
