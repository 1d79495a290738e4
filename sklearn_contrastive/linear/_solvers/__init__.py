"""Davidson eigensolvers and Anderson acceleration."""
