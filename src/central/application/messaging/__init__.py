"""Messages on their way (path step 4d): accepted, handed over to carriers, and followed by what carriers tell of them."""
