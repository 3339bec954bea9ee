"""Central: contact lists in, real calls, SMS and email out, one explained final status for every record."""

__version__ = "0.1.0"
