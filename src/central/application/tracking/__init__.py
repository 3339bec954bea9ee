"""Step 5, tracking: what arrives for records that nobody works on."""
