"""Keys and workspaces over HTTP, in `finance`: an app like a service's, on the gateway's own database."""
