// The map: outlines or online tiles below, marks above. gestures.js moves it.

const MAX_ZOOM = 15;
const MARGIN_PX = 200;
const TILE_ZOOM = 18;
const TILE_ADDRESS = "https://tile.openstreetmap.org";

class MapView {
  constructor(canvas, onMoved) {
    Object.assign(this, { canvas, onMoved, context: canvas.getContext("2d") });
    this.base = element("canvas");
    Object.assign(this, { x: 0.5, y: 0.42, zoom: 1, outlines: null, columns: null, ids: [], crossed: false });
    Object.assign(this, { chosen: null, alternatives: [], proposal: null, tiles: null, marks: [] });
    this.settle = debounce(() => {
      this.stale = true;
      this.redraw();
      this.onMoved();
    }, 90);
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    this.recolour();
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    const names = ["sea", "land", "coast", "border", "halo", "country", "town", "ink", "paper", "accent", "circle"];
    const states = ["predicted", "tagged", "unsure", "skipped", "failed", "approved", "corrected", "rejected"];
    this.colours = Object.fromEntries([...names, ...states].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.stale = true;
    this.redraw();
  }

  /** Takes a new size at once, because the opened details may hide the chosen photo. */
  measure() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    if (clientWidth !== this.width || clientHeight !== this.height) this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    const first = !this.width;
    this.dots = Math.min(devicePixelRatio || 1, 2);
    Object.assign(this, { width, height, stale: true });
    for (const [canvas, margin] of [[this.canvas, 0], [this.base, MARGIN_PX]]) {
      canvas.width = (width + 2 * margin) * this.dots;
      canvas.height = (height + 2 * margin) * this.dots;
    }
    if (first && this.ids.length) this.fit(this.ids, false);
    this.move(0, 0);
  }

  get px() {
    return TILE_PX * 2 ** this.zoom;
  }

  get minZoom() {
    return Math.log2(Math.min(Math.max(this.height, this.width / 1.6), this.width) / TILE_PX);
  }

  /** The pixel of a world position, on the copy of the world nearest to the centre. */
  at(x, y) {
    const dx = x - this.x;
    return [(dx - Math.round(dx)) * this.px + this.width / 2, (y - this.y) * this.px + this.height / 2];
  }

  /** The world position of a pixel. */
  under(left, top) {
    return [this.x + (left - this.width / 2) / this.px, this.y + (top - this.height / 2) / this.px];
  }

  move(dx, dy) {
    this.look(this.x - dx / this.px, this.y - dy / this.px, this.zoom);
  }

  /** Zooms around a pixel. */
  zoomBy(steps, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.under(left, top);
    const zoom = this.clampZoom(this.zoom + steps);
    const px = TILE_PX * 2 ** zoom;
    this.look(x - (left - this.width / 2) / px, y - (top - this.height / 2) / px, zoom);
  }

  clampZoom(zoom) {
    return Math.max(this.minZoom, Math.min(this.tiles ? TILE_ZOOM : MAX_ZOOM, zoom));
  }

  look(x, y, zoom) {
    if (!this.width) return;
    this.zoom = this.clampZoom(zoom);
    const half = Math.min(0.5, this.height / 2 / this.px);
    this.y = Math.max(half, Math.min(1 - half, y));
    this.x = x - Math.floor(x);
    this.redraw();
    this.settle();
  }

  /** Moves the view with a short animation, or at once if reduced motion is preferred. */
  fly(x, y, zoom) {
    cancelAnimationFrame(this.flight);
    const from = [this.x, this.y, this.zoom];
    const dx = x - this.x - Math.round(x - this.x);
    if (prefersReducedMotion() || !this.width) return this.look(x, y, zoom);
    const start = performance.now();
    const step = (now) => {
      const t = Math.min(1, (now - start) / 320);
      const done = 1 - (1 - t) ** 3;
      this.look(from[0] + dx * done, from[1] + (y - from[1]) * done, from[2] + (zoom - from[2]) * done);
      if (t < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  /** Shows all these photos, across the antimeridian if that is the smaller area. */
  fit(ids, flying = true) {
    const known = [...ids].filter((id) => !Number.isNaN(this.columns.x[id]));
    if (!known.length || !this.width) return;
    const xs = Float64Array.from(known, (id) => this.columns.x[id]).sort();
    let [widest, left] = [1 - xs[xs.length - 1] + xs[0], xs[0]];
    for (let i = 1; i < xs.length; i++) if (xs[i] - xs[i - 1] > widest) [widest, left] = [xs[i] - xs[i - 1], xs[i]];
    let [top, bottom] = [1, 0];
    for (const id of known) {
      top = Math.min(top, this.columns.y[id]);
      bottom = Math.max(bottom, this.columns.y[id]);
    }
    const wide = Math.max(1 - widest, 1e-5);
    const zoom = Math.log2(Math.min((this.width - 110) / wide, (this.height - 150) / Math.max(bottom - top, 1e-5)) / TILE_PX);
    const view = [left + (1 - widest) / 2, (top + bottom) / 2, Math.min(zoom, 10)];
    if (flying) this.fly(...view);
    else this.look(...view);
  }

  /** Centres the pin, with its circle visible. */
  centre() {
    const pin = this.pin();
    if (!pin) return;
    const radiusKm = this.proposal ? this.proposal.radius_km : this.columns.radius_km[this.chosen];
    const wide = (2 * Math.max(radiusKm, 1)) / (2 * Math.PI * EARTH_RADIUS_KM * Math.cos(latOf(pin[1]) * RADIANS));
    this.fly(...pin, Math.min(Math.log2((0.6 * Math.min(this.width, this.height)) / wide / TILE_PX), 11));
  }

  inView(id) {
    if (Number.isNaN(this.columns.x[id])) return false;
    const [left, top] = this.at(this.columns.x[id], this.columns.y[id]);
    return left >= 0 && left <= this.width && top >= 0 && top <= this.height;
  }

  show(ids) {
    this.ids = ids;
    this.marked = null;
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.width) this.draw();
    });
  }

