// Starts the page of `geotagger review`.

const setup = JSON.parse(dataText("setup"));
const app = new Viewer(setup, new ServerStore(setup));
app.review = new Review(app);
app.parts.push(app.review, new LargePictures(app), new Filmstrip(app));
app.start().catch(fatal);
