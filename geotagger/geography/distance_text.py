"""Distances in words."""


def distance_text(km: float) -> str:
    """`12 m`, `1.3 km` or `1,234 km`: two digits, or whole kilometres."""
    if km < 0.9995:
        return f"{1000 * km:.0f} m"
    return f"{km:.1f} km" if km < 9.95 else f"{km:,.0f} km"
