"""A server for one browser of this machine: the socket, the access guard, and answers in JSON."""
