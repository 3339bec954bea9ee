"""The e-mail channel: composes and signs messages, sends them over SMTP relays, and hears what becomes of them."""
