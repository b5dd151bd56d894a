"""When a photo was taken: where its time is stated, and how far two clocks differ."""
