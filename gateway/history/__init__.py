"""The history of a workspace, put together from four databases: one list, and one signed head."""
