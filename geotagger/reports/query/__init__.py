"""Select, sort, group and convert the rows of a report."""
