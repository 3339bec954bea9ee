"""The widgets of the flow language, one a file; ``table.py`` lists them, ``widget.py`` says what a widget is."""
