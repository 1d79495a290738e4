"""The trainer of all networks, built on skorch, and its parts."""
