"""Step 4, conversation: live calls, from engine events over the flow to commands and rows."""
