// What belongs to a run is shown or hidden with it; a point says what it is; a table sorts and can be saved.
const chips = [...document.querySelectorAll(".chip")];
const choices = [...document.querySelectorAll(".switches select")];
const isWanted = (run) => {
  const chip = chips[run];
  return !chip || (chip.getAttribute("aria-pressed") === "true"
    && choices.every(({ name, value }) => !value || value === chip.dataset[name]));
};
const show = () => document.querySelectorAll("[data-run]:not(.chip)").forEach((part) =>
  part.classList.toggle("off", !isWanted(part.dataset.run)));
chips.forEach((chip) => chip.addEventListener("click", () => {
  chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
  show();
}));
choices.forEach((choice) => choice.addEventListener("change", show));

const tip = document.getElementById("tip");
const tell = ({ target, clientX, clientY }) => { // all points that lie there
  const tips = target.dataset?.tip
    ? document.elementsFromPoint(clientX, clientY).map((part) => part.dataset?.tip).filter(Boolean) : [];
  tip.textContent = tips.slice(0, 6).join("\n");
  if (!tips.length) return;
  const at = target.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const left = at.left + at.width / 2 - size.width / 2, top = at.top - size.height - 6;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - size.width - 4))}px`;
  tip.style.top = `${top > 4 ? top : at.bottom + 6}px`;
};
["pointermove", "pointerdown"].forEach((event) => addEventListener(event, tell));
addEventListener("scroll", () => { tip.textContent = ""; }, { passive: true });

const compare = (a, b) => a.localeCompare(b, "en", { numeric: true });
document.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => {
  const th = button.closest("th"), body = th.closest("table").tBodies[0];
  const falling = th.getAttribute("aria-sort") === "ascending";
  th.parentElement.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  th.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const value = (row) => row.cells[th.cellIndex].dataset.value ?? "";
  const isNumber = !th.classList.contains("words");
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === "" || y === "") return (x === "") - (y === ""); // what is not known comes last
    return (falling ? -1 : 1) * (isNumber ? x - y : compare(x, y));
  };
  body.append(...[...body.rows].sort(order));
}));
document.querySelectorAll(".save").forEach((button) => button.addEventListener("click", () => {
  const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = [...button.closest(".table").querySelectorAll("tr:not(.off)")].map((row) => [...row.cells]
    .map((cell) => quote(cell.dataset.value ?? cell.innerText.trim())).join(","));
  const url = URL.createObjectURL(new Blob([`${rows.join("\n")}\n`], { type: "text/csv" }));
  Object.assign(document.createElement("a"), { href: url, download: button.dataset.file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}));
addEventListener("beforeprint", () => document.querySelectorAll("details.more").forEach((part) => { part.open = true; }));
