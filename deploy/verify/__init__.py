"""Whether what is kept is true: each service's own rules, and those that cross services, which only `deploy` knows."""
