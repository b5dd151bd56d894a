"""`geotagger evaluate` and `geotagger verify`: compare predictions with known places.

Distances are great-circle with R = 6371.0 km. Accuracy within 1/25/200/750/2500 km and GeoScore
follow the field's conventions (Im2GPS, Hays & Efros 2008; OpenStreetView-5M, Astruc et al. 2024).
"""
