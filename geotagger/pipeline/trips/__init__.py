"""Trips: photos that one camera took one after the other are evidence for each other."""
