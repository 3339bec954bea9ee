"""Speech for conversations: text becomes a WAV file once, recorded prompts are kept by content; files for ``Telephony.play``."""
