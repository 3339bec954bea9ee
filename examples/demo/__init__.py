"""The demonstration: a real list, real calls to the demo carrier, one explained status for every record."""
