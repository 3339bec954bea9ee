"""Judges of uploaded lists as processes of this machine (intake): how they are started, asked and ended."""
