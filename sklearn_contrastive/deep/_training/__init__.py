"""The skorch trainer and its parts."""
