// Starts the page of `geotagger review`.

const setup = JSON.parse(dataText("setup"));
const app = new Viewer(setup, new ServerStore(setup));
app.review = new Review(app);
app.parts.push(app.review);
app.start().catch(fatal);
