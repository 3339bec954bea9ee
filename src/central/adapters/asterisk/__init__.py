"""The voice channel: real calls on Asterisk (step 3 of the path)."""
