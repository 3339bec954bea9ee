"""The path of a record, one room a step; steps never import each other."""
