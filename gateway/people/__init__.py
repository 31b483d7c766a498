"""The people of a workspace, in the words of `projects`: an app like a service's, on the gateway's own database."""
