"""The whole service on one machine: embedded Redis, one worker and the API."""
