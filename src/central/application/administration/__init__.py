"""The control plane beside the path: accounts, people, keys, numbers, lists, flows, endpoints, control actions.

Every use case takes the ``Actor`` first; every change is written together with its line in the audit trail.
"""
