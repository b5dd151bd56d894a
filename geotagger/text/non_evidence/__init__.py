"""Text that is no evidence of place: date stamps, watermarks, menus, maps, slogans."""
