"""Trials that set a model beside simpler ones."""