  draw() {
    const { context } = this;
    context.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    context.fillStyle = this.colours.sea;
    context.fillRect(0, 0, this.width, this.height);
    if (this.tiles) this.tiles.draw(context, this);
    else if (this.outlines) this.drawBase();
    if (!this.columns) return;
    if (this.chosen !== null || this.proposal) drawChosenBelow(this);
    const zoom = Math.round(this.zoom);
    if (this.marked !== zoom) {
      this.marked = zoom;
      this.marks = clusters(this.columns, this.ids, zoom);
    }
    drawMarks(this);
    drawChosenAbove(this);
    if (this.crossed) drawCross(this);
  }

  /** A bar of a round length, right in the middle of the map. */
  scale(bar, mostPx = 130) {
    const kmPerPx = (2 * Math.PI * EARTH_RADIUS_KM * Math.cos(latOf(this.y) * RADIANS)) / this.px;
    const ten = 10 ** Math.floor(Math.log10(mostPx * kmPerPx));
    const km = [5, 2, 1].find((times) => times * ten <= mostPx * kmPerPx) * ten;
    bar.style.width = `${Math.round(km / kmPerPx)}px`;
    bar.textContent = kilometres(km).replace(".0", "");
  }

  /** The outlines are drawn when the map rests, with a margin; while it moves, that is moved. */
  drawBase() {
    const m = MARGIN_PX;
    const old = this.drawn;
    const scale = old ? 2 ** (this.zoom - old.zoom) : 1;
    const dx = old ? this.x - old.x - Math.round(this.x - old.x) : 0;
    const [left, top] = old ? [-dx * this.px, (old.y - this.y) * this.px] : [0, 0];
    const outside = Math.abs(left) > m || Math.abs(top) > m || scale < 0.7 || scale > 2.5;
    if (!old || (this.stale && !this.gesture) || outside) {
      this.stale = false;
      this.drawn = { x: this.x, y: this.y, zoom: this.zoom };
      const [wide, high] = [this.width + 2 * m, this.height + 2 * m];
      const frame = { left: this.x - wide / 2 / this.px, top: this.y - high / 2 / this.px, width: wide, height: high, zoom: this.zoom };
      const context = this.base.getContext("2d");
      context.setTransform(this.dots, 0, 0, this.dots, 0, 0);
      this.outlines.draw(context, frame, this.colours);
      this.outlines.drawNames(context, frame, this.colours);
      return this.drawBase();
    }
    const [wide, high] = [(this.width + 2 * m) * scale, (this.height + 2 * m) * scale];
    this.context.drawImage(this.base, (this.width - wide) / 2 + left, (this.height - high) / 2 + top, wide, high);
  }

  /** The mark at a pixel, or null. */
  hit(left, top) {
    let [best, nearest] = [null, 24];
    for (const mark of this.marks) {
      const [x, y] = this.at(mark.x, mark.y);
      const apart = Math.hypot(x - left, y - top) - (mark.ids.length > 1 ? markPx(mark) - 10 : 0);
      if (apart < nearest) [best, nearest] = [mark, apart];
    }
    return best;
  }

  alternativeAt(left, top) {
    return this.alternatives.findIndex((place) => {
      const [x, y] = this.at(worldX(place.lon), worldY(place.lat));
      return Math.hypot(x - left, y - top) < 14;
    });
  }

  /** The position of the pin: the proposal, or the place of the chosen photo. */
  pin() {
    if (this.proposal) return [worldX(this.proposal.lon), worldY(this.proposal.lat)];
    if (this.chosen === null || Number.isNaN(this.columns.x[this.chosen])) return null;
    return [this.columns.x[this.chosen], this.columns.y[this.chosen]];
  }
}

/** Map tiles of openstreetmap.org; created only when a person switches them on. */
class Tiles {
  constructor(onLoaded) {
    this.pictures = new LruCache((key) => {
      const made = new Image();
      made.onload = onLoaded;
      made.onerror = () => (this.failed = true);
      made.src = `${TILE_ADDRESS}/${key}.png`;
      return made;
    }, 400);
  }

  draw(context, view) {
    const zoom = Math.max(0, Math.min(19, Math.round(view.zoom)));
    const size = TILE_PX * 2 ** (view.zoom - zoom);
    const [left, top] = view.under(0, 0).map((part) => part * 2 ** zoom);
    for (let row = Math.floor(top); row < top + view.height / size; row++) {
      for (let column = Math.floor(left); column < left + view.width / size; column++) {
        if (row < 0 || row >= 2 ** zoom) continue;
        const around = ((column % 2 ** zoom) + 2 ** zoom) % 2 ** zoom;
        const picture = this.pictures.get(`${zoom}/${around}/${row}`);
        if (picture.complete && picture.naturalWidth) {
          context.drawImage(picture, (column - left) * size, (row - top) * size, size + 0.5, size + 0.5);
        }
      }
    }
  }
}
