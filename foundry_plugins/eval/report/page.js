"use strict";
// Shows the problems and answers that the form asks for. Without it the page shows all of them.
const form = document.querySelector("form");
const counted = document.querySelector("output");
const problems = [...document.querySelectorAll("details.problem")].map((element) => ({
  element,
  data: { ...element.dataset },
  sections: [...element.querySelectorAll("section.answers")].map((section) => ({
    element: section,
    data: { ...section.dataset },
    answers: [...section.querySelectorAll("article")],
  })),
}));

function show() {
  const asked = Object.fromEntries(new FormData(form));
  const text = asked.search.trim().toLowerCase();
  const fits = (name, words) => asked[name] === "" || words.split(" ").includes(asked[name]);
  let count = 0;
  for (const { element, data, sections } of problems) {
    let any = false;
    for (const { element: section, data: { model, kinds, solved }, answers } of sections) {
      const shown = fits("model", model) && fits("kind", kinds) && fits("solved", solved);
      section.hidden = !shown;
      any ||= shown;
      for (const answer of answers) answer.hidden = !fits("kind", answer.dataset.kind);
    }
    const shown = any && fits("benchmark", data.benchmark) && fits("language", data.language) &&
      data.search.includes(text);
    element.hidden = !shown;
    count += shown;
  }
  counted.value = `${count} of ${problems.length} problems`;
}

form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("reset", () => setTimeout(show));
form.addEventListener("submit", (event) => event.preventDefault());
show();
