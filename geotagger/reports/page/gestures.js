// Moves the map: by pointer, wheel, two fingers and keys.

const STEP_PX = 90;
const CLICK_PX = 5;

/** `actions`: choose(mark), alternative(index), hover(mark, left, top), drop(lat, lon), canDrag(). */
function listen(view, actions) {
  const { canvas } = view;
  const pointers = new Map();
  let [travelled, dragging] = [0, false];
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const onPin = ([left, top]) => {
    const pin = actions.canDrag() && view.pin();
    if (!pin) return false;
    const [x, y] = view.at(...pin);
    return Math.abs(x - left) < 16 && top < y + 6 && top > y - 40;
  };

  canvas.addEventListener("pointerdown", (event) => {
    cancelAnimationFrame(view.flight);
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) [travelled, dragging] = [0, onPin(place(event))];
    view.gesture = true;
    view.crossed = false;
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) return hover(now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    travelled += Math.abs(dx) + Math.abs(dy);
    if (dragging) {
      const [x, y] = view.under(...now);
      if (travelled > CLICK_PX) actions.drag(latOf(y), lonOf(x));
    } else if (pointers.size === 2) {
      const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)[1];
      const apart = (a, b) => Math.max(20, Math.hypot(a[0] - b[0], a[1] - b[1]));
      view.move(dx / 2, dy / 2);
      view.zoomBy(Math.log2(apart(now, other) / apart(before, other)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (travelled > CLICK_PX) view.move(dx, dy);
    pointers.set(event.pointerId, now);
  });

  const hover = (now) => {
    const mark = view.columns && view.hit(...now);
    canvas.style.cursor = onPin(now) ? "move" : mark ? "pointer" : "";
    actions.hover(mark, ...now);
  };

  const release = (event) => {
    const now = place(event);
    const alone = pointers.size === 1 && pointers.has(event.pointerId);
    pointers.delete(event.pointerId);
    if (pointers.size) return;
    view.gesture = false;
    view.settle();
    if (event.type !== "pointerup" || !alone || !view.columns) return;
    if (dragging && travelled > CLICK_PX) {
      const [x, y] = view.under(...now);
      return actions.drop(latOf(y), lonOf(x));
    }
    if (travelled > CLICK_PX) return;
    const index = view.alternativeAt(...now);
    if (index >= 0) return actions.alternative(index);
    const mark = view.hit(...now);
    if (mark) actions.choose(mark, event.shiftKey);
  };
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, release);
  canvas.addEventListener("pointerleave", () => actions.hover(null, 0, 0));

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      cancelAnimationFrame(view.flight);
      const lines = event.deltaMode === 1 ? 18 : 1;
      const steps = Math.max(-1, Math.min(1, (-event.deltaY * lines) / (event.ctrlKey ? 60 : 260)));
      view.zoomBy(steps, ...place(event));
    },
    { passive: false },
  );
  canvas.addEventListener("dblclick", (event) => view.zoomBy(event.shiftKey ? -1 : 1, ...place(event)));

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 3 : 1;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (moves[event.key]) view.move(...moves[event.key].map((part) => part * STEP_PX * far));
    else if (event.key === "Enter") {
      const mark = view.hit(view.width / 2, view.height / 2);
      if (mark) actions.choose(mark, event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    view.crossed = true;
    view.redraw();
  });
  canvas.addEventListener("focus", () => {
    view.crossed = canvas.matches(":focus-visible");
    view.redraw();
  });
  canvas.addEventListener("blur", () => {
    view.crossed = false;
    view.redraw();
  });
}
