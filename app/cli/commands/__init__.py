"""The commands of ``xmetra``, one module a group."""
