"""The commands of ``xmetra``: a module for each command or group of commands."""
