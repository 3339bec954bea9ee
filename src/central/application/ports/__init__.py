"""What the steps of the path need from the world: small Protocols, implemented by the adapters."""
