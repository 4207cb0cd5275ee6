"""The demo: the whole service, from samples to answers, in one command."""
