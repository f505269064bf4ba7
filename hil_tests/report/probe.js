// Asked of the report's page by test_page.py: opens every test, follows a failure, tells in the title.
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (holds) => { for (let turn = 0; turn < 500 && !holds(); turn++) await later(100); };
const inked = (chart) => {
  const canvas = chart.ctx.canvas;
  return chart.ctx.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
};
(async () => {
  const opened = [...document.querySelectorAll("article.run > details")].filter((each) => each.open).length;
  document.querySelectorAll("article.run > details").forEach((each) => { each.open = true; });
  const wanted = data.tests.reduce((sum, test) => sum + (test.run ? test.run.charts.length : 0), 0);
  await until(() => charts.length === wanted);
  document.querySelector("#failures a[href='#t0-e0']").click();
  const around = data.tests[0].run.places[0].at, first = times[0].charts;
  const close = (chart) => chart.scales.x.min > around - 2 && chart.scales.x.max < around + 2;
  await until(() => first.every(close));
  const text = (query) => [...document.querySelectorAll(query)].map((each) => each.textContent);
  const found = {
    opened, wanted, charts: charts.length, drawn: charts.filter(inked).length, zoomed: charts.filter(close).length,
    first: first.length, verdict: text("h1 #verdict")[0], title: text("h1 #title")[0], failures: text("#failures li > a"),
    matrix: text("#requirements td").join(" "), rates: text("#rates td").join(" "), sweep: text("#sweeps h3"),
    measured: text("#t0 table").join(" "), chosen: text("tr.chosen td")[0],
  };
  document.title = JSON.stringify(found);
})();
