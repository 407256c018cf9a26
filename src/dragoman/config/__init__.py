"""The configuration file: read, checked, frozen. It knows the words of `hub` and nothing above."""
