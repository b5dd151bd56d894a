// Values that are made again when they are needed again.

/** Caches the `capacity` values of `make` that were used last. */
class LruCache {
  constructor(make, capacity) {
    Object.assign(this, { make, capacity, items: new Map() });
  }

  get(number) {
    const item = this.items.get(number) ?? this.make(number);
    this.items.delete(number);
    this.items.set(number, item);
    if (this.items.size > this.capacity) this.items.delete(this.items.keys().next().value);
    return item;
  }

  forget(number) {
    this.items.delete(number);
  }
}
